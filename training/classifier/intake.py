"""What somebody hands in to be labelled: a CSV file of products and a folder of photographs."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from training.classifier.catalogue import Product, product_text
from training.classifier.images import ImageFile
from vitrine.errors import BadArgumentError

ID_COLUMNS = ("product_id", "id")
NAME_COLUMNS = ("name", "productDisplayName")
DESCRIPTION_COLUMNS = ("description", "composition")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


class Intake(NamedTuple):
    """What was read.

    `text_columns` are those that make the products' text, as the file calls them.
    """

    products: list[Product]
    refused_row_count: int
    text_columns: tuple[str, ...]


def read_products(path: Path, images: Path) -> Intake:
    """Read a CSV file of products, and find their photographs.

    The columns' names are read in any case. A row without an id, or with one seen before, is
    refused. Unquoted commas in the last column are taken as part of it, since exports of shops
    often hold a free text there.

    Raises
    ------
    BadArgumentError
        If the file or folder is absent, the file has no id column or no row, or is no CSV.
    """
    if not images.is_dir():
        raise BadArgumentError(f"--images {images}: there is no such folder")
    rows, refused, text_columns = _read_rows(path)
    files = find_images(images, rows)
    products = [
        Product(product_id, text, tuple(files[product_id])) for product_id, text in rows.items()
    ]
    return Intake(products, refused, text_columns)


def find_images(folder: Path, product_ids: Iterable[str]) -> dict[str, list[ImageFile]]:
    """Find the photographs `ID.jpg`, `ID_view.jpg` and `ID-view.jpg`, in sub-folders too.

    They are ordered by path; where several ids fit a name, the longest one owns it.
    """
    known = set(product_ids)
    found: dict[str, list[ImageFile]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            owner = _owner(path.stem, known)
            if owner is not None:
                found[owner].append(ImageFile(path))
    return found


def _owner(stem: str, known: set[str]) -> str | None:
    ends = [len(stem), *(i for i in range(len(stem) - 1, 0, -1) if stem[i] in "_-")]
    return next((stem[:end] for end in ends if stem[:end] in known), None)


def _read_rows(path: Path) -> tuple[dict[str, str], int, tuple[str, ...]]:
    """Return id -> text, how many rows were refused, and which columns make the text."""
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            id_column = _id_column(path, header)
            names, descriptions = _named(header, NAME_COLUMNS), _named(header, DESCRIPTION_COLUMNS)
            rows: dict[str, str] = {}
            refused = 0
            for fields in reader:
                values = _by_name(header, fields)
                product_id = values.get(id_column, "").strip()
                if product_id and product_id not in rows:
                    rows[product_id] = _text(values, names, descriptions)
                elif fields:
                    refused += 1
    except OSError as error:
        raise BadArgumentError(f"--products {path}: {error.strerror}") from None
    except csv.Error as error:
        raise BadArgumentError(f"--products {path} is not a CSV file: {error}") from None
    if not rows:
        raise BadArgumentError(f"--products {path}: no row with a product id in {id_column}")
    return rows, refused, (*names, *descriptions)


def _id_column(path: Path, header: list[str]) -> str:
    for column in _named(header, ID_COLUMNS):
        return column
    raise BadArgumentError(
        f"--products {path}: no column {' or '.join(ID_COLUMNS)};"
        f" it has {', '.join(header) or 'no columns at all'}"
    )


def _named(header: list[str], wanted: tuple[str, ...]) -> list[str]:
    """Return the columns with one of the names, as the file writes them, in the names' order."""
    written = {column.casefold(): column for column in reversed(header)}
    return [written[name.casefold()] for name in wanted if name.casefold() in written]


def _by_name(header: list[str], fields: list[str]) -> dict[str, str]:
    last = len(header) - 1
    return dict(zip(header, [*fields[:last], ",".join(fields[last:])], strict=False))


def _text(values: dict[str, str], names: list[str], descriptions: list[str]) -> str:
    name = next((values[column] for column in names if values.get(column)), None)
    return product_text(name, " ".join(values[c] for c in descriptions if values.get(c)))

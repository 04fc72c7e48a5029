"""A fashion catalogue: `products.csv` with one row per product, and `images/<id>.jpg`.

The catalogue carries no dates. It is one drop that belongs to the first whole UTC day of the
interval asked for, and its rows are received at that day's first instant: whoever lands the shop
says by the interval when it was delivered. Landing another day delivers the catalogue again, as a
shop does that sends all of it every time; the newest received row holds.

Rules, in the order in which they are applied; the first that fits decides:

1. 'malformed': a row with too few or too many fields, such as an unquoted comma in a name.
2. 'bad_id': the id is not a number. It names the image file, so nothing else is let through.
3. 'no_name': the product has no name.
4. 'duplicate_product': the id stood in an earlier row of the file.
5. 'no_image': `images/<id>.jpg` is missing.
6. 'unreadable_image': the file is empty, larger than 20 MB, or does not begin and end as a JPEG
   does (a truncated upload). Whether its pixels decode is the classifier's to say.

A product without a usable photograph is refused as a whole: this shop puts nothing on its pages
that it cannot show. Images that no row names are left alone.

A label that is empty or `NA` is missing: its key is absent from `attributes`. All other labels stay
as the shop wrote them. The shop states no prices (`list_price` is null) and no brands (its own name
stands for them).
"""

import hashlib
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from vitrine import raw_csv
from vitrine.interval import DAY, Interval, floor
from vitrine.raw_csv import FILE, ROW
from vitrine.sources import Batch, Drop

# Raw columns that are labels; each is a task of the classifier under the shop's own name.
LABELS = (
    "gender",
    "masterCategory",
    "subCategory",
    "articleType",
    "baseColour",
    "season",
    "year",
    "usage",
)
HEADER = ("id", *LABELS, "productDisplayName")
NO_LABEL = ("", "NA")
CATALOGUE = "products.csv"
IMAGES = "images"
BRAND = "Fashion Products"
UNKNOWN = "unknown"
VIEW = "front"
LARGEST_IMAGE_BYTES = 20_000_000
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"


class FashionProducts:
    """The shop's format; see the module's docstring for the rules."""

    name = "fashion_products"
    provides = frozenset({"products", "product_images"})
    # ISO 4217 for "no currency": the shop states no amounts.
    currency = "XXX"
    day_features_delay = timedelta(0)
    delivery_step = DAY

    def drops(self, landing: Path, interval: Interval) -> list[Drop]:
        """Give the catalogue as the drop of the first whole day in `interval`, if it has one."""
        is_midnight = floor(interval.start, DAY) == interval.start
        first = floor(interval.start, DAY) + (DAY * 0 if is_midnight else DAY)
        day = Interval(first, first + DAY)
        catalogue = landing / CATALOGUE
        return [Drop(day, (catalogue,))] if interval.covers(day) and catalogue.exists() else []

    def read(self, landing: Path, drop: Drop) -> Batch:
        """Turn the catalogue into products and product images.

        Raises
        ------
        BadInputError
            If the CSV file cannot be read at all.
        """
        raw = raw_csv.read(drop.files[0], HEADER, landing)
        rows = _with_images(_with_reason(raw.rows.to_pandas()), landing)
        rows = rows.assign(product_id=rows["id"], received_at=pd.Timestamp(drop.interval.start))
        accepted = rows[rows["reason"] == ""]
        return Batch(
            tables={"products": _products(accepted), "product_images": _images(accepted)},
            rows_in={raw.file: raw.row_count},
            accepted={raw.file: len(accepted)},
            quarantined=raw.quarantine(_refused(rows), "products"),
        )


def _with_reason(raw: pd.DataFrame) -> pd.DataFrame:
    """Add `name` and `reason`: '' where only the image can still be at fault."""
    name = raw["productDisplayName"].str.strip()
    rules = {
        "bad_id": ~raw["id"].str.fullmatch(r"[0-9]+"),
        "no_name": name == "",
        "duplicate_product": raw.duplicated("id"),
    }
    reason = np.select(list(rules.values()), list(rules), default="")
    return raw.assign(name=name, reason=reason)


def _with_images(rows: pd.DataFrame, landing: Path) -> pd.DataFrame:
    """Add `path` and `sha256`, and the reason of each image that is at fault."""
    path = IMAGES + "/" + rows["id"] + ".jpg"
    looked_at = path[rows["reason"] == ""]
    found = pd.DataFrame(
        [inspect_image(landing / p) for p in looked_at],
        index=looked_at.index,
        columns=["reason", "sha256"],
        dtype=object,
    )
    return rows.assign(
        path=path,
        reason=rows["reason"].where(rows["reason"] != "", found["reason"]),
        sha256=found["sha256"],
    )


def inspect_image(path: Path) -> tuple[str, str | None]:
    """Return what is wrong with an image file at first sight ('' if nothing is) and its hash."""
    if not path.is_file():
        return "no_image", None
    if not 0 < path.stat().st_size <= LARGEST_IMAGE_BYTES:
        return "unreadable_image", None
    data = path.read_bytes()
    if not (data.startswith(JPEG_START) and data.rstrip(b"\0").endswith(JPEG_END)):
        return "unreadable_image", None
    return "", hashlib.sha256(data).hexdigest()


def _products(rows: pd.DataFrame) -> pa.Table:
    labels = rows[list(LABELS)].where(~rows[list(LABELS)].isin(NO_LABEL), None)
    table = pa.Table.from_pandas(
        pd.DataFrame(
            {
                "product_id": rows["product_id"],
                "name": rows["name"],
                "brand": BRAND,
                "sector": labels["masterCategory"].fillna(UNKNOWN),
                "sub_sector": labels["subCategory"].fillna(UNKNOWN),
                "colour": labels["baseColour"],
                "audience": labels["gender"],
                "received_at": rows["received_at"],
                FILE: rows[FILE],
                ROW: rows[ROW],
            }
        ),
        preserve_index=False,
    )
    return table.append_column("attributes", _attributes(labels))


def _attributes(labels: pd.DataFrame) -> pa.Array:
    """Map each product's tasks to its labels; a missing label has no key."""
    maps = [
        [(task, label) for task, label in zip(LABELS, row, strict=True) if label]
        for row in labels.itertuples(index=False)
    ]
    return pa.array(maps, pa.map_(pa.string(), pa.string()))


def _images(rows: pd.DataFrame) -> pa.Table:
    wanted = ["product_id", "view", "path", "sha256", "received_at", FILE, ROW]
    return pa.Table.from_pandas(rows.assign(view=VIEW)[wanted], preserve_index=False)


def _refused(rows: pd.DataFrame) -> pa.Table:
    refused = rows[rows["reason"] != ""]
    about_image = refused["reason"].isin(["no_image", "unreadable_image"])
    detail = refused["path"].where(about_image, refused["id"])
    frame = pd.DataFrame({"row": refused[ROW], "reason": refused["reason"], "detail": detail})
    return pa.Table.from_pandas(frame, preserve_index=False)


SOURCE = FashionProducts()

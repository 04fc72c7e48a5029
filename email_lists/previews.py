"""Rendered e-mails to look at before a list goes out: one per segment, with and without history.

They show no address.
"""

import hashlib
from pathlib import Path
from typing import Any

import jinja2
import pyarrow as pa

from email_lists.frames import select
from email_lists.texts import reason, texts

TEMPLATES = Path(__file__).parent / "templates"
PICTURE_TYPES = (".png", ".jpg", ".jpeg", ".webp")

_CHOSEN = """
select * from people
qualify row_number() over (
    partition by segment, has_history order by len(products) desc, customer_id
) = 1
order by segment, has_history, customer_id
"""

_FRONTS = """
select product_id, path from images
qualify row_number() over (
    partition by product_id order by view <> 'front', view, received_at desc, path
) = 1
"""


def write(
    people: pa.Table, images: pa.Table, landing: Path, folder: Path, head: dict[str, str]
) -> list[str]:
    """Render the previews and an index into `folder`; return the file names of the e-mails.

    Parameters
    ----------
    people
        The list, campaigns and products nested.
    images
        The contract's product_images, as received; a picture that is not there is left out.
    landing
        The folder that the pictures' paths are relative to.
    head
        night and currency.
    """
    (folder / "images").mkdir(parents=True)
    chosen = select(_CHOSEN, people=people).to_pylist()
    fronts = {row["product_id"]: row["path"] for row in select(_FRONTS, images=images).to_pylist()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    names = []
    for person in chosen:
        pictures = {
            product["product_id"]: _copied(landing, fronts.get(product["product_id"]), folder)
            for product in person["products"]
        }
        names.append(f"{_kind(person)}.html")
        page = environment.get_template("email.html").render(
            person=person, texts=texts(person["language"]), reason=reason, pictures=pictures, **head
        )
        (folder / names[-1]).write_text(page + "\n")
    index = environment.get_template("index.html").render(
        previews=list(zip(names, chosen, strict=True)), **head
    )
    (folder / "index.html").write_text(index + "\n")
    return names


def _kind(person: dict[str, Any]) -> str:
    letters = "".join(c if c.isalnum() else "_" for c in person["segment"])
    return f"{letters}-{'history' if person['has_history'] else 'no-history'}"


def _copied(landing: Path, path: str | None, folder: Path) -> str | None:
    """Copy a picture beside the pages, named by its hash; None if it is missing or not ours."""
    if path is None:
        return None
    file = (landing / path).resolve()
    if not file.is_relative_to(landing.resolve()) or file.suffix.lower() not in PICTURE_TYPES:
        return None
    if not file.is_file():
        return None
    content = file.read_bytes()
    name = f"images/{hashlib.sha256(content).hexdigest()}{file.suffix.lower()}"
    (folder / name).write_bytes(content)
    return name

"""Rendered e-mails to look at before a list goes out, and a page that leads to them.

Of each segment, strategy and language the letter that shows most; of each segment and strategy,
too, the one that shows least, if that is less. They show no address.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from email_lists.frames import select
from email_lists.mail.pictures import photographs
from email_lists.mail.rendering import Renderer, environment

STRIP = 4
"""Pictures of a letter that the page shows."""

_CHOSEN = """
with counted as (
    select
        *,
        count(*) over (partition by segment, strategy, language) as letter_count,
        row_number() over (
            partition by segment, strategy, language order by shown_count desc, customer_id
        ) as fullest_rank,
        row_number() over (
            partition by segment, strategy order by shown_count, customer_id
        ) as sparest_rank,
        max(shown_count) over (partition by segment, strategy) as most
    from letters
),
final as (
    select 'fullest' as kind, * from counted where fullest_rank = 1
    union all
    select 'sparest' as kind, * from counted where sparest_rank = 1 and shown_count < most
)
select customer_id, kind, segment, strategy, language, letter_count
from final
order by segment, strategy, kind, letter_count desc, language
"""


def write(
    people: pa.Table, images: pa.Table, landing: Path, folder: Path, night: str, renderer: Renderer
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
    night
        What the page calls the list.
    """
    (folder / "images").mkdir(parents=True)
    previews = _chosen(people)
    shown = {product["product_id"] for preview in previews for product in preview["products"]}
    pictures = _copied(folder, photographs(images, landing, shown))
    for preview in previews:
        letter = renderer.letter(preview, pictures)
        preview |= {"name": _name(preview), "subject": letter.subject}
        (folder / f"{preview['name']}.html").write_text(letter.html)
        (folder / f"{preview['name']}.txt").write_text(letter.text)
    index = environment().get_template("index.html")
    page = index.render(previews=previews, pictures=pictures, night=night, strip=STRIP)
    (folder / "index.html").write_text(page)
    return [f"{preview['name']}.html" for preview in previews]


def _chosen(people: pa.Table) -> list[dict[str, Any]]:
    """Return the rows to render, each with kind and letter_count, in the order of the page."""
    letters = people.select(["customer_id", "segment", "strategy", "language"]).append_column(
        "shown_count",
        pc.add(pc.list_value_length(people["products"]), pc.list_value_length(people["campaigns"])),
    )
    chosen = select(_CHOSEN, letters=letters).to_pylist()
    ids = pa.array([row["customer_id"] for row in chosen], pa.string())
    rows = people.filter(pc.is_in(people["customer_id"], ids)).to_pylist()
    by_id = {row["customer_id"]: row for row in rows}
    return [by_id[row["customer_id"]] | row for row in chosen]


def _name(preview: dict[str, Any]) -> str:
    parts = [preview["segment"] or "none", preview["strategy"], preview["language"]]
    parts += ["sparest"] if preview["kind"] == "sparest" else []
    return "-".join("".join(c if c.isalnum() else "_" for c in part) for part in parts)


def _copied(folder: Path, photographs: Mapping[str, Path]) -> dict[str, str]:
    """Copy the products' pictures beside the pages, named by their hashes; return their names."""
    names = {}
    for product_id, file in photographs.items():
        content = file.read_bytes()
        name = f"images/{hashlib.sha256(content).hexdigest()}{file.suffix.lower()}"
        (folder / name).write_bytes(content)
        names[product_id] = name
    return names

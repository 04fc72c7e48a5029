"""The products' photographs: which one stands for a product, and where its file lies."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from email_lists.frames import select

TYPES = (".png", ".jpg", ".jpeg", ".webp")

_FRONTS = """
select product_id, path
from images
semi join asked using (product_id)
qualify row_number() over (
    partition by product_id order by view <> 'front', view, received_at desc, path
) = 1
order by product_id
"""


def photographs(images: pa.Table, landing: Path, product_ids: Iterable[str]) -> dict[str, Path]:
    """Return each product's photograph, the front where there is one.

    One that is missing, is no picture, or lies outside `landing`, is left out.

    Parameters
    ----------
    images
        The contract's product_images, as received; paths are relative to `landing`.
    """
    asked = pa.table({"product_id": pa.array(sorted(set(product_ids)), pa.string())})
    root = landing.resolve()
    rows = select(_FRONTS, images=images, asked=asked).to_pylist()
    files = {row["product_id"]: (root / row["path"]).resolve() for row in rows}
    return {
        product_id: file
        for product_id, file in files.items()
        if file.is_relative_to(root) and file.suffix.lower() in TYPES and file.is_file()
    }

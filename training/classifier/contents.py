"""What is known of a product, as hashes, by which a product that has changed is found."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.classifier.batches import Pixels
from training.classifier.catalogue import Product

FILE = "product_contents.parquet"
SCHEMA = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("seen_sha256", pa.string(), nullable=False),
        pa.field("given_sha256", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Content:
    """Two hashes of a product: what the network sees of it, and the labels that the shop gave.

    The network sees the text and the usable photographs in their order; one that was mended counts
    as a change, and so does one that can no longer be used.
    """

    seen: str
    given: str

    @classmethod
    def of(cls, product: Product, pixels: Pixels) -> "Content":
        """Hash a product; `pixels` gives None for a photograph that cannot be used."""
        usable = [image.sha256 for image in product.images if pixels(image) is not None]
        return cls(_sha256([product.text, usable]), _sha256(sorted(product.labels.items())))


def of_products(products: Sequence[Product], pixels: Pixels) -> dict[str, Content]:
    """Hash products, by id, in their order."""
    return {product.product_id: Content.of(product, pixels) for product in products}


def write(contents: Mapping[str, Content], folder: Path) -> None:
    """Write hashes into a folder, in their order."""
    seen, given = ([getattr(c, name) for c in contents.values()] for name in ("seen", "given"))
    pq.write_table(pa.table([list(contents), seen, given], schema=SCHEMA), folder / FILE)


def read(folder: Path) -> dict[str, Content]:
    """Read what `write` wrote."""
    ids, seen, given = (column.to_pylist() for column in pq.read_table(folder / FILE).columns)
    return {i: Content(s, g) for i, s, g in zip(ids, seen, given, strict=True)}


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()

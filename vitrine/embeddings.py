"""The published product embeddings: which of them were there to be known at an instant.

`training.classifier.embeddings` writes them; who reads them needs neither torch nor the model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vitrine.interval import parse_instant
from vitrine.publish import publications

FILE = "product_embeddings.parquet"


@dataclass(frozen=True)
class Embeddings:
    """One publication: a vector per product, and what the model behind it had learnt from."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def known_from(self) -> datetime:
        """The end of what the model learnt from: labels, and who bought or viewed what."""
        return parse_instant(self.manifest["data_end"])

    def read(self) -> pa.Table:
        """Return product_id and embedding (list<float>), unique by product_id."""
        return pq.read_table(self.folder / FILE, columns=["product_id", "embedding"])


def kept(root: Path) -> Iterator[Embeddings]:
    """Yield the publications that are kept, the newest first."""
    for folder, manifest in publications(root):
        yield Embeddings(folder, manifest)


def known_at(root: Path, instant: datetime) -> Embeddings | None:
    """Return the newest embeddings whose model knew no more than the instant, None without any."""
    return next((found for found in kept(root) if found.known_from <= instant), None)

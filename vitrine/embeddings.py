"""The published product embeddings: which of them were there to be known at an instant.

`training.classifier.embeddings` writes them; who reads them needs neither torch nor the model.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrine.interval import parse_instant
from vitrine.publish import publications

RECEIVED = "content_received_at"
FILE, MANIFEST = "product_embeddings.parquet", "manifest.json"
MODELS_KEPT = 5
"""With a model a week, a month and the present week: small shops' examples reach back so far."""


@dataclass(frozen=True)
class Embeddings:
    """One publication: a vector per product, and what the model behind it had learnt from."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def known_from(self) -> datetime:
        """The end of what the model learnt from: labels, and who bought or viewed what."""
        return parse_instant(self.manifest["data_end"])

    def read(self, known_before: datetime) -> pa.Table:
        """Return product_id and embedding (list<float>), unique by product_id.

        Only of products whose words and photographs, as the model saw them, were received before
        that instant. What an earlier release published does not say when they were; there they
        count as received when the catalogue was read.
        """
        file, columns = self.folder / FILE, ["product_id", "embedding"]
        if RECEIVED in pq.read_schema(file).names:
            return pq.read_table(file, columns=columns, filters=pc.field(RECEIVED) < known_before)
        rows = pq.read_table(file, columns=columns)
        is_known = parse_instant(self.manifest["as_of"]) <= known_before
        return rows if is_known else rows.slice(0, 0)


def kept(root: Path) -> Iterator[Embeddings]:
    """Yield the publications that are kept, the newest first."""
    for folder, manifest in publications(root):
        yield Embeddings(folder, manifest)


def newest_of_models(versions: Sequence[Path]) -> Iterator[Path]:
    """Yield the newest publication of each of the last `MODELS_KEPT` models.

    `versions` are folders of publications, the newest first. A model serves for weeks and its
    vectors are published daily: those of the model before are what an instant of then may know.
    """
    newest: dict[int, Path] = {}
    for folder in versions:
        model = json.loads((folder / MANIFEST).read_text())["version"]
        newest.setdefault(model, folder)
    yield from list(newest.values())[:MODELS_KEPT]


def known_at(root: Path, instant: datetime) -> Embeddings | None:
    """Return the newest embeddings whose model knew no more than the instant, None without any.

    They may hold products that came later; `Embeddings.read` leaves those out.
    """
    return next((found for found in kept(root) if found.known_from <= instant), None)

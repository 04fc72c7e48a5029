"""The labels that products get back: the most probable classes of every task, as a table."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.classifier.batches import encode
from training.classifier.catalogue import Product
from training.classifier.images import BadImageError, ImageFile, decode
from training.classifier.model import ProductClassifier
from training.classifier.prediction import chunks, predict, top
from vitrine.publish import atomic_file

TOP = 3

SCHEMA = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
    ]
)


class Decoder:
    """Decodes images for one use, and keeps account of those that it had to refuse."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.refused: dict[Path, str] = {}

    def __call__(self, file: ImageFile) -> np.ndarray | None:
        """Return uint8 (size, size, 3), or None for an image that cannot be used."""
        try:
            return decode(file.read(), self.size)
        except BadImageError as error:
            self.refused[file.path] = error.reason
            return None

    def reasons(self) -> Counter[str]:
        """Count the refused images by reason."""
        return Counter(self.refused.values())


def label(model: ProductClassifier, products: Sequence[Product], pixels: Decoder) -> pa.Table:
    """Return the top labels of every task per product: columns and types as in `SCHEMA`.

    Rows keep the order of the products, then of the tasks, then of falling probability.
    """
    examples = encode(products, model.tasks, model.config, pixels)
    prediction = predict(model, examples)
    rows = [
        (product.product_id, task.name, task.classes[c], float(probability[n, c]))
        for n, product in enumerate(products)
        for task, probability in zip(model.tasks, prediction.probability, strict=True)
        for c in top(probability[n], TOP)
    ]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def label_in_batches(
    model: ProductClassifier, products: Iterable[Product], pixels: Decoder, size: int = 256
) -> Iterator[pa.Table]:
    """Give the rows of `label` piece by piece, so that memory is bounded by `size` products."""
    for some in chunks(products, size):
        yield label(model, some, pixels)


def write(pieces: Iterable[pa.Table], target: Path) -> int:
    """Write the pieces as one Parquet file, visible when it is whole; return its row count."""
    row_count = 0
    with atomic_file(target) as path, pq.ParquetWriter(path, SCHEMA, compression="zstd") as file:
        for piece in pieces:
            file.write_table(piece)
            row_count += piece.num_rows
    return row_count

"""What is published of a catalogue: a unit vector of each product, and its attributes."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.classifier import attributes
from training.classifier.batches import Example
from training.classifier.catalogue import Product
from training.classifier.model import ProductClassifier
from training.classifier.prediction import predict
from training.registry import ModelVersion
from vitrine.interval import Interval, format_instant
from vitrine.paths import stamp
from vitrine.publish import current_version, new_version

FILE, MANIFEST = "product_embeddings.parquet", "manifest.json"


def schema(width: int) -> pa.Schema:
    """Return the columns of the published file; `embedding` holds `width` floats of unit length."""
    return pa.schema(
        [
            pa.field("product_id", pa.string(), nullable=False),
            pa.field("model_version", pa.int32(), nullable=False),
            pa.field("embedding", pa.list_(pa.float32(), width), nullable=False),
        ]
    )


def publish(
    root: Path,
    model: ProductClassifier,
    version: ModelVersion,
    products: Sequence[Product],
    examples: Sequence[Example],
    known: Interval,
    keep: int,
) -> Path:
    """Embed the catalogue as known in `known` with a registered model, publish it, return where.

    `examples` belong to `products`, in the same order, which is the order of the rows. The labels
    that the shop gave and those that the model adds stand beside the embeddings.
    """
    product_ids = [product.product_id for product in products]
    prediction = predict(model, examples)
    rows = as_table(product_ids, version.version, prediction.embedding_NE)
    guessed = attributes.guesses(model, product_ids, prediction)
    labelled = attributes.as_table(products, model.tasks, guessed, version.version)
    manifest = {
        "model": version.name,
        "version": version.version,
        "as_of": format_instant(known.end),
        "data_end": format_instant(version.data.end),
        "product_count": rows.num_rows,
        "width": model.config.embedding_width,
        "attributes": attributes.counts(labelled),
    }
    with new_version(root, stamp(known.end), keep) as folder:
        pq.write_table(rows, folder / FILE, compression="zstd")
        pq.write_table(labelled, folder / attributes.FILE, compression="zstd")
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return current_version(root)


def as_table(product_ids: Sequence[str], model_version: int, embedding_NE: np.ndarray) -> pa.Table:
    """Return the rows of the published file."""
    width = embedding_NE.shape[1]
    return pa.table(
        [
            pa.array(product_ids, pa.string()),
            pa.array([model_version] * len(product_ids), pa.int32()),
            pa.FixedSizeListArray.from_arrays(pa.array(embedding_NE.ravel()), width),
        ],
        schema=schema(width),
    )

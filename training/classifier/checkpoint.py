"""What a training run's checkpoint is named by: the digest of its settings, products and instant.

Not in it are the pairs that customers made, which the instant decides unless a day of orders was
landed again, and what lies in the folder of a pretrained encoder.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict

import torch

from training.classifier.catalogue import Product, Task
from training.classifier.config import ClassifierConfig
from vitrine.interval import Interval, format_instant


def digest(
    config: ClassifierConfig,
    seed: int,
    tasks: Iterable[Task],
    products: Iterable[Product],
    known: Interval,
) -> str:
    """Return the SHA-256 of settings, seed, tasks, products with their images' hashes, and time."""
    told = [
        config.to_json(),
        seed,
        torch.__version__,
        [asdict(task) for task in tasks],
        [format_instant(known.start), format_instant(known.end)],
    ]
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for product in products:
        images = [image.sha256 for image in product.images]
        row = {**vars(product), "labels": dict(product.labels), "images": images}
        found.update(json.dumps(row, sort_keys=True, default=str).encode())
    return found.hexdigest()

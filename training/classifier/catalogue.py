"""The catalogue as the classifier sees it: products with text, images and labels, from the lake.

Nothing about a shop's tasks stands here: the keys of `products.attributes` are the tasks, their
values the classes, and an absent key is a missing label.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from training.classifier.images import ImageFile
from vitrine import lake
from vitrine.interval import Interval, midnight
from vitrine.paths import Paths

MISSING = -1
HOLD_OUT_SHARE = 0.15


@dataclass(frozen=True)
class Product:
    """One product: its text, its photographs in the order of their views, its known labels."""

    product_id: str
    text: str
    images: tuple[ImageFile, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One question about a product and its possible answers, in a fixed order."""

    name: str
    classes: tuple[str, ...]

    def index(self, label: str | None) -> int:
        """Return the number of a class, or MISSING for no label or one never seen in training."""
        return self.classes.index(label) if label in self.classes else MISSING


def read_catalogue(paths: Paths, as_of: datetime) -> list[Product]:
    """Return the products received before `as_of`, newest row each, ordered by id."""
    images = defaultdict(list)
    for row in _newest(_received(paths, "product_images", as_of), ("product_id", "view")):
        images[row["product_id"]].append(ImageFile(paths.landing / row["path"], row["sha256"]))
    return [
        Product(
            product_id=row["product_id"],
            text=product_text(row["name"], row["description"]),
            images=tuple(images[row["product_id"]]),
            labels=dict(row["attributes"]),
        )
        for row in _newest(_received(paths, "products", as_of), ("product_id",))
    ]


def data_interval(paths: Paths, as_of: datetime) -> Interval | None:
    """Return from the first day of receipt of a product to `as_of`; None if none came before."""
    days = [day for day in lake.days(paths.lake, "products") if midnight(day) < as_of]
    return Interval(midnight(days[0]), as_of) if days else None


def product_text(name: str | None, description: str | None) -> str:
    """Join what is said about a product in words."""
    return " ".join(part for part in (name, description) if part)


def find_tasks(products: Iterable[Product]) -> tuple[Task, ...]:
    """List the tasks that have at least two classes among `products`, by name."""
    classes: dict[str, set[str]] = defaultdict(set)
    for product in products:
        for name, label in product.labels.items():
            classes[name].add(label)
    return tuple(
        Task(name, tuple(sorted(classes[name])))
        for name in sorted(classes)
        if len(classes[name]) > 1
    )


def label_indices(product: Product, tasks: tuple[Task, ...]) -> np.ndarray:
    """Return one class number per task, int64 (tasks,); MISSING where there is none."""
    return np.asarray([task.index(product.labels.get(task.name)) for task in tasks], np.int64)


def is_held_out(product_id: str) -> bool:
    """Tell whether a product is kept for evaluation: the same 15 % of ids, always and everywhere.

    The first eight bytes of the id's SHA-256, read as a fraction, lie below 0.15. No seed enters,
    so no model of any run has ever been trained on another run's hold-out.
    """
    digest = hashlib.sha256(product_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < HOLD_OUT_SHARE


def _received(paths: Paths, table: str, as_of: datetime) -> pa.Table:
    days = lake.days(paths.lake, table)
    start = min([midnight(day) for day in days if midnight(day) < as_of], default=None)
    if start is None:
        return pa.table({})
    return lake.read(paths.lake, table, Interval(start, as_of))


def _newest(rows: pa.Table, key: tuple[str, ...]) -> list[dict]:
    """Return the newest received row per key, ordered by key."""
    newest: dict[tuple, dict] = {}
    for row in rows.to_pylist():
        identity = tuple(row[name] for name in key)
        if identity not in newest or row["received_at"] >= newest[identity]["received_at"]:
            newest[identity] = row
    return [newest[identity] for identity in sorted(newest)]

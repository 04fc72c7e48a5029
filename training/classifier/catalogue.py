"""The catalogue as the classifier sees it: products with text, images and labels, from the lake.

Nothing about a shop's tasks stands here: the keys of `products.attributes` are the tasks, their
values the classes, and an absent key is a missing label. A value may hold several answers, as in
`cotton|elastane`; then its task is a multi-label one.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.classifier.images import ImageFile
from vitrine import lake
from vitrine.interval import Interval, midnight
from vitrine.paths import Paths

SEPARATOR = "|"
"""Stands between the answers of a label that has several."""
HELD_OUT_SHARE = 0.15
TUNING_SHARE = 0.10


class Part(Enum):
    """What a labelled product is for."""

    TRAINED_ON = "trained on"
    TUNING = "tuning"
    """Decides when to stop, how sure the model is, and when it abstains."""
    HELD_OUT = "held out"
    """Decides nothing about a model: it judges the finished one."""


@dataclass(frozen=True)
class Product:
    """One product: its text, its photographs in the order of their views, its known labels."""

    product_id: str
    text: str
    images: tuple[ImageFile, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    category: str = ""
    """What it is sold as; products of one category are the hardest to tell apart."""
    seen_since: datetime | None = None
    """When its text and photographs, as they are now, were complete at receipt; None if unknown."""


@dataclass(frozen=True)
class Task:
    """One question about a product and its possible answers, in a fixed order.

    One of the classes is right, or in a multi-label task any number of them.
    """

    name: str
    classes: tuple[str, ...]
    is_multi_label: bool = False

    def numbers(self, label: str | None) -> list[int]:
        """Return the classes that a label names, by number, rising.

        Empty for a missing label, for answers never seen in training, and for several answers to a
        task that has one:

            classes (cotton, linen, silk), multi-label, "silk|cotton|moss"  ->  [0, 2]
        """
        given = answers(label or "")
        if len(given) > 1 and not self.is_multi_label:
            return []
        return sorted(self._number_of[answer] for answer in given if answer in self._number_of)

    def label(self, numbers: Iterable[int]) -> str:
        """Write classes as one label, in the order of their numbers."""
        return SEPARATOR.join(self.classes[number] for number in sorted(numbers))

    @cached_property
    def _number_of(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.classes)}


def answers(label: str) -> tuple[str, ...]:
    """Return the different answers of a label, in their order; empty for an empty label.

    >>> answers("cotton|elastane|cotton")
    ('cotton', 'elastane')
    """
    return tuple(dict.fromkeys(part.strip() for part in label.split(SEPARATOR) if part.strip()))


def read_catalogue(paths: Paths, as_of: datetime) -> list[Product]:
    """Return the products received before `as_of`, newest row each, ordered by id."""
    images, since = defaultdict(list), defaultdict(list)
    for row in newest_photographs(paths, as_of):
        images[row["product_id"]].append(ImageFile(paths.landing / row["path"], row["sha256"]))
        since[row["product_id"]].append(row["seen_since"])
    return [
        Product(
            product_id=row["product_id"],
            text=product_text(row["name"], row["description"]),
            images=tuple(images[row["product_id"]]),
            labels=dict(row["attributes"]),
            category=row["sub_sector"],
            seen_since=max([row["seen_since"], *since[row["product_id"]]]),
        )
        for row in newest_descriptions(paths, as_of)
    ]


def newest_descriptions(
    paths: Paths, as_of: datetime, product_ids: Sequence[str] | None = None
) -> list[dict]:
    """Return the rows of `products` received before `as_of`, newest each, ordered by id.

    `seen_since` is when the oldest row came since which name and description are as they are.
    """
    rows = _received(paths, "products", as_of, product_ids)
    return _newest(rows, ("product_id",), ("name", "description"))


def newest_photographs(
    paths: Paths, as_of: datetime, product_ids: Sequence[str] | None = None
) -> list[dict]:
    """Return the rows of `product_images` received before `as_of`, newest each, ordered by key.

    `seen_since` is when the oldest row came since which the photograph is the same file.
    """
    rows = _received(paths, "product_images", as_of, product_ids)
    return _newest(rows, ("product_id", "view"), ("path", "sha256"))


def data_interval(paths: Paths, as_of: datetime) -> Interval | None:
    """Return from the first day of receipt of a product to `as_of`; None if none came before.

    It ends with the newest day of which anything was received, if that is earlier: who names a
    later instant knows no more, and what says that it did would stand in the way of what does.
    """
    days = [day for day in lake.days(paths.lake, "products") if midnight(day) < as_of]
    received_until = lake.received_until(paths.lake)
    if not days or received_until is None:
        return None
    return Interval(midnight(days[0]), min(as_of, received_until))


def product_text(name: str | None, description: str | None) -> str:
    """Join what is said about a product in words."""
    return " ".join(part for part in (name, description) if part)


def find_tasks(products: Iterable[Product]) -> tuple[Task, ...]:
    """List the tasks that have at least two classes among `products`, by name.

    A task is multi-label where at least one product has several answers.
    """
    classes: dict[str, set[str]] = defaultdict(set)
    multi_label: set[str] = set()
    for product in products:
        for name, label in product.labels.items():
            given = answers(label)
            classes[name].update(given)
            if len(given) > 1:
                multi_label.add(name)
    return tuple(
        Task(name, tuple(sorted(classes[name])), name in multi_label)
        for name in sorted(classes)
        if len(classes[name]) > 1
    )


def label_numbers(product: Product, tasks: tuple[Task, ...]) -> np.ndarray:
    """Return what is known of a product, int64 (n, 2): a task's number and a class's, ordered."""
    known = [
        (k, c) for k, task in enumerate(tasks) for c in task.numbers(product.labels.get(task.name))
    ]
    return np.asarray(known, np.int64).reshape(-1, 2)


def part_of(product_id: str) -> Part:
    """Return what a product is for: the same for ever, in every run and on every machine.

    The first eight bytes of the id's SHA-256, read as a fraction: below 0.15 it is held out, below
    0.25 it tunes. No seed enters, so no run's model was ever trained on another one's hold-out.
    """
    digest = hashlib.sha256(product_id.encode()).digest()
    fraction = int.from_bytes(digest[:8], "big") / 2**64
    if fraction < HELD_OUT_SHARE:
        return Part.HELD_OUT
    return Part.TUNING if fraction < HELD_OUT_SHARE + TUNING_SHARE else Part.TRAINED_ON


def _received(
    paths: Paths, table: str, as_of: datetime, product_ids: Sequence[str] | None
) -> pa.Table:
    """Read the rows that were received before `as_of`: of all products, or of some."""
    days = lake.days(paths.lake, table)
    start = min([midnight(day) for day in days if midnight(day) < as_of], default=None)
    if start is None:
        return pa.table({})
    rows = lake.read(paths.lake, table, Interval(start, as_of))
    if product_ids is None:
        return rows
    return rows.filter(pc.is_in(rows["product_id"], pa.array(product_ids, pa.string())))


def _newest(rows: pa.Table, key: tuple[str, ...], seen: tuple[str, ...]) -> list[dict]:
    """Return the newest received row per key, ordered by key.

    Each says as `seen_since` how long ago the `seen` columns have been received as they are: a row
    that is delivered again, or with another label, makes what is seen no younger.
    """
    newest: dict[tuple, dict] = {}
    for row in sorted(rows.to_pylist(), key=lambda row: row["received_at"]):
        identity = tuple(row[name] for name in key)
        before = newest.get(identity)
        is_same = before is not None and all(before[name] == row[name] for name in seen)
        since = before["seen_since"] if before and is_same else row["received_at"]
        newest[identity] = row | {"seen_since": since}
    return [newest[identity] for identity in sorted(newest)]

"""The labels that products get back: the likeliest classes of every task, and which are answers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from training.classifier.batches import encode
from training.classifier.calibration import Shown
from training.classifier.catalogue import SEPARATOR, Product, Task
from training.classifier.decoding import BadImageError, decode
from training.classifier.images import ImageFile
from training.classifier.model import ProductClassifier
from training.classifier.prediction import chunks, predict, top
from vitrine.publish import atomic_file

TOP = 3
ANSWER, RUNNER_UP, ASK = "answer", "runner-up", "ask a person"

SCHEMA = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
    ]
)
"""`verdict`: whether the label is an answer, or comes after one, or the task is a person's to
answer, who may choose among the rows. `probability` is calibrated."""


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
    """Return the likeliest labels of every task per product: columns and types as in `SCHEMA`.

    There are `TOP` rows a task, or more where a multi-label task has more answers, and fewer where
    it has fewer classes. They keep the order of the products, then of the tasks, then of falling
    probability.
    """
    examples = encode(products, model.tasks, model.config, pixels)
    prediction = predict(model, examples)
    of_tasks = list(zip(model.tasks, prediction.probability, prediction.given, strict=True))
    rows = [
        (product.product_id, task.name, *row)
        for n, product in enumerate(products)
        for task, probability_NC, is_given_NC in of_tasks
        for row in _rows(task, probability_NC[n], is_given_NC[n])
    ]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _rows(
    task: Task, probability_C: np.ndarray, is_given_C: np.ndarray
) -> Iterator[tuple[str, float, str]]:
    answer_count = int(is_given_C.sum())
    for c in top(probability_C, max(TOP, answer_count)):
        verdict = ASK if not answer_count else ANSWER if is_given_C[c] else RUNNER_UP
        yield task.classes[c], float(probability_C[c]), verdict


def wide(rows: pa.Table, tasks: Sequence[Task]) -> pa.Table:
    """Turn the rows of `label` into one row a product: columns as in `wide_schema`."""
    answers: dict[str, dict[str, list[str]]] = {}
    for product_id, task, label_, _, verdict in zip(*rows.to_pydict().values(), strict=True):
        of_task = answers.setdefault(product_id, {}).setdefault(task, [])
        if verdict == ANSWER:
            of_task.append(label_)
    records = [
        {
            "product_id": product_id,
            **{task: SEPARATOR.join(sorted(labels)) or None for task, labels in of_tasks.items()},
            "ask_a_person": SEPARATOR.join(task for task in of_tasks if not of_tasks[task]) or None,
        }
        for product_id, of_tasks in answers.items()
    ]
    return pa.Table.from_pylist(records, schema=wide_schema(tasks))


def wide_schema(tasks: Sequence[Task]) -> pa.Schema:
    """Return the columns of one row a product.

    `product_id`; each task's answer, several of them between `SEPARATOR`, null where the model
    abstains; `ask_a_person`, the tasks for which it does.
    """
    names = ("product_id", *(task.name for task in tasks), "ask_a_person")
    return pa.schema([pa.field(name, pa.string()) for name in names])


def label_in_batches(
    model: ProductClassifier, products: Iterable[Product], pixels: Decoder, size: int = 256
) -> Iterator[pa.Table]:
    """Give the rows of `label` piece by piece, so that memory is bounded by `size` products."""
    for some in chunks(products, size):
        yield label(model, some, pixels)


def counted(pieces: Iterable[pa.Table], answered: Counter[str]) -> Iterator[pa.Table]:
    """Pass on the rows of `label`; count by task the products that got an answer."""
    for piece in pieces:
        answers = piece.filter(pc.equal(piece["verdict"], ANSWER)).select(["product_id", "task"])
        distinct = answers.group_by(["product_id", "task"]).aggregate([])
        answered.update(distinct["task"].to_pylist())
        yield piece


def summary(model: ProductClassifier, answered: Counter[str], product_count: int) -> list[str]:
    """Say per task how many of at least one product got an answer, and why where none can."""
    width = max(len(task.name) for task in model.tasks)
    lines = []
    for k, task in enumerate(model.tasks):
        calibration = model.calibrations[Shown.BOTH][k]
        said = f"{100 * answered[task.name] / product_count:5.1f} %"
        silent = [s.value for s in Shown if model.calibrations[s][k].is_silent]
        if not answered[task.name] and calibration.is_silent:
            said = f"never: {calibration.reason()}"
        elif not answered[task.name]:
            said += f"; never from {', '.join(silent)}"
        lines.append(f"  {task.name:<{width}}  {said}")
    return lines


def write(pieces: Iterable[pa.Table], target: Path, schema: pa.Schema = SCHEMA) -> int:
    """Write the pieces as one file, visible when it is whole; return its row count.

    A name that ends with .csv makes it a CSV file, one with .parquet Parquet.
    """
    row_count = 0
    is_csv = target.suffix.lower() == ".csv"
    with (
        atomic_file(target) as path,
        csv.CSVWriter(path, schema)
        if is_csv
        else pq.ParquetWriter(path, schema, compression="zstd") as file,
    ):
        for piece in pieces:
            file.write_table(piece)
            row_count += piece.num_rows
    return row_count

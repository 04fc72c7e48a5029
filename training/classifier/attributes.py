"""The published attributes of products: what the shop says, and where it is silent, the model.

What belongs here: making the rows from labels and predictions. They are published together with the
embeddings of the same pass through the network (`training.classifier.embeddings`).

A given label is never overwritten, and a label below its task's threshold is never made up.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.classifier.catalogue import SEPARATOR, Product, Task, answers
from training.classifier.model import ProductClassifier
from training.classifier.prediction import Prediction
from vitrine.errors import GateError

FILE = "product_attributes.parquet"
GIVEN, PREDICTED, ASK = SOURCES = ("given", "predicted", "ask a person")

SCHEMA = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("probability", pa.float32()),
        pa.field("model_version", pa.int32()),
        pa.field("guess", pa.string()),
        pa.field("guess_probability", pa.float32()),
        pa.field("is_sure", pa.bool_(), nullable=False),
        pa.field("is_disputed", pa.bool_(), nullable=False),
    ]
)
"""The published columns; `vitrine.transform.product_tables` says what each is."""

GUESSES = pa.schema(
    [
        pa.field("product_id", pa.string()),
        pa.field("task", pa.string()),
        pa.field("guess", pa.string()),
        pa.field("guess_probability", pa.float32()),
        pa.field("is_sure", pa.bool_()),
    ]
)

_MERGED = f"""
    with combined as (
        select
            product_id, task, given.label as given_label,
            guess, guess_probability, coalesce(is_sure, false) as is_sure,
            list_transform(string_split(given.label, '{SEPARATOR}'), lambda part: trim(part))
                as given_answers,
            string_split(guess, '{SEPARATOR}') as guessed_answers
        from given full join guesses using (product_id, task)
    ),

    sourced as (
        select
            *,
            case
                when given_label is not null then '{GIVEN}'
                when is_sure then '{PREDICTED}'
                else '{ASK}'
            end as source
        from combined
    )

    select
        product_id,
        task,
        case source when '{GIVEN}' then given_label when '{PREDICTED}' then guess end as label,
        source,
        if(source = '{PREDICTED}', guess_probability, null) as probability,
        if(source = '{GIVEN}', null, $version) as model_version,
        guess,
        guess_probability,
        is_sure,
        source = '{GIVEN}' and is_sure and not list_has_all(given_answers, guessed_answers)
            as is_disputed
    from sourced
    order by product_id, task
"""
_COUNTED = (
    "select source, count(*), count(*) filter (is_disputed) from read_parquet($file) group by 1"
)


def guesses(
    model: ProductClassifier, product_ids: Sequence[str], prediction: Prediction
) -> pa.Table:
    """Return what the model thinks of each product and task, whether it answers or not.

    Columns as in `GUESSES`: `guess` is what it answers with, or the likeliest class where it
    abstains, `guess_probability` that of its least probable part, and `is_sure` whether it answers.

    Parameters
    ----------
    product_ids, prediction
        The same products, in the same order; as many as suit the memory.
    """
    return pa.concat_tables(
        _guesses_of(task, product_ids, probability_NC, given_NC)
        for task, probability_NC, given_NC in zip(
            model.tasks, prediction.probability, prediction.given, strict=True
        )
    )


class EarlierGuesses:
    """The guesses of a published folder, read once from beginning to end, a few at a time.

    They are asked for in the order of the file, which is that of the products: by id.
    """

    def __init__(self, folder: Path) -> None:
        self._tables = _tables(folder / FILE)
        self._rest = GUESSES.empty_table()

    def of(self, product_ids: Sequence[str]) -> pa.Table:
        """Return the guesses about products whose ids rise, and are later than any asked before.

        Of a product that was not there then, there are none.
        """
        wanted = pa.array(product_ids, pa.string())
        passed = self._until(wanted[-1])
        found = [rows.filter(pc.is_in(rows["product_id"], wanted)) for rows in passed]
        return pa.concat_tables([GUESSES.empty_table(), *found])

    def _until(self, last: pa.StringScalar) -> Iterator[pa.Table]:
        """Pass over the rows up to those of a product."""
        while not self._rest.num_rows or self._rest["product_id"][0].as_py() <= last.as_py():
            count = pc.sum(pc.less_equal(self._rest["product_id"], last), min_count=0).as_py()
            yield self._rest.slice(0, count)
            self._rest = self._rest.slice(count)
            if not self._rest.num_rows:
                following = next(self._tables, None)
                if following is None:
                    return
                self._rest = following


def as_table(
    products: Sequence[Product], tasks: Sequence[Task], guessed: pa.Table, version: int
) -> pa.Table:
    """Return a row per product and task, ordered by both: columns and types as in `SCHEMA`.

    A task that the model does not know has a row where the shop gave its label.

    Raises
    ------
    ValueError
        If `guessed` does not hold each product and task of the model exactly once.
    """
    with duckdb.connect() as connection:
        connection.register("given", _given(products))
        connection.register("guesses", guessed)
        _require_all(connection, [p.product_id for p in products], [t.name for t in tasks])
        return connection.sql(_MERGED, params={"version": version}).to_arrow_table().cast(SCHEMA)


def reconciled(file: Path, products: Sequence[Product], tasks: Sequence[Task]) -> dict[str, int]:
    """Count a written file by source, and hold it to the catalogue that it was made of.

    Raises
    ------
    GateError
        Unless every label of the shop is there as given, and every other pair of a product and a
        task of the model as predicted or asked.
    """
    names = {task.name for task in tasks}
    given = [t for product in products for t, label in product.labels.items() if answers(label)]
    expected = len(products) * len(tasks) + sum(task not in names for task in given)
    with duckdb.connect() as connection:
        rows = connection.execute(_COUNTED, {"file": str(file)}).fetchall()
    found = {source: count for source, count, _ in rows}
    if sum(found.values()) != expected or found.get(GIVEN, 0) != len(given):
        raise GateError(
            f"product attributes: {sum(found.values()):,} rows, {found.get(GIVEN, 0):,} of them"
            f" given, were made of a catalogue that needs {expected:,} and gives {len(given):,}"
        )
    return {
        "row_count": expected,
        **{f"{source.replace(' ', '_')}_count": found.get(source, 0) for source in SOURCES},
        "disputed_count": sum(disputed for _, _, disputed in rows),
    }


def _tables(file: Path) -> Iterator[pa.Table]:
    """Read the guesses of a file piece by piece; it is open while that goes on."""
    with pq.ParquetFile(file) as rows:
        for batch in rows.iter_batches(columns=GUESSES.names):
            table = pa.Table.from_batches([batch]).select(GUESSES.names).cast(GUESSES)
            yield table.filter(pc.is_valid(table["guess"]))


def _require_all(
    connection: duckdb.DuckDBPyConnection, product_ids: list[str], tasks: list[str]
) -> None:
    asked = "select unnest($products) as product_id, task from (select unnest($tasks) as task)"
    missing, superfluous = connection.execute(
        f"""
        with asked as ({asked})
        select
            (select count(*) from (from asked except select product_id, task from guesses)),
            (select count(*) from guesses) - (select count(*) from asked)
        """,
        {"products": product_ids, "tasks": tasks},
    ).fetchall()[0]
    if missing or superfluous:
        raise ValueError(
            f"of {len(product_ids)} products and {len(tasks)} tasks {missing} guesses are missing,"
            f" and there are {superfluous:+d} rows more than there should be"
        )


def _guesses_of(
    task: Task, product_ids: Sequence[str], probability_NC: np.ndarray, given_NC: np.ndarray
) -> pa.Table:
    is_sure_N, is_guess_NC = given_NC.any(1), given_NC.copy()
    unsure_N = np.flatnonzero(~is_sure_N)
    is_guess_NC[unsure_N, probability_NC[unsure_N].argmax(1)] = True
    return pa.table(
        [
            pa.array(product_ids, pa.string()),
            pa.repeat(pa.scalar(task.name, pa.string()), len(product_ids)),
            _labels(task, is_guess_NC),
            pa.array(np.where(is_guess_NC, probability_NC, np.inf).min(1), pa.float32()),
            pa.array(is_sure_N),
        ],
        schema=GUESSES,
    )


def _labels(task: Task, is_guess_NC: np.ndarray) -> pa.Array:
    if task.is_multi_label:
        return pa.array([task.label(np.flatnonzero(row)) for row in is_guess_NC], pa.string())
    return pa.array(task.classes, pa.string()).take(pa.array(is_guess_NC.argmax(1)))


def _given(products: Sequence[Product]) -> pa.Table:
    labels = [
        (product.product_id, task, label)
        for product in products
        for task, label in product.labels.items()
        if answers(label)
    ]
    names = ("product_id", "task", "label")
    columns = zip(*labels, strict=True) if labels else ((), (), ())
    return pa.table([pa.array(c, pa.string()) for c in columns], names=names)

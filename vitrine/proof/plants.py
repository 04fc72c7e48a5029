"""Faults planted into a private copy of the published files, to show that they would be seen."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from vitrine.errors import VitrineError
from vitrine.feature_catalogue import feature_model
from vitrine.interval import format_instant
from vitrine.paths import Paths
from vitrine.proof.comparison import Difference
from vitrine.proof.history import MICROSECOND, SALE, Fact
from vitrine.proof.questions import Question
from vitrine.warehouse import DATABASES, published_file

LEDGERS = {
    # function: (ledger that it reads, key of its rows, time from one readable instant to the next)
    "feat_customer": ("daily.intermediate.int_customer_ledger", "customer_id", "24 hours"),
    "feat_campaign_performance": (
        "intraday.intermediate.int_campaign_window_ledger",
        "campaign_id",
        "15 minutes",
    ),
}
COLUMNS = {
    # function: a column that is made to look a day ahead
    "feat_customer": "customer_order_count_365d",
    "feat_campaign_performance": "campaign_turnover_24h",
}
OFFERS = "daily.intermediate.int_offer_spans"
AHEAD = "interval '24 hours'"


@dataclass(frozen=True)
class Plant:
    """A fault: in words, and where it must show."""

    name: str
    description: str
    model: str
    question: Question | None = None
    """The row that it must show in; any row where none is given."""
    feature: str | None = None
    """The feature that it must show in; any feature where none is given."""

    def shows_in(self, difference: Difference) -> bool:
        """Tell whether a difference is where the fault must show."""
        is_row = self.question is None or difference.question == self.question
        return is_row and self.feature in (None, difference.feature)


@contextmanager
def private_copy(paths: Paths, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Copy the published files and open the copies for writing; they are removed at the end."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for database in DATABASES:
            copy = folder / f"{database}.duckdb"
            shutil.copyfile(published_file(paths, database), copy)
            connection.execute(f"attach '{copy}' as {database}")
        yield connection
    for database in DATABASES:
        (folder / f"{database}.duckdb").unlink()


def late_row(
    connection: duckdb.DuckDBPyConnection, model: str, questions: list[Question]
) -> Plant | None:
    """Let a ledger row of a line that came later be readable one run too early.

    None if no question was drawn right before a purchase became readable.
    """
    ledger, key, step = LEDGERS[model]
    for question in questions:
        if question.fact is None or question.fact.kind not in SALE:
            continue
        at = {"key": question.keys[0], "at": question.as_of + MICROSECOND}
        row = f"{key} = $key and available_at = $at::timestamptz"
        # The late row holds all that the row before it does: it takes that row's place.
        connection.execute(f"delete from {ledger} where {row} - interval '{step}'", at)
        ((moved,),) = connection.execute(
            f"update {ledger} set available_at = available_at - interval '{step}' where {row}", at
        ).fetchall()
        if moved:
            described = (
                f"{named(question.fact)}, whose row of {ledger} was made readable {step} before"
                f" its time, {format_instant(question.as_of + MICROSECOND)}"
            )
            return Plant("late row", described, model, question=question)
    return None


def early_offer(
    connection: duckdb.DuckDBPyConnection, model: str, questions: list[Question]
) -> Plant | None:
    """Let an offer be on sale a day before anybody could know that it was.

    None if no question was drawn right before an offer came on sale.
    """
    for question in questions:
        campaign_id, product_id = question.keys
        at = {"campaign": campaign_id, "product": product_id, "at": question.as_of + MICROSECOND}
        ((moved,),) = connection.execute(
            f"update {OFFERS} set from_at = from_at - {AHEAD} where campaign_id = $campaign"
            " and product_id = $product and from_at = $at::timestamptz",
            at,
        ).fetchall()
        if moved:
            described = (
                f"product {product_id} of campaign {campaign_id} on sale 24 hours before"
                f" {format_instant(question.as_of + MICROSECOND)}"
            )
            return Plant(
                "premature offer", described, model, question=question, feature="is_on_sale"
            )
    return None


def named(fact: Fact) -> str:
    """Name a raw row, and say when it came."""
    row = f"line {fact.line} of order {fact.order_id}" if fact.order_id else fact.session_id
    return f"{fact.kind} {row} (received {format_instant(fact.received_at)})"


def peeking_column(
    connection: duckdb.DuckDBPyConnection, model: str, questions: list[Question]
) -> Plant:
    """Let one column of a function use what becomes available a day after the instant.

    Raises
    ------
    VitrineError
        If the published function cannot be rewritten.
    """
    column, function = COLUMNS[model], feature_model(model)
    honest = _definition(connection, function.database, model)
    ahead = honest.replace(
        "FROM query_table(spine)",
        f"FROM (SELECT * REPLACE (as_of + {AHEAD} AS as_of) FROM query_table(spine))",
    )
    if ahead == honest:
        raise VitrineError(f"{function.function} does not read its spine where it did")
    same = " and ".join(f"peeking.{key} = honest.{key}" for key in function.spine[:-1])
    connection.execute(
        f"create or replace macro {function.function}(spine) as table"
        f" select honest.* replace (peeking.{column} as {column}) from ({honest}) as honest"
        f" join ({ahead}) as peeking on {same} and peeking.as_of = honest.as_of + {AHEAD}"
    )
    described = f"{column} of {model} computed with available_at <= as_of + 24 hours"
    return Plant("future-peeking column", described, model, feature=column)


def _definition(connection: duckdb.DuckDBPyConnection, database: str, model: str) -> str:
    ((text,),) = connection.execute(
        "select macro_definition from duckdb_functions()"
        " where database_name = ? and schema_name = 'features' and function_name = ?",
        [database, model],
    ).fetchall()
    return str(text)

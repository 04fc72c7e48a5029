"""Where judgements read: the published warehouse, whatever had reached it, however late."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from email_lists.judging.outcomes import of_customers
from vitrine import letters
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, floor, format_instant
from vitrine.warehouse import connect

_KNOWN_UNTIL = "select data_end_at from daily.features.build_info"

_LETTERS = """
select
    customer_id,
    night,
    segment,
    strategy,
    arm,
    arm_propensity,
    opened_at,
    clicked_at,
    turnover
from daily.marts.fct_letters
where list_name = $list and night >= $first and night < $last
order by customer_id, night
"""

_LEFT_OUT = """
select distinct customer_id, assigned
from daily.intermediate.int_list_assigned
where list_name = $list and night >= $first and night < $last
order by customer_id, assigned
"""

_SALES = """
select order_id, customer_id, line_value, occurred_at
from daily.intermediate.int_order_lines
where
    kind = 'sale'
    and customer_id is not null
    and occurred_at >= $since
    and occurred_at < $until
"""

_SALES_OF_LETTERS = """
select message_id, campaign_id, product_id, line_value
from daily.intermediate.int_letter_sales
where list_name = $list and night >= $first and night < $last
"""


@dataclass(frozen=True)
class Logged:
    """One list's nights and what became of them."""

    letters: pa.Table
    """`policies.judged`'s columns, one row per letter."""
    customers: pa.Table
    """`outcomes.of_customers`: one row per customer and arm."""
    sales: pa.Table
    """message_id, campaign_id, product_id, line_value of what counts as a letter's."""
    known_until: datetime
    """What was received before is counted."""


def read(installation: Installation, list_name: str, nights: Interval, before_days: int) -> Logged:
    """Read from the published warehouse, as `logged`."""
    with connect(installation.paths, ("daily",)) as connection:
        return logged(connection, list_name, nights, before_days)


def logged(
    connection: duckdb.DuckDBPyConnection, list_name: str, nights: Interval, before_days: int
) -> Logged:
    """Read a list's letters of the nights `nights.start <= night < nights.end`.

    Raises
    ------
    BadArgumentError
        If the nights begin or end within a day.
    NotPublishedError
        If the warehouse ends before the nights do, or knows no letter of them.
    """
    if any(instant != floor(instant, DAY) for instant in (nights.start, nights.end)):
        raise BadArgumentError(f"nights are whole days: {nights} is not")
    [[known_until]] = connection.execute(_KNOWN_UNTIL).fetchall()
    if known_until < nights.end:
        raise NotPublishedError(
            f"the warehouse ends at {format_instant(known_until)}, before these nights do: build"
            " the days until then, or judge fewer nights"
        )
    asked = {"list": list_name, "first": nights.start.date(), "last": nights.end.date()}
    sent = connection.sql(_LETTERS, params=asked).to_arrow_table()
    if not sent.num_rows:
        raise NotPublishedError(
            f"the warehouse knows no letter of the list {list_name!r} of these nights: a night's"
            " letters come with the build of its day, if they are published by then"
        )
    left_out = connection.sql(_LEFT_OUT, params=asked).to_arrow_table()
    bounds = {"since": nights.start - before_days * DAY, "until": nights.end}
    sales = connection.sql(_SALES, params=bounds).to_arrow_table()
    customers = of_customers(sent, left_out, sales, nights, before_days)
    of_letters = connection.sql(_SALES_OF_LETTERS, params=asked).to_arrow_table()
    return Logged(sent, customers, of_letters, known_until)


def shown_by_both(
    installation: Installation, list_name: str, nights: Interval, shown: Iterable[Path]
) -> tuple[pa.Table, pa.Table]:
    """Read a list's published letters of some nights, and staged lists of other rules.

    Raises
    ------
    BadArgumentError
        If a file is no staged list.
    """
    tables = []
    for file in shown:
        try:
            tables.append(pq.read_table(file, columns=["message_id", "products"]))
        except (pa.ArrowInvalid, KeyError):
            raise BadArgumentError(f"{file} is no staged list: name its list.parquet") from None
    published = letters.read(installation.paths.lists, nights.start.date(), nights.end.date())
    of_list = published.filter(pc.equal(published["list"], list_name))
    return of_list, pa.concat_tables(tables)

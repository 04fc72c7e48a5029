"""The example of docs/time.md: one order, asked five times."""

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from vitrine import contracts, lake
from vitrine.errors import NotPublishedError
from vitrine.interval import EPOCH, Interval
from vitrine.proof.history import History, Rule
from vitrine.proof.references.customer import customer
from vitrine.proof.references.performance import campaign_performance
from vitrine.settings import REPOSITORY

END = datetime(2026, 3, 14, tzinfo=UTC)
LINE: dict = {
    "order_id": "o1",
    "line": 1,
    "customer_id": "ann",
    "product_id": "coat",
    "campaign_id": "sale",
    "quantity": 1,
    "unit_price": 89.0,
    "channel": "web",
    "kind": "sale",
    "occurred_at": datetime(2026, 3, 5, 14, 10, tzinfo=UTC),
    "received_at": datetime(2026, 3, 5, 14, 16, tzinfo=UTC),
}


@pytest.fixture
def history(paths):
    for name, table in contracts.TABLES.items():
        lake.ensure_table(paths.lake, name, table.schema)
    table = contracts.table("orders")
    rows = table.conform(pa.Table.from_pylist([LINE], schema=table.schema))
    lake.write_partition(paths.lake, "orders", Interval.of_day(LINE["received_at"].date()), rows)
    rule = Rule(timedelta(hours=3), timedelta(minutes=5))
    ends = {"daily": END, "intraday": END}
    paths.staging.mkdir(parents=True)
    made = History(paths, rule, ends, EPOCH, 28, contracts.TABLES, paths.staging / "raw.duckdb")
    yield made
    made.close()


def test_a_lake_without_facts_proves_nothing(paths):
    for name, table in contracts.TABLES.items():
        lake.ensure_table(paths.lake, name, table.schema)
    paths.staging.mkdir(parents=True)
    ends = {"daily": END, "intraday": END}
    rule = Rule(timedelta(hours=3), timedelta(minutes=5))
    file = paths.staging / "raw.duckdb"
    with (
        closing(History(paths, rule, ends, EPOCH, 28, contracts.TABLES, file)) as empty,
        pytest.raises(NotPublishedError, match="the lake holds no order and no event"),
    ):
        empty.span  # noqa: B018


def rows():
    """Read the table of the page: instant, orders of 7 days, turnover of 15 minutes."""
    text = (REPOSITORY / "docs" / "time.md").read_text()
    found = re.findall(r"^\| (\d+ March [\d:]+) \| (\S+) \| (\S+) \|", text, re.MULTILINE)
    return [
        (datetime.strptime(f"2026 {at} +0000", "%Y %d %B %H:%M:%S %z"), float(n), float(paid))
        for at, n, paid in found
    ]


def test_the_page_has_its_example():
    assert len(rows()) == 5


@pytest.mark.parametrize(("as_of", "orders", "turnover"), rows())
def test_what_is_known(history, as_of, orders, turnover):
    known = customer(history, "ann", as_of) | campaign_performance(history, "sale", as_of)
    assert known["customer_order_count_7d"] == orders
    assert known["campaign_turnover_15min"] == turnover

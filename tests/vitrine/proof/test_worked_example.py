"""The example of docs/time.md: one order, asked five times."""

import re
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from vitrine import contracts, lake
from vitrine.errors import NotPublishedError
from vitrine.feature_catalogue import feature_model
from vitrine.interval import DAY, EPOCH, Interval
from vitrine.landing import rules
from vitrine.proof import questions, report
from vitrine.proof.comparison import Difference, Verdict
from vitrine.proof.history import MICROSECOND, History, Rule
from vitrine.proof.proof import Outcome
from vitrine.proof.references.customer import customer
from vitrine.proof.references.performance import campaign_performance
from vitrine.settings import REPOSITORY, Settings

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


@contextmanager
def history_of(paths, line):
    """The history of a lake with one line."""
    for name, table in contracts.TABLES.items():
        lake.ensure_table(paths.lake, name, table.schema)
    table = contracts.table("orders")
    rows = table.conform(pa.Table.from_pylist([line], schema=table.schema))
    lake.write_partition(paths.lake, "orders", Interval.of_day(line["received_at"].date()), rows)
    rule = Rule(timedelta(hours=3), timedelta(minutes=5))
    ends = {"daily": END, "intraday": END}
    paths.staging.mkdir(parents=True)
    with closing(
        History(paths, rule, ends, EPOCH, 28, contracts.TABLES, paths.staging / "raw.duckdb")
    ) as made:
        yield made


@pytest.fixture
def history(paths):
    with history_of(paths, LINE) as made:
        yield made


@pytest.fixture
def late_history(paths):
    """The same, had the line come almost a day late."""
    late_at, *_ = late_line()
    with history_of(paths, LINE | {"received_at": late_at}) as made:
        yield made


@pytest.mark.parametrize(
    ("model", "keys", "row_count"),
    [
        ("feat_product", ("coat",), 1),
        ("feat_product", ("hat",), 0),
        ("feat_campaign", ("sale",), 1),
    ],
)
def test_a_difference_is_told_with_the_rows_of_what_it_is_about(history, model, keys, row_count):
    question = questions.Question(feature_model(model), "history", keys, END)
    difference = Difference(question, "order_count", 2.0, 1.0, 0.5)
    verdict = Verdict(model, "history", 1, 1, 0.5, (difference,))
    told = report.written(Outcome((verdict,), {}, (), history))
    assert "order_count of" in told
    assert told.count("    known  ") == row_count


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


def late_line():
    """Read of the late line: when it came, when order and turnover count, when it came too late."""
    text = (REPOSITORY / "docs" / "time.md").read_text()
    ((at, day, order_at, turnover_day, turnover_at, too_late_at),) = re.findall(
        r"late, at ([\d:]+) on 6 March, its order would count from (\d) March ([\d:]+)"
        r" and its turnover from (\d) March ([\d:]+), and nothing.*"
        r" at ([\d:]+) on 6 March, more than `late_after_hours` \(24\)",
        text,
    )
    moments = (("6", at), (day, order_at), (turnover_day, turnover_at), ("6", too_late_at))
    return [
        datetime.strptime(f"2026-03-0{day} {hour} +0000", "%Y-%m-%d %H:%M %z")
        for day, hour in moments
    ]


def test_a_late_line_is_known_later(late_history):
    _, order_at, turnover_at, _ = late_line()
    for instant, is_known in ((order_at - MICROSECOND, 0), (order_at, 1)):
        assert customer(late_history, "ann", instant)["customer_order_count_7d"] == is_known
    for instant, paid in ((turnover_at - MICROSECOND, 0), (turnover_at, 89.0)):
        known = campaign_performance(late_history, "sale", instant)
        assert known["campaign_turnover_15min"] == paid


def test_a_product_is_asked_about_when_something_is_known_of_it(history):
    covered = {"daily": Interval(END - 30 * DAY, END)}
    asked = questions.anywhere((feature_model("feat_product"),), history, covered, 1, seed=7)
    assert [question.keys for question in asked] == [("coat",), (questions.NOBODY,)]


def test_a_line_that_comes_too_late_stands_in_quarantine():
    late_at, _, _, too_late_at = late_line()
    lines = [
        LINE | {"order_id": n, "received_at": at}
        for n, at in (("late", late_at), ("too late", too_late_at))
    ]
    table = contracts.table("orders")
    rows = pa.Table.from_pylist(lines, schema=table.schema)
    rows = rows.append_column("_file", pa.array(["orders.csv"] * 2))
    rows = rows.append_column("_row", pa.array([1, 2], pa.int64()))
    late_after = timedelta(hours=Settings.model_fields["late_after_hours"].default)
    kept, refused = rules.refuse(table, rows, pa.chunked_array([], pa.string()), late_after)
    assert kept["order_id"].to_pylist() == ["late"]
    assert refused["reason"].to_pylist() == ["too_late"]


def test_the_page_has_its_example():
    assert len(rows()) == 5


@pytest.mark.parametrize(("as_of", "orders", "turnover"), rows())
def test_what_is_known(history, as_of, orders, turnover):
    known = customer(history, "ann", as_of) | campaign_performance(history, "sale", as_of)
    assert known["customer_order_count_7d"] == orders
    assert known["campaign_turnover_15min"] == turnover

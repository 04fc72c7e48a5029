"""The suite of Spark's outputs, held against the facts that they were made from."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from expectations import deltas as suite
from expectations import gate
from vitrine import contracts, deltas, lake
from vitrine.errors import GateError
from vitrine.installation import Installation
from vitrine.interval import QUARTER_HOUR, Interval

DAY = Interval.of_day(date(2026, 3, 2))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORDER = {
    "order_id": "o1",
    "line": 1,
    "customer_id": "ann",
    "product_id": "mug",
    "campaign_id": "sale",
    "quantity": 2,
    "unit_price": 9.5,
    "channel": "web",
    "kind": "sale",
    "occurred_at": NOON,
    "received_at": NOON,
}
DAYS = {"occurred_on": DAY.start.date(), "ds": DAY.start.date()}
SOLD = {"order_count": 1, "unit_count": 2, "turnover": 19.0}
GOOD = {
    "user_days": {"customer_id": "ann", **DAYS, **SOLD},
    "user_sector_days": {"customer_id": "ann", "sector": "home", **DAYS, **SOLD},
    "product_days": {"product_id": "mug", **DAYS, **SOLD},
    "campaign_windows": {
        "campaign_id": "sale",
        "demographic_cluster": "unknown",
        "window_start_at": NOON,
        "received_window_start_at": NOON,
        **SOLD,
    },
}


@pytest.fixture
def installation(settings):
    found = Installation(settings)
    order = contracts.table("orders")
    rows = order.conform(pa.Table.from_pylist([ORDER], schema=order.schema))
    lake.write_partition(found.paths.lake, "orders", DAY, rows)
    for name, row in GOOD.items():
        put(found, name, [row])
    return found


def put(installation, name, rows, interval=DAY):
    """Write rows as they are; measures that are not given are 0."""
    columns = deltas.TABLES[name].columns
    zeros = {c.name: 0 for c in columns if pa.types.is_integer(c.type)} | {"return_value": 0.0}
    schema = pa.schema([pa.field(c.name, c.type) for c in columns])
    content = pa.Table.from_pylist([zeros | row for row in rows], schema=schema)
    lake.write_partition(installation.paths.deltas, name, interval, content)


def check(installation, interval=DAY, database=None):
    checks = suite.checks(installation, interval, database)
    return gate.run("deltas", checks, installation.paths.data_docs, "one")


def test_good_deltas_pass(installation):
    report = check(installation)
    assert report.findings == ()
    assert report.rows == 4 + 8 - 2  # two of the sums are of events, which this shop lacks


@pytest.mark.parametrize("name", GOOD)
def test_units_lost_on_the_way_stop_the_line_and_name_table_and_day(installation, name):
    put(installation, name, [GOOD[name] | {"unit_count": 1}])
    (text,) = check(installation).of("fail")
    assert "deltas.sums" in text
    assert f"delta={name}, measure=unit_count, ds=2026-03-02" in text


@pytest.mark.parametrize("name", GOOD)
def test_a_key_that_came_twice_stops_the_line(installation, name):
    put(installation, name, [GOOD[name], GOOD[name] | {"unit_count": 0}])
    (text,) = check(installation).of("fail")
    assert f"deltas.{name}: expect_compound_columns_to_be_unique" in text


@pytest.mark.parametrize(
    ("name", "fault", "named"),
    [
        ("user_days", {"turnover": -1.0}, "column=turnover"),
        ("user_days", {"customer_id": None}, "column=customer_id"),
        ("user_days", {"occurred_on": date(2026, 3, 3)}, "column=is_received_after_it_occurred"),
        ("product_days", {"ds": date(2026, 3, 3)}, "column=is_received_in_interval"),
        (
            "campaign_windows",
            {"received_window_start_at": DAY.end},
            "column=is_received_in_interval",
        ),
    ],
)
def test_each_planted_fault_stops_the_line(installation, name, fault, named):
    put(installation, name, [GOOD[name] | fault])
    failed = check(installation).of("fail")
    assert any(f"deltas.{name}: " in text and named in text for text in failed), failed


def test_a_day_without_facts_passes_without_rows(installation):
    empty = Interval.of_day(date(2026, 3, 3))
    for name in GOOD:
        put(installation, name, [], empty)
    assert check(installation, empty).findings == ()


def test_an_interval_without_its_files_stops_the_line(installation):
    two_days = Interval(DAY.start, Interval.of_day(date(2026, 3, 3)).end)
    with pytest.raises(GateError, match="user_days covers 1 day, 0:00:00 of"):
        check(installation, two_days)
    with pytest.raises(GateError, match="nothing to check"):
        check(installation, Interval.of_day(date(2026, 3, 3)))


def test_a_database_checks_its_own_tables_alone(installation):
    quarter = Interval(DAY.end, DAY.end + QUARTER_HOUR)
    put(installation, "campaign_windows", [], quarter)
    assert check(installation, quarter, "intraday").findings == ()
    with pytest.raises(GateError, match="vitrine spark days"):
        check(installation, quarter, "daily")

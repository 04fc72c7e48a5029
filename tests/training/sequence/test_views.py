from datetime import UTC, datetime
from types import SimpleNamespace

import duckdb
import pytest

from training.sequence import views

LEDGER = """
attach ':memory:' as daily;
create schema daily.intermediate;
create table daily.intermediate.int_customer_campaign_ledger as from (values
    ('a', 'k1', timestamptz '2026-03-02', null),
    ('a', 'k1', timestamptz '2026-03-03', timestamptz '2026-03-02 09:00'),
    ('a', 'k1', timestamptz '2026-03-04', timestamptz '2026-03-02 09:00'),
    ('a', 'k1', timestamptz '2026-03-09', timestamptz '2026-03-08 20:00'),
    ('b', 'k2', timestamptz '2026-03-03', timestamptz '2026-03-02 08:00')
) as t(customer_id, campaign_id, available_at, last_viewed_at);
"""


@pytest.fixture
def reader():
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(LEDGER)
    return SimpleNamespace(connection=connection)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (1, []),
        (3, [("b", "k2", 8, 3), ("a", "k1", 9, 3)]),
        (8, [("b", "k2", 8, 3), ("a", "k1", 9, 3)]),
        (9, [("b", "k2", 8, 3), ("a", "k1", 9, 3), ("a", "k1", 20, 9)]),
    ],
)
def test_each_days_last_look_is_read_once_and_not_before_it_was_readable(reader, day, expected):
    rows = views.read(reader, datetime(2026, 3, day, tzinfo=UTC))
    parts = rows.assign(hour=rows["occurred_at"].dt.hour, day=rows["available_at"].dt.day)
    found = parts[["customer_id", "campaign_id", "hour", "day"]].itertuples(index=False, name=None)
    assert list(found) == expected

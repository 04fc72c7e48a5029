"""At which instants purchases stand, and when they were known."""

from datetime import timedelta

import duckdb
import pandas as pd
import pytest

from training.ranker.examples import at_instants
from training.ranker.features import Catalogue, FeatureReader
from vitrine.interval import parse_instant

AS_OF = parse_instant("2026-03-16")
CAMPAIGNS = """
attach ':memory:' as daily;
create schema daily.intermediate;
set TimeZone = 'UTC';
create table daily.intermediate.int_campaigns as from (values
    ('shelf', timestamptz '2026-03-01', null),
    ('wall', timestamptz '2026-03-02', null),
    ('sale', timestamptz '2026-03-10', timestamptz '2026-03-13')
) as t(campaign_id, available_at, closes_at);
"""


@pytest.fixture
def purchases() -> pd.DataFrame:
    """Two receipts of one purchase, one received in the next week, and one of the next hour."""
    rows = [
        ("ann", "shelf", "2026-03-08T23:10", "2026-03-08T23:50"),
        ("ann", "shelf", "2026-03-08T23:10", "2026-03-08T23:20"),
        ("ann", "wall", "2026-03-08T23:40", "2026-03-09T00:10"),
        ("ann", "wall", "2026-03-09T00:20", "2026-03-09T00:30"),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "campaign_id", "occurred_at", "received_at"])
    for column in ("occurred_at", "received_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def listed(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    """Campaign, instant and receipt, short."""
    times = (rows[name].dt.strftime("%d %H:%M") for name in ("as_of", "received_at"))
    return list(zip(rows["campaign_id"], *times, strict=True))


def test_flash_sales_are_asked_for_by_the_hour(purchases):
    assert listed(at_instants(purchases, AS_OF, is_permanent=False)) == [
        ("shelf", "08 23:00", "08 23:20"),
        ("wall", "08 23:00", "09 00:10"),
        ("wall", "09 00:00", "09 00:30"),
    ]


def test_permanent_campaigns_are_asked_for_by_the_week_of_the_receipt(purchases):
    assert listed(at_instants(purchases, AS_OF, is_permanent=True)) == [
        ("shelf", "02 00:00", "08 23:20"),
        ("wall", "09 00:00", "09 00:10"),
    ]


def test_a_shop_sells_permanently_until_it_describes_an_end():
    with duckdb.connect() as connection:
        connection.execute(CAMPAIGNS)
        reader = FeatureReader(connection, Catalogue((), (), ()))
        end_known_at = parse_instant("2026-03-10")
        assert reader.sells_permanently(end_known_at - timedelta(seconds=1))
        assert not reader.sells_permanently(end_known_at)
        assert not reader.sells_permanently(AS_OF)

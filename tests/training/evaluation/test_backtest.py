"""Slices of the taste shop's last week beside slow loops over its raw rows."""

from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from tests.training.ranker import taste_shop
from training.evaluation.backtest import NEW_DAYS, Week
from training.ranker.features import Catalogue, FeatureReader
from vitrine.interval import DAY, Interval

HOUR = timedelta(hours=1)
SHOP_WITHOUT_DBT = """
set TimeZone = 'UTC';
attach ':memory:' as daily;
attach ':memory:' as intraday;
create schema daily.intermediate;
create schema daily.features;
create schema intraday.features;
create table daily.intermediate.int_campaigns as
    select *, timestamptz '2026-01-01' as available_at, 'ZZ' as country
    from (values ('old_sale', $end::timestamptz), ('shelf', null), ('wall', null))
        as t(campaign_id, closes_at);
create table daily.intermediate.int_order_lines as
    select *, 'p' as product_id, occurred_at + interval 2 hour as received_at, 'sale' as kind
    from (values
        ('ann', 'shelf', timestamptz '2026-03-02 12:20'),
        ('ann', 'wall', timestamptz '2026-03-02 13:20'),
        ('bob', 'shelf', timestamptz '2026-03-02 13:40')
    ) as t(customer_id, campaign_id, occurred_at);
create table daily.features.build_info as select
    timestamptz '2026-01-01' as data_start_at, timestamptz '2026-04-01' as data_end_at,
    0 as day_features_delay_minutes;
create table intraday.features.build_info as select timestamptz '2026-01-01' as exact_from_at;
create macro daily.features.on_sale(spine) as table
    select as_of, campaign_id from query_table(spine), daily.intermediate.int_campaigns
    where as_of >= available_at and (closes_at is null or as_of < closes_at);
"""


@pytest.fixture(scope="module")
def shop():
    return taste_shop.draw(seed=3)


@pytest.fixture
def week(reader) -> Week:
    return Week.of(reader, Interval(taste_shop.END - 7 * DAY, taste_shop.END))


class ByPosition:
    """Scores that differ from list to list and from campaign to campaign."""

    def prepared(self, candidates):
        def score(chunk, list_R, campaign_R):
            customers = chunk.lists["customer_id"].map(lambda name: sum(map(ord, name))).to_numpy()
            return np.sin(customers[list_R] * (1.0 + campaign_R))

        return score


def test_first_hours_are_those_of_a_slow_loop(shop, week):
    opens_at = {row["campaign_id"]: row["opens_at"] for row in shop.tables["campaigns"]}
    campaigns = week.candidates.campaigns
    expected = [
        campaigns["as_of"][place] < opens_at[campaigns["campaign_id"][place]] + HOUR
        for _, place in week.relevant
    ]
    assert week.is_first_hour_P.tolist() == expected
    assert 0 < sum(expected) < len(expected) / 5


def test_new_customers_are_those_of_a_slow_loop(shop, week):
    signed_up_at = {row["customer_id"]: row["signed_up_at"] for row in shop.tables["customers"]}
    lists = week.candidates.lists
    expected = [
        as_of <= signed_up_at[customer] + timedelta(days=NEW_DAYS)
        for customer, as_of in zip(lists["customer_id"], lists["as_of"], strict=True)
    ]
    assert week.slices["new customers"].tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_a_first_hour_begins_with_the_opening_and_never_on_a_shelf_without_an_end():
    """Lists at 07:00 of a sale and a shelf; each opened at 06:30 or at 06:00."""
    as_of = pd.Timestamp("2026-03-02T07:00", tz="UTC").as_unit("us")
    known = pd.DataFrame(
        {
            "campaign_id": ["old_sale", "shelf", "young_sale"],
            "available_at": as_of - timedelta(days=1),
            "country": "ZZ",
            "opens_at": as_of - pd.to_timedelta([60, 30, 30], unit="min"),
            "closes_at": [as_of + DAY, pd.NaT, as_of + DAY],
        }
    )
    lists = pd.DataFrame({"customer_id": ["ann"], "as_of": [as_of]})
    bought = np.array([[0, 2], [0, -1], [0, 0], [0, 1]])
    nothing, flags = np.zeros((0, 2), np.int64), np.zeros(4, dtype=bool)
    interval = Interval(as_of, as_of + 7 * DAY)
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as daily; create schema daily.intermediate")
        connection.execute("create table daily.intermediate.int_campaigns as from known")
        reader = FeatureReader(connection, Catalogue((), (), ()))
        candidates = reader.candidates(lists, known[["campaign_id"]].assign(as_of=as_of))
        week = Week(interval, candidates, bought, nothing, flags, reader, flags[:1])
        assert week.is_first_hour_P.tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("null", [("ann", "02 00"), ("bob", "02 00")]),
        ("'2026-02-01'", [("ann", "02 12"), ("ann", "02 13"), ("bob", "02 13")]),
    ],
)
def test_a_shop_that_ever_had_an_end_is_asked_by_the_hour(end, expected):
    """The week sells two shelves alone; what tells is whether a sale had been there before."""
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    with duckdb.connect() as connection:
        connection.execute(SHOP_WITHOUT_DBT.replace("$end", end))
        reader = FeatureReader(connection, Catalogue((), (), ()))
        lists = Week.of(reader, Interval(monday, monday + 7 * DAY)).candidates.lists
    found = zip(lists["customer_id"], lists["as_of"].dt.strftime("%d %H"), strict=True)
    assert list(found) == expected


def test_some_lists_alone_are_judged_as_among_all(week):
    is_kept_L = np.arange(len(week.candidates.lists)) % 3 == 1
    whole, some = week.judge(ByPosition()), week.only(is_kept_L)
    is_kept_P = is_kept_L[week.relevant[:, 0]]
    alone, among = some.judge(ByPosition()).ranks, whole.ranks.where(is_kept_P)
    assert alone.customer_L.tolist() == among.customer_L.tolist()
    for name in ("list_P", "rank_P", "count_L"):
        assert getattr(alone, name).tolist() == getattr(among, name).tolist()
    assert some.is_first_hour_P.tolist() == week.is_first_hour_P[is_kept_P].tolist()
    assert some.slices.keys() == week.slices.keys()
    for name, is_in_L in some.slices.items():
        assert is_in_L.tolist() == week.slices[name][is_kept_L].tolist()

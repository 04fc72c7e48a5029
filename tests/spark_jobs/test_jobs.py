"""The three jobs on small tables whose answers were worked out by hand."""

from datetime import date, timedelta

import pytest

from spark_jobs import campaign_windows, product_days, user_days
from spark_jobs.session import Job
from tests.spark_jobs import golden
from tests.spark_jobs.golden import at
from vitrine import deltas, lake
from vitrine.errors import BadArgumentError
from vitrine.interval import QUARTER_HOUR, Interval

DAY_1, DAY_2, DAY_3 = (Interval.of_day(date(2026, 3, day)) for day in (1, 2, 3))
DAYS = Interval(DAY_1.start, DAY_3.end)
JOBS = (user_days, product_days, campaign_windows)
FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def shop(receive, empty_lake):
    """Two days with facts, and a third that brought nothing but a product."""
    receive("events", DAY_1, golden.EVENTS_1)
    receive("orders", DAY_1, golden.ORDERS_1)
    receive("events", DAY_2, golden.EVENTS_2)
    receive("orders", DAY_2, golden.ORDERS_2)
    receive("products", DAY_1, golden.PRODUCTS_1)
    receive("products", DAY_2, golden.PRODUCTS_2)
    receive("products", DAY_3, golden.PRODUCTS_3)
    receive("campaigns", DAY_1, golden.CAMPAIGNS_1)
    receive("customers", DAY_1, golden.CUSTOMERS_1)
    return empty_lake


def rows(paths, table, interval=DAYS):
    return lake.read(paths.deltas, table, interval).to_pylist()


def values(paths, table, *columns):
    return [tuple(row[name] for name in columns) for row in rows(paths, table)]


def contents(paths):
    return {p.relative_to(paths.deltas): p.read_bytes() for p in paths.deltas.rglob("*.parquet")}


def test_user_days(spark, shop):
    user_days.run(spark, Job(shop, DAYS))
    names = [column.name for column in deltas.USER_DAYS.columns]
    assert values(shop, "user_days", *names) == [
        # customer, on, sessions, impressions, campaign and product views, carts,
        # orders, units, turnover, units and value returned, received on
        ("ann", FIRST, 1, 1, 1, 1, 1, 1, 3, 70.01, 0, 0.0, FIRST),
        ("ann", FIRST, 1, 0, 0, 1, 0, 0, 0, 0.0, 0, 0.0, SECOND),
        ("ann", SECOND, 0, 0, 0, 0, 0, 0, 0, 0.0, 1, 50.0, SECOND),
        ("bob", FIRST, 0, 0, 0, 0, 0, 1, 1, 10.0, 0, 0.0, SECOND),
    ]


def test_a_sector_is_the_one_known_at_the_end_of_the_receipt(spark, shop):
    user_days.run(spark, Job(shop, DAYS))
    names = [column.name for column in deltas.USER_SECTOR_DAYS.columns]
    assert values(shop, "user_sector_days", *names) == [
        # customer, sector, on, views, carts, orders, units, turnover, received on
        ("ann", "home", FIRST, 0, 0, 1, 1, 50.0, FIRST),
        ("ann", "living", FIRST, 2, 1, 1, 2, 20.01, FIRST),
        ("ann", "kitchen", FIRST, 1, 0, 0, 0, 0.0, SECOND),
        ("bob", "kitchen", FIRST, 0, 0, 1, 1, 10.0, SECOND),
    ]


def test_product_days_count_guests_but_not_as_buyers(spark, shop):
    product_days.run(spark, Job(shop, DAYS))
    names = [column.name for column in deltas.PRODUCT_DAYS.columns]
    assert values(shop, "product_days", *names) == [
        # product, on, views, carts, orders, buyers, units, turnover, units returned, received on
        ("mug", FIRST, 1, 1, 2, 1, 3, 30.01, 0, FIRST),
        ("rug", FIRST, 0, 0, 1, 1, 1, 50.0, 0, FIRST),
        ("mug", FIRST, 1, 0, 1, 1, 1, 10.0, 0, SECOND),
        ("rug", SECOND, 0, 0, 0, 0, 0, 0.0, 1, SECOND),
    ]


def test_campaign_windows_keep_late_rows_apart_from_what_was_known(spark, shop):
    campaign_windows.run(spark, Job(shop, DAYS))
    ann, unknown = "female:35-49:FR", "unknown"
    names = [column.name for column in deltas.CAMPAIGN_WINDOWS.columns]
    assert values(shop, "campaign_windows", *names) == [
        # campaign, cluster, window, received in; impressions, visitors, views, carts,
        # orders, units, turnover
        ("sale-a", ann, at("01 09:00"), at("01 09:00"), 1, 1, 0, 0, 0, 0, 0.0),
        ("sale-a", ann, at("01 09:15"), at("01 09:15"), 0, 1, 2, 1, 1, 3, 70.01),
        ("sale-a", unknown, at("01 09:00"), at("01 09:00"), 1, 1, 0, 0, 0, 0, 0.0),
        ("sale-a", unknown, at("01 23:45"), at("01 23:45"), 0, 0, 0, 0, 1, 1, 10.0),
        ("sale-a", ann, at("01 23:45"), at("02 00:15"), 0, 1, 1, 0, 0, 0, 0.0),
        ("sale-a", unknown, at("01 23:45"), at("02 00:15"), 0, 0, 0, 0, 1, 1, 10.0),
    ]


def test_a_day_without_rows_gets_its_files(spark, shop):
    for job in JOBS:
        job.run(spark, Job(shop, DAYS))
    for table in deltas.TABLES.values():
        assert lake.covered_days(shop.deltas, table.name, DAYS) == DAYS.days()
        assert rows(shop, table.name, DAY_3) == []
        (file,) = lake.files(shop.deltas, table.name, DAY_3)
        assert lake.pq.read_schema(file) == table.schema


def test_a_second_run_and_a_run_day_by_day_leave_the_same_bytes(spark, shop):
    for job in JOBS:
        job.run(spark, Job(shop, DAYS))
    first = contents(shop)
    for job in JOBS:
        for day in (DAY_2, DAY_3, DAY_1):
            job.run(spark, Job(shop, day))
    assert contents(shop) == first
    assert len(first) == 4 * (3 + 1)


def test_a_shop_without_events_has_the_sales_alone(spark, receive, empty_lake):
    receive("orders", DAY_1, golden.ORDERS_1)
    for job in JOBS:
        job.run(spark, Job(empty_lake, DAY_1))
    assert [(r["customer_id"], r["unit_count"]) for r in rows(empty_lake, "user_days")] == [
        ("ann", 3)
    ]
    assert [r["sector"] for r in rows(empty_lake, "user_sector_days")] == ["unknown"]
    assert {r["demographic_cluster"] for r in rows(empty_lake, "campaign_windows")} == {"unknown"}


def quarters(day, facts):
    for piece in day.split(QUARTER_HOUR):
        yield piece, [row for row in facts if row["received_at"] in piece]


def test_quarters_of_an_hour_leave_the_same_files_one_by_one_and_at_once(
    spark, receive, empty_lake
):
    morning = Interval(at("01 09:00"), at("01 10:00"))
    for piece, found in quarters(morning, golden.EVENTS_1):
        if piece.start != at("01 09:30"):
            receive("events", piece, found)
    for piece in morning.split(QUARTER_HOUR):
        campaign_windows.run(spark, Job(empty_lake, piece))
    first = contents(empty_lake)
    campaign_windows.run(spark, Job(empty_lake, morning))
    assert contents(empty_lake) == first
    assert len(lake.files(empty_lake.deltas, "campaign_windows", morning)) == 4


def test_an_interval_that_cuts_a_drop_is_refused(shop):
    from spark_jobs.partitions import refuse_cut_drops

    with pytest.raises(BadArgumentError, match="cuts the drop"):
        refuse_cut_drops(shop.lake, Interval(DAY_1.start, DAY_1.end - timedelta(hours=1)))
    refuse_cut_drops(shop.lake, DAYS)


def test_an_interval_that_cuts_a_window_is_refused():
    from spark_jobs.partitions import by_day

    with pytest.raises(BadArgumentError, match="quarter of an hour"):
        by_day(Interval(at("01 09:00"), at("01 09:10")))

"""The jobs on small tables whose answers were worked out by hand."""

import signal
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context

import pytest
from pyspark.sql import functions as F

from spark_jobs import campaign_windows, days, partitions
from spark_jobs.catalogue import named_in
from spark_jobs.partitions import (
    FACTS,
    by_day,
    catalogue,
    days_owned,
    facts,
    gather,
    refuse_cut_drops,
)
from spark_jobs.session import rows_read
from tests.spark_jobs import golden
from tests.spark_jobs.golden import DAY_1, DAY_2, DAY_3, DAYS, at
from vitrine import deltas, lake
from vitrine.errors import BadArgumentError
from vitrine.interval import DAY, QUARTER_HOUR, Interval

JOBS = (days, campaign_windows)
SCATTERING = {
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.adaptive.coalescePartitions.enabled": "false",
    "spark.sql.shuffle.partitions": "16",
}
"""A join that sorts by its own keys then leaves the rows of a file in many parts."""
LONG = Interval(DAYS.start, DAYS.start + 10 * DAY)
"""More files than are spread by key."""
FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


def values(shop, table):
    names = [column.name for column in table.columns]
    return [tuple(row[name] for name in names) for row in shop.rows(table.name, DAYS)]


def test_user_days(golden_shop):
    assert values(golden_shop, deltas.USER_DAYS) == [
        # customer, on, sessions, impressions, campaign and product views, carts,
        # orders, units, turnover, units and value returned, received on
        ("ann", FIRST, 1, 1, 1, 1, 1, 1, 3, 70.01, 0, 0.0, FIRST),
        ("ann", FIRST, 1, 0, 0, 1, 0, 0, 0, 0.0, 0, 0.0, SECOND),
        ("ann", SECOND, 0, 0, 0, 0, 0, 0, 0, 0.0, 1, 50.0, SECOND),
        ("bob", FIRST, 0, 0, 0, 0, 0, 1, 1, 10.0, 0, 0.0, SECOND),
    ]


def test_a_sector_is_the_one_known_at_the_end_of_the_receipt(golden_shop):
    assert values(golden_shop, deltas.USER_SECTOR_DAYS) == [
        # customer, sector, on, views, carts, orders, units, turnover, received on
        ("ann", "home", FIRST, 0, 0, 1, 1, 50.0, FIRST),
        ("ann", "living", FIRST, 2, 1, 1, 2, 20.01, FIRST),
        ("ann", "kitchen", FIRST, 1, 0, 0, 0, 0.0, SECOND),
        ("bob", "kitchen", FIRST, 0, 0, 1, 1, 10.0, SECOND),
    ]


def test_product_days_count_guests_but_not_as_buyers(golden_shop):
    assert values(golden_shop, deltas.PRODUCT_DAYS) == [
        # product, on, views, carts, orders, buyers, units, turnover, units returned, received on
        ("mug", FIRST, 1, 1, 2, 1, 3, 30.01, 0, FIRST),
        ("rug", FIRST, 0, 0, 1, 1, 1, 50.0, 0, FIRST),
        ("mug", FIRST, 1, 0, 1, 1, 1, 10.0, 0, SECOND),
        ("rug", SECOND, 0, 0, 0, 0, 0, 0.0, 1, SECOND),
    ]


def test_campaign_windows_keep_late_rows_apart_from_what_was_known(golden_shop):
    ann, unknown = "female:35-49:FR", "unknown"
    assert values(golden_shop, deltas.CAMPAIGN_WINDOWS) == [
        # campaign, cluster, window, received in; impressions, visitors, views, carts,
        # orders, units, turnover
        ("sale-a", ann, at("01 09:00"), at("01 09:00"), 1, 1, 0, 0, 0, 0, 0.0),
        ("sale-a", ann, at("01 09:15"), at("01 09:15"), 0, 1, 2, 1, 1, 3, 70.01),
        ("sale-a", unknown, at("01 09:00"), at("01 09:00"), 1, 1, 0, 0, 0, 0, 0.0),
        ("sale-a", unknown, at("01 23:45"), at("01 23:45"), 0, 0, 0, 0, 1, 1, 10.0),
        ("sale-a", ann, at("01 23:45"), at("02 00:15"), 0, 1, 1, 0, 0, 0, 0.0),
        ("sale-a", unknown, at("01 23:45"), at("02 00:15"), 0, 0, 0, 0, 1, 1, 10.0),
    ]


def test_a_day_without_rows_gets_its_files(golden_shop):
    root = golden_shop.paths.deltas
    for table in deltas.TABLES.values():
        assert lake.covered_days(root, table.name, DAYS) == DAYS.days()
        assert golden_shop.rows(table.name, DAY_3) == []
        (file,) = lake.files(root, table.name, DAY_3)
        assert lake.pq.read_schema(file) == table.schema


def stage_and_wait(root, name, is_staged):
    with partitions._staging(root, name) as folder:
        (folder / "part").touch()
        is_staged.set()
        signal.pause()


def test_what_a_killed_job_staged_is_removed_by_the_next_of_its_name(tmp_path):
    context = get_context("fork")
    is_staged = context.Event()
    process = context.Process(target=stage_and_wait, args=(tmp_path, "user_days", is_staged))
    process.start()
    assert is_staged.wait(60)
    (lived,) = tmp_path.iterdir()
    with partitions._staging(tmp_path, "user_days") as own:
        assert set(tmp_path.iterdir()) == {lived, own}
    process.kill()
    process.join()
    with partitions._staging(tmp_path, "product_days") as other:
        assert set(tmp_path.iterdir()) == {lived, other}
    with partitions._staging(tmp_path, "user_days") as own:
        assert list(tmp_path.iterdir()) == [own]
    assert list(tmp_path.iterdir()) == []


def test_what_another_job_removes_meanwhile_is_no_error(tmp_path):
    (tmp_path / "user_days-gone").symlink_to(tmp_path / "gone")  # it is listed, and is not there
    with partitions._staging(tmp_path, "user_days") as own:
        assert own.is_dir()


def test_a_job_leaves_nothing_staged(golden_shop):
    assert list((golden_shop.paths.staging / "spark").iterdir()) == []


def test_day_by_day_in_any_order_and_again_leaves_the_same_bytes(spark, golden_shop, shop):
    golden.fill(shop)
    for job in JOBS:
        for day in (DAY_2, DAY_3, DAY_1):
            shop.run(spark, job, day)
    shop.run(spark, campaign_windows, DAY_2)
    assert shop.contents() == golden_shop.contents()
    assert len(shop.contents()) == 4 * (3 + 1)


def test_a_shop_without_events_has_the_sales_alone(spark, shop):
    shop.receive("orders", DAY_1, golden.ORDERS_1)
    for job in JOBS:
        shop.run(spark, job, DAY_1)
    assert [(r["customer_id"], r["unit_count"]) for r in shop.rows("user_days", DAY_1)] == [
        ("ann", 3)
    ]
    assert [r["sector"] for r in shop.rows("user_sector_days", DAY_1)] == ["unknown"]
    clusters = {r["demographic_cluster"] for r in shop.rows("campaign_windows", DAY_1)}
    assert clusters == {"unknown"}


def test_quarters_of_an_hour_leave_the_same_files_one_by_one_and_at_once(spark, shop):
    morning = Interval(at("01 09:00"), at("01 09:45"))
    first, second, third = morning.split(QUARTER_HOUR)
    for piece in (first, third):
        found = [row for row in golden.EVENTS_1 if row["received_at"] in piece]
        shop.receive("events", piece, found)
    for piece in (third, first, second):
        shop.run(spark, campaign_windows, piece)
    one_by_one = shop.contents()
    shop.run(spark, campaign_windows, morning)
    assert shop.contents() == one_by_one
    files = lake.files(shop.paths.deltas, "campaign_windows", morning)
    assert [lake.file_interval(f) for f in files] == [first, second, third]


def test_the_rows_read_are_the_facts_and_the_catalogue_known_by_the_end(golden_shop):
    paths = golden_shop.paths
    assert rows_read(paths, DAY_1, days.CATALOGUE) == 6 + 3 + 2 + 1
    assert rows_read(paths, DAY_2, days.CATALOGUE) == 1 + 2 + 2 + 1 + 1
    assert rows_read(paths, DAY_2, campaign_windows.CATALOGUE) == 1 + 2 + 1 + 1


def test_an_interval_that_cuts_a_drop_is_refused(golden_shop):
    root = golden_shop.paths.lake
    with pytest.raises(BadArgumentError, match="cuts the drop"):
        refuse_cut_drops(root, Interval(DAY_1.start, DAY_1.end - timedelta(hours=1)))
    refuse_cut_drops(root, DAYS)


def test_an_interval_that_cuts_a_window_is_refused():
    with pytest.raises(BadArgumentError, match="quarter of an hour"):
        by_day(Interval(at("01 09:00"), at("01 09:10")))


def test_windows_of_a_long_interval_are_made_for_its_last_months_alone(spark, shop):
    golden.fill(shop)
    long_after = Interval(DAY_1.start, DAY_1.start + timedelta(days=160))
    shop.run(spark, campaign_windows, long_after)
    made = deltas.made("intraday", long_after, 120)
    assert lake.days(shop.paths.deltas, "campaign_windows") == made.days()
    assert made.start == datetime(2026, 4, 1, tzinfo=UTC)


def test_a_long_interval_leaves_the_same_bytes_though_it_is_cut_otherwise(spark, golden_shop, shop):
    golden.fill(shop)
    for job in JOBS:
        shop.run(spark, job, LONG)
    assert shop.contents().items() >= golden_shop.contents().items()


@pytest.mark.parametrize("key", ["customer_id", "campaign_id", "product_id"])
def test_the_rows_of_one_day_are_spread_and_those_of_many_days_are_not(spark, golden_shop, key):
    kept = spark.conf.get("spark.sql.adaptive.coalescePartitions.enabled", "true")
    spark.conf.set("spark.sql.adaptive.coalescePartitions.enabled", "false")
    try:
        for interval, is_spread in ((DAY_1, True), (LONG, False)):
            # Other keys than the golden shop's, and more: two tasks are sure to get some of them.
            rows = spark.range(50).select(
                F.lit(FIRST).alias("ds"), F.col("id").cast("string").alias(key)
            )
            files = by_day(interval)
            gathered = gather(rows, days_owned(spark, files), files, key)
            tasks = gathered.select(F.spark_partition_id().alias("task")).distinct().count()
            assert (tasks > 1) == is_spread
    finally:
        spark.conf.set("spark.sql.adaptive.coalescePartitions.enabled", kept)


def test_customers_that_no_fact_names_change_no_byte(spark, golden_shop, shop):
    golden.fill(shop)
    others = [golden.customer(f"other-{n}", "male:25-34:FR", "02 09:00") for n in range(20)]
    shop.receive("customers", DAY_2, golden.CUSTOMERS_2 + others)
    joined = []
    for day in DAYS.split(DAY):
        orders, events = (facts(spark, shop.paths.lake, table, day) for table in FACTS)
        customers = catalogue(spark, shop.paths.lake, "customers", day)
        named = named_in(customers, "customer_id", orders, events)
        joined.append({row.customer_id for row in named.collect()})
        shop.run(spark, campaign_windows, day)
    assert joined == [{"ann"}, {"ann", "bob"}, set()]
    windows = {n: c for n, c in golden_shop.contents().items() if n.startswith("campaign_windows")}
    assert shop.contents().items() >= windows.items()


@pytest.mark.parametrize("interval", [DAYS, LONG], ids=["few files", "many files"])
def test_a_catalogue_too_large_for_sparks_own_choice_moves_no_facts(
    spark, golden_shop, shop, interval
):
    golden.fill(shop)
    before = {name: spark.conf.get(name, None) for name in SCATTERING}
    for name, value in SCATTERING.items():
        spark.conf.set(name, value)
    try:
        for job in JOBS:
            shop.run(spark, job, interval)
    finally:
        for name, was in before.items():
            spark.conf.unset(name) if was is None else spark.conf.set(name, was)
    assert shop.contents().items() >= golden_shop.contents().items()

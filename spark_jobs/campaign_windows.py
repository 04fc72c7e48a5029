"""spark-submit spark_jobs/campaign_windows.py --start 2026-03-01T09:00Z --end 2026-03-01T09:15Z

How each campaign did with each demographic cluster, every 15 minutes: `campaign_windows`.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs import partitions
from spark_jobs.activity import (
    CART,
    IMPRESSION,
    RETURN,
    SALE,
    VIEWS,
    VISIT,
    activity,
    add_up,
    count_of,
    distinct_orders,
    distinct_sessions,
    in_windows,
    money_of,
    total,
    total_money,
    units_of,
)
from spark_jobs.catalogue import UNKNOWN, add_known, named_in
from spark_jobs.session import Job, main
from vitrine.deltas import CAMPAIGN_WINDOWS, made
from vitrine.interval import DAY

CUSTOMERS = "customers"
CATALOGUE = (CUSTOMERS,)


def campaign_windows(done: DataFrame, customers: DataFrame) -> DataFrame:
    """Count views and sales of each campaign, per cluster and window of occurrence and receipt.

    Parameters
    ----------
    done
        `activity` with `in_windows`, file and known_at.
    customers
        Every version of the customers: customer_id, demographic_cluster, received_at.

    Returns
    -------
    DataFrame
        file and the columns of `vitrine.deltas.CAMPAIGN_WINDOWS`; returns are left out.
    """
    counted = done.where(F.col("campaign_id").isNotNull() & ~F.col("kind").isin(*RETURN))
    known = add_known(counted, customers, "customer_id", "demographic_cluster", "_cluster")
    keys = ("file", *CAMPAIGN_WINDOWS.key)
    visits = add_up(
        known.withColumn("demographic_cluster", F.coalesce("_cluster", F.lit(UNKNOWN))),
        (*keys, *VISIT),
        {
            "impression_count": count_of(*IMPRESSION),
            "view_count": count_of(*VIEWS),
            "cart_count": count_of(*CART),
            "unit_count": units_of(*SALE),
            "turnover": money_of(*SALE),
        },
    )
    measures = {
        **total("impression_count"),
        "visitor_count": distinct_sessions(),
        **total("view_count", "cart_count"),
        "order_count": distinct_orders(),
        **total("unit_count"),
        **total_money("turnover"),
    }
    return add_up(visits, keys, measures)


def run(spark: SparkSession, job: Job) -> dict[str, int]:
    """Replace the interval's files, of a long one the last months'; return the number of rows."""
    interval = made("intraday", job.interval, job.intraday_history_days)
    root, files = job.paths.lake, partitions.by_drop(job.paths.lake, interval)
    orders, events = (partitions.facts(spark, root, t, interval) for t in partitions.FACTS)
    owned = partitions.windows_owned(spark, files)
    done = partitions.gather(in_windows(activity(orders, events)), owned, files, "campaign_id")
    customers = partitions.catalogue(spark, root, CUSTOMERS, interval)
    if interval.end - interval.start <= DAY:
        # Few of all customers come within a quarter of an hour: only these are sorted and copied.
        customers = named_in(customers, "customer_id", orders, events)
    rows = campaign_windows(done, customers)
    return {CAMPAIGN_WINDOWS.name: partitions.replace(job.paths, CAMPAIGN_WINDOWS, rows, files)}


if __name__ == "__main__":
    main("campaign-windows", run, CATALOGUE)

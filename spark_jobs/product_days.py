"""spark-submit spark_jobs/product_days.py --start 2011-10-24 --end 2011-10-25

How each product did on each day: `product_days`.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs import partitions
from spark_jobs.activity import (
    CART,
    RETURN,
    SALE,
    activity,
    count_of,
    distinct_of,
    money_of,
    on_days,
    units_of,
)
from spark_jobs.session import Job, main
from vitrine.deltas import PRODUCT_DAYS

VIEW = ("product_view",)


def product_days(done: DataFrame) -> DataFrame:
    """Count views and sales of each product, per day of occurrence and of receipt.

    Parameters
    ----------
    done
        `activity` with `on_days`.

    Returns
    -------
    DataFrame
        The columns of `vitrine.deltas.PRODUCT_DAYS`; guests' purchases are counted too.
    """
    measures = {
        "view_count": count_of(*VIEW),
        "cart_count": count_of(*CART),
        "order_count": distinct_of("order_id", *SALE),
        "buyer_count": distinct_of("customer_id", *SALE),
        "unit_count": units_of(*SALE),
        "turnover": money_of(*SALE),
        "return_unit_count": units_of(*RETURN),
    }
    return (
        done.where(
            F.col("product_id").isNotNull() & F.col("kind").isin(*VIEW, *CART, *SALE, *RETURN)
        )
        .groupBy("product_id", "occurred_on", "ds")
        .agg(*[measure.alias(name) for name, measure in measures.items()])
        .select("product_id", "occurred_on", *measures, "ds")
    )


def run(spark: SparkSession, job: Job) -> dict[str, int]:
    """Replace the interval's files; return the number of rows."""
    files = partitions.by_day(job.interval)
    owned = partitions.days_owned(spark, files)
    orders, events = (
        partitions.facts(spark, job.paths.lake, t, job.interval) for t in partitions.FACTS
    )
    rows = product_days(on_days(activity(orders, events)))
    return {PRODUCT_DAYS.name: partitions.replace(job.paths, PRODUCT_DAYS, rows, owned, files)}


if __name__ == "__main__":
    main("product-days", run)

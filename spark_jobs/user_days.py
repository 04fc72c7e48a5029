"""spark-submit spark_jobs/user_days.py --start 2011-10-24 --end 2011-10-25

What each customer did on each day, in all and by sector: `user_days` and `user_sector_days`.
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
    activity,
    count_of,
    distinct_of,
    money_of,
    on_days,
    units_of,
)
from spark_jobs.catalogue import UNKNOWN, add_known
from spark_jobs.session import Job, main
from vitrine.deltas import USER_DAYS, USER_SECTOR_DAYS


def user_days(done: DataFrame) -> DataFrame:
    """Count what each customer did, per day of occurrence and of receipt.

    Parameters
    ----------
    done
        `activity` with `on_days`.

    Returns
    -------
    DataFrame
        The columns of `vitrine.deltas.USER_DAYS`; guests are left out.
    """
    measures = {
        "session_count": distinct_of("session_id"),
        "impression_count": count_of(*IMPRESSION),
        "campaign_view_count": count_of("campaign_view"),
        "product_view_count": count_of("product_view"),
        "cart_count": count_of(*CART),
        "order_count": distinct_of("order_id", *SALE),
        "unit_count": units_of(*SALE),
        "turnover": money_of(*SALE),
        "return_unit_count": units_of(*RETURN),
        "return_value": money_of(*RETURN),
    }
    return (
        done.where(F.col("customer_id").isNotNull())
        .groupBy("customer_id", "occurred_on", "ds")
        .agg(*[measure.alias(name) for name, measure in measures.items()])
        .select("customer_id", "occurred_on", *measures, "ds")
    )


def user_sector_days(done: DataFrame, products: DataFrame, campaigns: DataFrame) -> DataFrame:
    """Count what each customer viewed and bought of each sector.

    Parameters
    ----------
    done
        `activity` with `on_days` and known_at.
    products, campaigns
        Every version of the catalogue: id, sector, received_at.

    Returns
    -------
    DataFrame
        The columns of `vitrine.deltas.USER_SECTOR_DAYS`; guests are left out.
    """
    measures = {
        "view_count": count_of(*VIEWS),
        "cart_count": count_of(*CART),
        "order_count": distinct_of("order_id", *SALE),
        "unit_count": units_of(*SALE),
        "turnover": money_of(*SALE),
    }
    counted = done.where(
        F.col("customer_id").isNotNull() & F.col("kind").isin(*VIEWS, *CART, *SALE)
    )
    by_product = add_known(counted, products, "product_id", "sector", "_product_sector")
    by_both = add_known(by_product, campaigns, "campaign_id", "sector", "_campaign_sector")
    sector = F.coalesce("_product_sector", "_campaign_sector", F.lit(UNKNOWN))
    return (
        by_both.withColumn("sector", sector)
        .groupBy("customer_id", "sector", "occurred_on", "ds")
        .agg(*[measure.alias(name) for name, measure in measures.items()])
        .select("customer_id", "sector", "occurred_on", *measures, "ds")
    )


def run(spark: SparkSession, job: Job) -> dict[str, int]:
    """Replace the interval's files of both tables; return their numbers of rows."""
    files = partitions.by_day(job.interval)
    owned = partitions.days_owned(spark, files)
    root = job.paths.lake
    orders, events = (partitions.facts(spark, root, t, job.interval) for t in partitions.FACTS)
    products, campaigns = (
        partitions.catalogue(spark, root, t, job.interval) for t in ("products", "campaigns")
    )
    done = on_days(activity(orders, events))
    sectors = user_sector_days(done.join(owned, "ds"), products, campaigns)
    return {
        USER_DAYS.name: partitions.replace(job.paths, USER_DAYS, user_days(done), owned, files),
        USER_SECTOR_DAYS.name: partitions.replace(
            job.paths, USER_SECTOR_DAYS, sectors, owned, files
        ),
    }


if __name__ == "__main__":
    main("user-days", run)

"""spark-submit spark_jobs/days.py --start 2011-10-24 --end 2011-10-25

What customers and products did on each day: `user_days`, `user_sector_days` and `product_days`, in
one session, since starting one takes as long as a small shop's day.
"""

from pyspark.sql import SparkSession

from spark_jobs import partitions
from spark_jobs.activity import activity, on_days
from spark_jobs.product_days import product_days
from spark_jobs.session import Job, main
from spark_jobs.user_days import user_days, user_sector_days
from vitrine.deltas import PRODUCT_DAYS, USER_DAYS, USER_SECTOR_DAYS

CATALOGUE = ("products", "campaigns")


def run(spark: SparkSession, job: Job) -> dict[str, int]:
    """Replace the interval's files of the day tables; return their numbers of rows."""
    root, files = job.paths.lake, partitions.by_day(job.interval)
    orders, events = (partitions.facts(spark, root, t, job.interval) for t in partitions.FACTS)
    products, campaigns = (partitions.catalogue(spark, root, t, job.interval) for t in CATALOGUE)
    owned = partitions.days_owned(spark, files)
    done = on_days(activity(orders, events))
    by_customer, by_product = (
        partitions.gather(done, owned, files, key) for key in ("customer_id", "product_id")
    )
    made = {
        USER_DAYS: user_days(by_customer),
        USER_SECTOR_DAYS: user_sector_days(by_customer, products, campaigns),
        PRODUCT_DAYS: product_days(by_product),
    }
    return {
        table.name: partitions.replace(job.paths, table, rows, files)
        for table, rows in made.items()
    }


if __name__ == "__main__":
    main("days", run, CATALOGUE)

"""What the catalogue said at an instant: versions of customers, products and campaigns."""

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

UNKNOWN = "unknown"


def versions(rows: DataFrame, key: str, value: str) -> DataFrame:
    """Give each received value the span of instants in which it was the newest.

    Parameters
    ----------
    rows
        Contract rows with `key`, `value` and received_at.

    Returns
    -------
    DataFrame
        key, value, known_from, known_until (null for the newest): a value holds for instants t
        with known_from < t <= known_until. At most one row holds for each key and instant.
    """
    # The value orders rows that came at the same instant, so that two runs agree.
    by_receipt = Window.partitionBy(key).orderBy("received_at", value)
    return rows.select(
        key,
        value,
        F.col("received_at").alias("known_from"),
        F.lead("received_at").over(by_receipt).alias("known_until"),
    )


def named_in(catalogue: DataFrame, key: str, *facts: DataFrame) -> DataFrame:
    """Keep the rows of the catalogue whose `key` some fact names."""
    names = reduce(DataFrame.union, (each.select(key) for each in facts)).distinct()
    return catalogue.join(F.broadcast(names), key, "left_semi")


def add_known(rows: DataFrame, catalogue: DataFrame, key: str, value: str, name: str) -> DataFrame:
    """Add as `name` the newest `value` of `key` received before each row's `known_at`.

    The join keeps the number of rows; `name` is null where nothing was known.
    """
    spans = versions(catalogue, key, value).select(
        F.col(key).alias("_key"), F.col(value).alias(name), "known_from", "known_until"
    )
    # A copy for each task: were both sides sorted by the key instead, the rows of a file would be
    # scattered again, and the facts are many times as many.
    return rows.join(F.broadcast(spans), _holds(key), "left").drop(
        "_key", "known_from", "known_until"
    )


def _holds(key: str) -> Column:
    still = F.col("known_until").isNull() | (F.col("known_at") <= F.col("known_until"))
    return (F.col(key) == F.col("_key")) & (F.col("known_from") < F.col("known_at")) & still

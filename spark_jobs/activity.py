"""What people did, as one frame, and the measures counted over it; frames in, frames out.

Orders and events become rows of the same shape, so that each output table is one `groupBy` with
named measures, and no two aggregates have to be joined again.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

QUARTER_HOUR_US = 15 * 60 * 1_000_000

IMPRESSION = ("impression",)
VIEWS = ("campaign_view", "product_view")
CART = ("add_to_cart",)
SALE = ("sale",)
RETURN = ("return",)


def activity(orders: DataFrame, events: DataFrame) -> DataFrame:
    """Put order lines and events into one frame.

    Parameters
    ----------
    orders, events
        Rows of the contract tables.

    Returns
    -------
    DataFrame
        kind (of the event, or sale, or return), customer_id, session_id (null for an order),
        order_id (null for an event), campaign_id, product_id, quantity int, amount decimal(29,6)
        in shop currency, occurred_at, received_at.
    """
    # Decimals add up to the same sum in whichever order Spark's tasks finish; doubles do not.
    price = F.col("unit_price").cast("decimal(18,6)")
    bought = orders.select(
        "kind",
        "customer_id",
        F.lit(None).cast("string").alias("session_id"),
        "order_id",
        "campaign_id",
        "product_id",
        "quantity",
        (F.col("quantity") * price).alias("amount"),
        "occurred_at",
        "received_at",
    )
    seen = events.select(
        "kind", "customer_id", "session_id", "campaign_id", "product_id", "occurred_at",
        "received_at",
    )  # fmt: skip
    return bought.unionByName(seen, allowMissingColumns=True)


def on_days(rows: DataFrame) -> DataFrame:
    """Add `occurred_on` and `ds`, the UTC days of occurrence and of receipt."""
    return rows.withColumns(
        {"occurred_on": F.to_date("occurred_at"), "ds": F.to_date("received_at")}
    )


def in_windows(rows: DataFrame) -> DataFrame:
    """Add `window_start_at` and `received_window_start_at`, 15-minute windows from the epoch."""
    return rows.withColumns(
        {
            "window_start_at": quarter_hour("occurred_at"),
            "received_window_start_at": quarter_hour("received_at"),
        }
    )


def quarter_hour(instant: str) -> Column:
    """Round an instant down to its quarter of an hour, counted from the epoch."""
    micros = F.unix_micros(F.col(instant))
    return F.timestamp_micros(micros - F.pmod(micros, F.lit(QUARTER_HOUR_US)))


def count_of(*kinds: str) -> Column:
    """Count the rows of the given kinds."""
    return F.count(F.when(F.col("kind").isin(*kinds), F.lit(1)))


def units_of(*kinds: str) -> Column:
    """Sum the units of the given kinds; 0 where there are none."""
    return F.coalesce(F.sum(F.when(F.col("kind").isin(*kinds), F.col("quantity"))), F.lit(0))


def money_of(*kinds: str) -> Column:
    """Sum the amounts of the given kinds, rounded to the cent at the end; 0 without any."""
    total = F.sum(F.when(F.col("kind").isin(*kinds), F.col("amount")))
    return F.coalesce(F.round(total, 2).cast("double"), F.lit(0.0))


def distinct_of(column: str, *kinds: str) -> Column:
    """Count distinct values of a column, nulls left out, among the given kinds (all if none)."""
    value = F.col(column)
    return F.countDistinct(F.when(F.col("kind").isin(*kinds), value) if kinds else value)

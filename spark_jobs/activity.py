"""What people did, as one frame, and the measures counted over it; frames in, frames out.

Orders and events become rows of the same shape, so that no two aggregates have to be joined again.
Each output table adds up twice: first per visit (a session or an order), then over visits, whose
number is that of distinct sessions and orders. `countDistinct` gives the same, but Spark copies
every row for each column that it is asked of.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

QUARTER_HOUR_US = 15 * 60 * 1_000_000
MICROS = 1_000_000
MICROS_A_CENT = 10_000
VISIT = ("session_id", "order_id")
"""A row has one of the two, since it was an event or an order line."""

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
        order_id (null for an event), campaign_id, product_id, quantity int, amount bigint in
        millionths of the shop's currency, occurred_at, received_at.
    """
    # Whole numbers add up to the same sum in whichever order Spark's tasks finish; doubles do not,
    # and decimals of this length take ten times as long.
    price = F.floor(F.col("unit_price") * MICROS + 0.5)
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
    """Sum the amounts of the given kinds, in millionths; 0 without any. See `in_currency`."""
    return F.coalesce(F.sum(F.when(F.col("kind").isin(*kinds), F.col("amount"))), F.lit(0))


def in_currency(micros: Column) -> Column:
    """Turn millionths into the shop's currency, rounded half up to the cent; never negative."""
    return F.floor((micros + MICROS_A_CENT // 2) / MICROS_A_CENT) / 100


def add_up(rows: DataFrame, keys: tuple[str, ...], measures: dict[str, Column]) -> DataFrame:
    """Group by `keys` and name the measures: keys, then measures."""
    named = [measure.alias(name) for name, measure in measures.items()]
    return rows.groupBy(*keys).agg(*named)


def distinct_sessions() -> Column:
    """Count the sessions among visits."""
    return F.count("session_id")


def distinct_orders() -> Column:
    """Count the orders with a sale among visits, which have a `unit_count`."""
    return F.count(F.when(F.col("unit_count") > 0, F.col("order_id")))


def total(*names: str) -> dict[str, Column]:
    """Add up measures over visits, under their own names."""
    return {name: F.sum(name) for name in names}


def total_money(*names: str) -> dict[str, Column]:
    """Add up amounts of money over visits, under their own names, in the shop's currency."""
    return {name: in_currency(F.sum(name)) for name in names}

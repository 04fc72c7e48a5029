"""How each product did on each day: `product_days`."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.activity import (
    CART,
    RETURN,
    SALE,
    add_up,
    count_of,
    distinct_orders,
    money_of,
    total,
    total_money,
    units_of,
)
from vitrine.deltas import PRODUCT_DAYS

VIEW = ("product_view",)
_TOTALS = ("view_count", "cart_count", "unit_count", "return_unit_count")


def product_days(done: DataFrame) -> DataFrame:
    """Count views and sales of each product, per day of occurrence and of receipt.

    An order has one customer: orders are counted per customer first, then customers.

    Parameters
    ----------
    done
        `activity` with `on_days` and file.

    Returns
    -------
    DataFrame
        file and the columns of `vitrine.deltas.PRODUCT_DAYS`; guests' purchases are counted too.
    """
    keys = ("file", *PRODUCT_DAYS.key)
    counted = done.where(
        F.col("product_id").isNotNull() & F.col("kind").isin(*VIEW, *CART, *SALE, *RETURN)
    )
    orders = add_up(
        counted,
        (*keys, "customer_id", "order_id"),
        {
            "view_count": count_of(*VIEW),
            "cart_count": count_of(*CART),
            "unit_count": units_of(*SALE),
            "turnover": money_of(*SALE),
            "return_unit_count": units_of(*RETURN),
        },
    )
    customers = add_up(
        orders,
        (*keys, "customer_id"),
        {"order_count": distinct_orders(), **total(*_TOTALS, "turnover")},
    )
    measures = {
        **total("view_count", "cart_count", "order_count"),
        "buyer_count": F.count(F.when(F.col("unit_count") > 0, F.col("customer_id"))),
        **total("unit_count"),
        **total_money("turnover"),
        **total("return_unit_count"),
    }
    return add_up(customers, keys, measures).select(
        "file", "product_id", "occurred_on", *measures, "ds"
    )

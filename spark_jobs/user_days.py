"""What each customer did on each day, in all and by sector: `user_days` and `user_sector_days`."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.activity import (
    CART,
    IMPRESSION,
    RETURN,
    SALE,
    VIEWS,
    VISIT,
    add_up,
    count_of,
    distinct_orders,
    distinct_sessions,
    money_of,
    total,
    total_money,
    units_of,
)
from spark_jobs.catalogue import UNKNOWN, add_known
from vitrine.deltas import USER_DAYS, USER_SECTOR_DAYS


def user_days(done: DataFrame) -> DataFrame:
    """Count what each customer did, per day of occurrence and of receipt.

    Parameters
    ----------
    done
        `activity` with `on_days` and file.

    Returns
    -------
    DataFrame
        file and the columns of `vitrine.deltas.USER_DAYS`; guests are left out.
    """
    keys = ("file", *USER_DAYS.key)
    visits = add_up(
        done.where(F.col("customer_id").isNotNull()),
        (*keys, *VISIT),
        {
            "impression_count": count_of(*IMPRESSION),
            "campaign_view_count": count_of("campaign_view"),
            "product_view_count": count_of("product_view"),
            "cart_count": count_of(*CART),
            "unit_count": units_of(*SALE),
            "turnover": money_of(*SALE),
            "return_unit_count": units_of(*RETURN),
            "return_value": money_of(*RETURN),
        },
    )
    measures = {
        "session_count": distinct_sessions(),
        **total("impression_count", "campaign_view_count", "product_view_count", "cart_count"),
        "order_count": distinct_orders(),
        **total("unit_count"),
        **total_money("turnover"),
        **total("return_unit_count"),
        **total_money("return_value"),
    }
    return add_up(visits, keys, measures).select(
        "file", "customer_id", "occurred_on", *measures, "ds"
    )


def user_sector_days(done: DataFrame, products: DataFrame, campaigns: DataFrame) -> DataFrame:
    """Count what each customer viewed and bought of each sector.

    Parameters
    ----------
    done
        `activity` with `on_days`, file and known_at.
    products, campaigns
        Every version of the catalogue: id, sector, received_at.

    Returns
    -------
    DataFrame
        file and the columns of `vitrine.deltas.USER_SECTOR_DAYS`; guests are left out.
    """
    counted = done.where(
        F.col("customer_id").isNotNull() & F.col("kind").isin(*VIEWS, *CART, *SALE)
    )
    by_product = add_known(counted, products, "product_id", "sector", "_product_sector")
    by_both = add_known(by_product, campaigns, "campaign_id", "sector", "_campaign_sector")
    sector = F.coalesce("_product_sector", "_campaign_sector", F.lit(UNKNOWN))
    keys = ("file", *USER_SECTOR_DAYS.key)
    visits = add_up(
        by_both.withColumn("sector", sector),
        (*keys, *VISIT),
        {
            "view_count": count_of(*VIEWS),
            "cart_count": count_of(*CART),
            "unit_count": units_of(*SALE),
            "turnover": money_of(*SALE),
        },
    )
    measures = {
        **total("view_count", "cart_count"),
        "order_count": distinct_orders(),
        **total("unit_count"),
        **total_money("turnover"),
    }
    return add_up(visits, keys, measures).select(
        "file", "customer_id", "sector", "occurred_on", *measures, "ds"
    )

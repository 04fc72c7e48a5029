"""The deltas, Spark's outputs: their columns, units and keys; defined once, like the raw contract.

`spark_jobs` writes them, `expectations` checks them, `dbt_project` adds them up.

All of them are grouped by receipt as well as by occurrence, so that nothing learnt later changes
what was known earlier. Counts, units and money add up over receipts to the truth by event time.
Distinct things (sessions, orders, buyers, visitors) are distinct within one receipt: a session
whose events came in two receipts counts once in each.
"""

from datetime import datetime, timedelta

import pyarrow as pa

from vitrine.contracts import INSTANT, TEXT, Column, Table
from vitrine.interval import EPOCH, Interval

COUNT = pa.int64()
DAY = pa.date32()
MONEY = pa.float64()

_CUSTOMER = Column("customer_id", TEXT, "The shop's id of the customer; guests are left out.")
_PRODUCT = Column("product_id", TEXT, "The shop's id of the product.")
_OCCURRED_ON = Column("occurred_on", DAY, "UTC day on which it happened.")
_DS = Column("ds", DAY, "UTC day of receipt.")
_CART = Column("cart_count", COUNT, "Additions to the cart.")
_ORDERS = Column("order_count", COUNT, "Distinct orders with a sale.")
_UNITS = Column("unit_count", COUNT, "Units sold; returns do not reduce it.")
_TURNOVER = Column("turnover", MONEY, "Price of the units sold, shop currency, to the cent.")
_RETURNED_UNITS = Column("return_unit_count", COUNT, "Units that came back.")

USER_DAYS = Table(
    "user_days",
    "One row per customer, day of occurrence and day of receipt.",
    ("customer_id", "occurred_on", "ds"),
    (
        _CUSTOMER,
        _OCCURRED_ON,
        Column("session_count", COUNT, "Distinct sessions."),
        Column("impression_count", COUNT, "Campaigns or products shown to the customer."),
        Column("campaign_view_count", COUNT, "Campaign pages opened."),
        Column("product_view_count", COUNT, "Product pages opened."),
        _CART,
        _ORDERS,
        _UNITS,
        _TURNOVER,
        _RETURNED_UNITS,
        Column("return_value", MONEY, "Price of the units that came back, shop currency."),
        _DS,
    ),
)

USER_SECTOR_DAYS = Table(
    "user_sector_days",
    "One row per customer, sector, day of occurrence and day of receipt.",
    ("customer_id", "sector", "occurred_on", "ds"),
    (
        _CUSTOMER,
        Column(
            "sector",
            TEXT,
            "Sector of the product, else of the campaign, as known at the end of the receipt;"
            " unknown where neither is known.",
        ),
        _OCCURRED_ON,
        Column("view_count", COUNT, "Campaign and product pages opened."),
        _CART,
        _ORDERS,
        _UNITS,
        _TURNOVER,
        _DS,
    ),
)

PRODUCT_DAYS = Table(
    "product_days",
    "One row per product, day of occurrence and day of receipt.",
    ("product_id", "occurred_on", "ds"),
    (
        _PRODUCT,
        _OCCURRED_ON,
        Column("view_count", COUNT, "Product pages opened."),
        _CART,
        _ORDERS,
        Column("buyer_count", COUNT, "Distinct customers who bought; guests are not counted."),
        _UNITS,
        _TURNOVER,
        _RETURNED_UNITS,
        _DS,
    ),
)

CAMPAIGN_WINDOWS = Table(
    "campaign_windows",
    "One row per campaign, demographic cluster, 15-minute window of occurrence and of receipt.",
    ("campaign_id", "demographic_cluster", "window_start_at", "received_window_start_at"),
    (
        Column("campaign_id", TEXT, "The shop's id of the campaign."),
        Column(
            "demographic_cluster",
            TEXT,
            "Cluster of the customer as known at the end of the receipt; unknown for a visitor"
            " who is not logged in.",
        ),
        Column("window_start_at", INSTANT, "First instant of the 15 minutes in which it happened."),
        Column(
            "received_window_start_at",
            INSTANT,
            "First instant of the 15 minutes in which it was received.",
        ),
        Column("impression_count", COUNT, "Times the campaign or a product of it was shown."),
        Column("visitor_count", COUNT, "Distinct sessions with any event of the campaign."),
        Column("view_count", COUNT, "Pages of the campaign and its products opened."),
        _CART,
        _ORDERS,
        _UNITS,
        _TURNOVER,
    ),
)

TABLES: dict[str, Table] = {
    table.name: table for table in (USER_DAYS, USER_SECTOR_DAYS, PRODUCT_DAYS, CAMPAIGN_WINDOWS)
}

BY_DATABASE = {
    # warehouse: the deltas that it is built from
    "daily": (USER_DAYS, USER_SECTOR_DAYS, PRODUCT_DAYS),
    "intraday": (CAMPAIGN_WINDOWS,),
}


def history_start(database: str, end: datetime, intraday_history_days: int) -> datetime:
    """Return the first instant of receipt of the deltas that a database built up to `end` needs.

    All days for the daily one. Of windows the last `intraday_history_days` and what is before them
    in that month: were the start every day another, each build would have to begin anew.

    >>> from vitrine.interval import parse_instant
    >>> history_start("intraday", parse_instant("2026-08-31"), 30).isoformat()
    '2026-08-01T00:00:00+00:00'
    """
    if database == "daily":
        return EPOCH
    oldest = max(end - timedelta(days=intraday_history_days), EPOCH)
    return oldest.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def made(database: str, interval: Interval, intraday_history_days: int) -> Interval:
    """Return the part of an interval that a database's deltas are made for; see `history_start`."""
    start = history_start(database, interval.end, intraday_history_days)
    return Interval(max(start, interval.start), interval.end)

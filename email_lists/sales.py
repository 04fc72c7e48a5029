"""What the sale lines known as of the run say: history's neighbours are popularity and baskets.

The marts of the same names hold the newest build. A night that is run again needs its own instant,
so the lists sum up the lines themselves.
"""

from datetime import datetime, timedelta

import pyarrow as pa

from email_lists.frames import select

POPULARITY_DAYS = 28
BASKET_DAYS = 90
LEAST_BASKETS = 2
"""A pair that met in fewer orders met by chance."""
PAIRS_KEPT = 20
"""Partners kept per item."""
LARGEST_BASKET = 100
"""A larger order is a wholesaler's: it pairs everything with everything."""

_UNITS = """
select demographic_cluster, product_id, sum(unit_count)::bigint as unit_count
from sales
where occurred_at >= $since
group by all
order by all
"""

_PAIRS = """
with lines as (
    select distinct order_id, item from lines_sold where occurred_at >= $since
),
baskets as (
    select * from lines
    qualify count(*) over (partition by order_id) <= $largest
),
alone as (
    select item, count(*) as item_basket_count from baskets group by all
),
pairs as (
    select one.item, other.item as other_item, count(*) as basket_count
    from baskets as one
    join baskets as other using (order_id)
    where one.item <> other.item
    group by all
    having count(*) >= $least
),
final as (
    select
        pairs.*,
        basket_count / one.item_basket_count as confidence_ratio,
        confidence_ratio
        * (select count(distinct order_id) from baskets)
        / other.item_basket_count as lift_ratio
    from pairs
    join alone as one using (item)
    join alone as other on pairs.other_item = other.item
)
select * from final
where lift_ratio > 1
qualify row_number() over (
    partition by item order by basket_count desc, lift_ratio desc, other_item
) <= $kept
order by item, other_item
"""


def units_sold(sales: pa.Table, as_of: datetime) -> pa.Table:
    """Sum the units of the last 28 days: demographic_cluster, product_id, unit_count (int64).

    `sales` holds demographic_cluster, product_id, unit_count, occurred_at; one row per sale line.
    """
    return select(_UNITS, {"since": as_of - timedelta(days=POPULARITY_DAYS)}, sales=sales)


def co_purchases(lines: pa.Table, as_of: datetime, kept: int = PAIRS_KEPT) -> pa.Table:
    """Find the items that meet in the same orders of the last 90 days, more than by chance.

    `lines` holds order_id, item (a product, or a kind of product), occurred_at. The `kept` most
    frequent partners of each item are returned; pairs that met once, and pairs whose lift is not
    above 1, are left out.

    Returns
    -------
    pyarrow.Table
        item, other_item, basket_count (orders with both), confidence_ratio (share of the orders
        with the first that have the other), lift_ratio (that share over the share among all orders;
        1: by chance). Agrawal, Imielinski and Swami 1993; lift: Brin et al. 1997.
    """
    return select(
        _PAIRS,
        {
            "since": as_of - timedelta(days=BASKET_DAYS),
            "largest": LARGEST_BASKET,
            "least": LEAST_BASKETS,
            "kept": kept,
        },
        lines_sold=lines,
    )

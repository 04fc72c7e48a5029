"""What the sale lines known as of the run say: history's neighbours are popularity and baskets.

The marts of the same names hold the newest build. A night that is run again needs its own instant,
so the lists sum up the lines themselves.
"""

from datetime import datetime, timedelta

import pyarrow as pa

from email_lists.frames import select
from vitrine.contracts import NO_COUNTRY

POPULARITY_DAYS = 28
BASKET_DAYS = 90
LEAST_BASKETS = 3
"""A pair that met in fewer orders may have met by chance: no reason is told from it."""
PAIRS_KEPT = 20
"""Partners kept per item."""
LARGEST_BASKET = 100
"""A larger order is a wholesaler's: it pairs everything with everything."""
LEAST_BUYERS = 10
REPEAT_SHARE = 0.2
"""Of a product's buyers, bought it on another day too: it is one that people run out of."""
LEAST_TODAY = 5
"""Fewer buyers are not worth telling, and could be told apart."""

_UNITS = """
select demographic_cluster, product_id, sum(unit_count)::bigint as unit_count
from sales
where occurred_at >= $since
group by all
order by all
"""

_LAST_DAY = """
select customers.country, sales.product_id, sum(sales.unit_count)::bigint as unit_count
from sales
join customers using (customer_id)
where
    customers.country <> $nowhere
    and sales.occurred_at >= (select max(occurred_at) from sales) - interval 1 day
group by all
order by all
"""

_REPEATED = """
with days as (
    select customer_id, product_id, count(distinct occurred_at::date) as day_count
    from sales
    where customer_id is not null
    group by all
)
select product_id
from days
group by product_id
having count(*) >= $least and count(*) filter (where day_count > 1) >= $share * count(*)
order by product_id
"""

_TODAY = """
select
    timezone,
    product_id,
    -- Guests may be one person in many orders.
    count(distinct customer_id) as buyer_count
from sales
join midnights on sales.occurred_at >= midnights.midnight and sales.occurred_at < $as_of
group by all
having buyer_count >= $least
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
    semi join wanted on other.item = wanted.item
    where one.item <> other.item
    group by all
    having count(*) >= $least
),
final as (
    select
        pairs.*,
        one.item_basket_count,
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


def sold_on_last_day(sales: pa.Table, customers: pa.Table) -> pa.Table:
    """Sum up what was sold on the last day known: country, product_id, unit_count.

    The country is the customer's; guests have none, and where it is not known it is no region.
    """
    return select(_LAST_DAY, {"nowhere": NO_COUNTRY}, sales=sales, customers=customers)


def repeated(sales: pa.Table) -> list[str]:
    """List the products that are bought again and again: by a fifth of ten buyers or more."""
    found = select(_REPEATED, {"least": LEAST_BUYERS, "share": REPEAT_SHARE}, sales=sales)
    return list(found["product_id"].to_pylist())


def bought_today(sales: pa.Table, midnights: pa.Table, as_of: datetime) -> pa.Table:
    """Count who bought a product since midnight, by the clocks of several zones.

    Parameters
    ----------
    midnights
        timezone, midnight (UTC instant): the beginning of the day that `as_of` falls on there.

    Returns
    -------
    pyarrow.Table
        timezone, product_id, buyer_count (customers who are known); from five on.
    """
    asked = {"as_of": as_of, "least": LEAST_TODAY}
    return select(_TODAY, asked, sales=sales, midnights=midnights)


def co_purchases(
    lines: pa.Table, as_of: datetime, kept: int = PAIRS_KEPT, wanted: pa.Table | None = None
) -> pa.Table:
    """Find the items that meet in the same orders of the last 90 days, more than by chance.

    `lines` holds order_id, item (a product, or a kind of product), occurred_at. The `kept` most
    frequent partners of each item are returned, of those in `wanted` (item) where it is given;
    pairs that met less than three times, and pairs whose lift is not above 1, are left out.

    Returns
    -------
    pyarrow.Table
        item, other_item, basket_count (orders with both), item_basket_count (orders with the
        first), confidence_ratio (share of the orders with the first that have the other),
        lift_ratio (that share over the share among all orders; 1: by chance). Agrawal, Imielinski
        and Swami 1993; lift: Brin et al. 1997.
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
        wanted=select("select distinct item from lines", lines=lines if wanted is None else wanted),
    )

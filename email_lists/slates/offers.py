"""What can be bought at the send time: by market, so that it is worked out once for many customers.

A market is one send time and one country that some campaign is restricted to (ZZ: no campaign is).
"""

import pyarrow as pa

from email_lists.frames import select
from vitrine.contracts import NO_COUNTRY

_MARKETS = """
with restricted as (
    select distinct country from campaigns
),
placed as (
    select customers.*, coalesce(restricted.country, $anywhere) as market_country
    from customers
    left join restricted using (country)
),
final as (
    select *, dense_rank() over (order by send_at, market_country) as market from placed
)
select * from final order by customer_id
"""

_OFFERS = """
with markets as (
    select distinct market, market_country, send_at from customers
),
final as (
    select
        markets.market,
        campaign_id,
        supply.product_id,
        supply.price,
        supply.stock_left,
        campaigns.opens_at
    from supply
    join campaigns using (campaign_id)
    join markets
        on campaigns.country in (markets.market_country, $anywhere)
        and campaigns.opens_at <= markets.send_at
        and (campaigns.closes_at is null or campaigns.closes_at > markets.send_at)
    where supply.stock_left is null or supply.stock_left > 0
)
select * from final order by market, campaign_id, product_id
"""

_CHEAPEST = """
select * from offers
qualify row_number() over (partition by market, product_id order by price, campaign_id) = 1
order by market, product_id
"""


def with_markets(customers: pa.Table, campaigns: pa.Table) -> pa.Table:
    """Add market (integer from 1) and market_country to customers that have send_at and country."""
    return select(_MARKETS, {"anywhere": NO_COUNTRY}, customers=customers, campaigns=campaigns)


def open_offers(customers: pa.Table, campaigns: pa.Table, supply: pa.Table) -> pa.Table:
    """List what each market can buy at its send time.

    Parameters
    ----------
    customers
        With market, market_country and send_at.
    campaigns
        campaign_id, country, opens_at, closes_at (null: permanent), as known.
    supply
        campaign_id, product_id, price, stock_left (null: unknown), as known. Neither a sold-out
        product nor a campaign that is not open at the send time comes through.

    Returns
    -------
    pyarrow.Table
        market, campaign_id, product_id, price, stock_left, opens_at; one row per market, campaign
        and product.
    """
    return select(
        _OFFERS, {"anywhere": NO_COUNTRY}, customers=customers, campaigns=campaigns, supply=supply
    )


def one_per_product(offers: pa.Table) -> pa.Table:
    """Keep the cheapest campaign of each market and product."""
    return select(_CHEAPEST, offers=offers)

"""What sells in a customer's demographic cluster, then anywhere: the choice without a history."""

import pyarrow as pa

from email_lists.frames import select

_GROUPS = """
groups as (select distinct market, demographic_cluster from customers),
anywhere as (
    select product_id, sum(unit_count)::bigint as unit_count from popularity group by all
),
units as (
    select
        groups.market,
        groups.demographic_cluster,
        offers.*  exclude (market),
        coalesce(popularity.unit_count, 0) as cluster_unit_count,
        coalesce(anywhere.unit_count, 0) as unit_count
    from groups
    join offers using (market)
    left join popularity using (demographic_cluster, product_id)
    left join anywhere using (product_id)
)
"""

_PRODUCTS = f"""
with {_GROUPS},
ranked as (
    select
        units.*,
        products.brand,
        products.sector,
        products.sub_sector,
        row_number() over (partition by market, demographic_cluster order by
            cluster_unit_count desc, unit_count desc, opens_at desc, product_id) as popular_rank
    from units
    join products using (product_id)
),
final as (
    select
        *,
        row_number() over (
            partition by market, demographic_cluster, sector, sub_sector order by popular_rank
        ) as kind_rank
    from ranked
)
select * from final
order by market, demographic_cluster, popular_rank
"""

_CAMPAIGNS = f"""
with {_GROUPS},
campaigns as (
    select
        market,
        demographic_cluster,
        campaign_id,
        max(opens_at) as opens_at,
        sum(cluster_unit_count) as cluster_unit_count,
        sum(unit_count) as unit_count
    from units
    group by all
),
final as (
    select
        market,
        demographic_cluster,
        campaign_id,
        row_number() over (partition by market, demographic_cluster order by
            cluster_unit_count desc, unit_count desc, opens_at desc, campaign_id) as popular_rank
    from campaigns
)
select * from final order by market, demographic_cluster, popular_rank
"""


def popular_products(
    customers: pa.Table, offers: pa.Table, popularity: pa.Table, products: pa.Table
) -> pa.Table:
    """Rank the products on offer for each market and cluster of the customers.

    Parameters
    ----------
    customers
        market and demographic_cluster.
    offers
        `offers.one_per_product`.
    popularity
        demographic_cluster, product_id, unit_count: units sold lately; unique by the first two.
    products
        product_id, brand, sector, sub_sector.

    Returns
    -------
    pyarrow.Table
        market, demographic_cluster, the offer's columns, brand, sector, sub_sector,
        cluster_unit_count, unit_count (all clusters), popular_rank (from 1; newer campaigns first
        among unsold) and kind_rank (the rank in its sub-sector).
    """
    return select(
        _PRODUCTS,
        customers=customers,
        offers=offers,
        popularity=popularity,
        products=products,
    )


def popular_campaigns(customers: pa.Table, offers: pa.Table, popularity: pa.Table) -> pa.Table:
    """Rank the open campaigns of each market and cluster by the units of what they offer.

    `offers` are `offers.open_offers`. Returns market, demographic_cluster, campaign_id and
    popular_rank (from 1).
    """
    return select(_CAMPAIGNS, customers=customers, offers=offers, popularity=popularity)

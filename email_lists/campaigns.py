"""The campaigns of one customer: the ranker's order of what is open, then the popular ones."""

import pyarrow as pa

from email_lists.frames import select

_RANKED = """
with open_campaigns as (
    select distinct market, campaign_id from offers
),
scored as (
    select customer_id, campaign_id, scores.score
    from customers
    join open_campaigns using (market)
    join scores using (customer_id, campaign_id)
),
short as (
    select customer_id, market, demographic_cluster
    from customers
    left join (select customer_id, count(*) as n from scored group by all) using (customer_id)
    where coalesce(n, 0) < $size
),
popular as (
    select short.customer_id, popular.campaign_id, popular.popular_rank
    from short
    join popular using (market, demographic_cluster)
    anti join scored using (customer_id, campaign_id)
    where popular.popular_rank <= 2 * $size
),
candidates as (
    select customer_id, campaign_id, score, null as popular_rank from scored
    union all
    select customer_id, campaign_id, null as score, popular_rank from popular
),
final as (
    select
        customer_id,
        campaign_id,
        row_number() over (
            partition by customer_id
            order by score desc nulls last, popular_rank nulls first, campaign_id
        ) as rank,
        score,
        if(score is null, 'popular_in_cluster', 'ranked_for_you') as reason
    from candidates
)
select * from final where rank <= $size order by customer_id, rank
"""


def ranked_campaigns(
    customers: pa.Table, offers: pa.Table, scores: pa.Table, popular: pa.Table, size: int
) -> pa.Table:
    """Rank up to `size` campaigns per customer, all open in the customer's market.

    Parameters
    ----------
    customers
        customer_id, market, demographic_cluster.
    offers
        `offers.open_offers`.
    scores
        customer_id, campaign_id, score (float64): the champion's, higher is better.
    popular
        `popularity.popular_campaigns`: fills up whoever has fewer scores than `size`.

    Returns
    -------
    pyarrow.Table
        customer_id, campaign_id, rank (from 1), score (null where popularity decided), reason.
    """
    return select(
        _RANKED,
        {"size": size},
        customers=customers,
        offers=offers,
        scores=scores,
        popular=popular,
    )

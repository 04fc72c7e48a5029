"""Which products a customer may be shown, from four sources; the slate chooses among them.

Every source returns customer_id, slot, product_id, score (float64, comparable within a slot only),
reason and cause_product_id (the purchase behind it, or null).
"""

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from email_lists.frames import empty, select
from email_lists.similarity import ProductVectors, neighbours

SIMILAR, TOGETHER, NEW, POPULAR = "similar", "together", "new", "popular"
HISTORY_SIZE = 12
"""Purchases per customer that similar and co-bought products are looked up for, newest first."""
REST_DAYS = 30
"""A product bought within so many days is not shown again."""
KIND_DEPTH = 3
"""Ranks of each sub-sector, however low: for kinds that go together, and somewhere new."""
KINDS_KEPT = 8
"""Kinds of product that go with a kind."""
DEPTH = 40
"""Candidates kept per customer and slot."""
UNKNOWN_SECTOR = "unknown"

NO_NEIGHBOURS = empty(
    market=pa.int64(),
    product_id=pa.string(),
    similar_product_id=pa.string(),
    similarity=pa.float64(),
)

_HISTORY = """
with bought as (
    select customer_id, product_id, max(occurred_at) as last_bought_at
    from sales
    group by all
),
final as (
    select
        *,
        row_number() over (
            partition by customer_id order by last_bought_at desc, product_id
        ) as recency_rank
    from bought
)
select * from final order by customer_id, recency_rank
"""

_SIMILAR = """
select
    customer_id,
    'similar' as slot,
    neighbours.similar_product_id as product_id,
    neighbours.similarity as score,
    'similar_to_bought' as reason,
    history.product_id as cause_product_id,
    history.recency_rank
from customers
join history using (customer_id)
join neighbours using (market, product_id)
where history.recency_rank <= $history_size
"""

_TOGETHER = """
select
    customer_id,
    'together' as slot,
    pairs.other_item as product_id,
    pairs.confidence_ratio as score,
    'bought_together' as reason,
    history.product_id as cause_product_id,
    history.recency_rank
from customers
join history using (customer_id)
join pairs on history.product_id = pairs.item
where history.recency_rank <= $history_size
"""

_TOGETHER_BY_KIND = """
select
    customer_id,
    'together' as slot,
    popular.product_id,
    -- Below every pair of products: those have more than 0.
    pairs.confidence_ratio / popular.kind_rank - 1 as score,
    'kinds_bought_together' as reason,
    history.product_id as cause_product_id,
    history.recency_rank
from customers
join history using (customer_id)
join products using (product_id)
join pairs on products.sub_sector = pairs.item
join popular
    on
        customers.market = popular.market
        and customers.demographic_cluster = popular.demographic_cluster
        and pairs.other_item = popular.sub_sector
where history.recency_rank <= $history_size and popular.kind_rank <= $kind_depth
"""

_NEW = """
with known as (
    select distinct customer_id, sector, brand from history join products using (product_id)
),
sectors as (select distinct customer_id, sector from known),
brands as (select distinct customer_id, brand from known),
shown as (
    select customer_id, sector, brand, product_id, popular_rank
    from customers
    join popular using (market, demographic_cluster)
    semi join history using (customer_id)
    where popular_rank <= $depth or kind_rank <= $kind_depth
),
final as (
    select customer_id, product_id, 1 + 1 / popular_rank as score, 'new_sector' as reason
    from shown
    anti join sectors using (customer_id, sector)
    where sector <> $unknown_sector
    union all
    select customer_id, product_id, 1 / popular_rank as score, 'new_brand' as reason
    from shown
    anti join brands using (customer_id, brand)
)
select
    customer_id,
    'new' as slot,
    product_id,
    score,
    reason,
    null::varchar as cause_product_id,
    0 as recency_rank
from final
"""

_POPULAR = """
with known as (
    select customer_id, count(*) as product_count
    from history
    where last_bought_at >= $rested_at
    group by all
)
select
    customer_id,
    'popular' as slot,
    product_id,
    1 / popular_rank as score,
    if(cluster_unit_count > 0, 'popular_in_cluster', 'popular') as reason,
    null::varchar as cause_product_id,
    0 as recency_rank
from customers
join popular using (market, demographic_cluster)
left join known using (customer_id)
-- Whoever bought much lately will not be shown it again, and looks further down.
where popular_rank <= $depth + coalesce(known.product_count, 0)
"""

_ON_OFFER = """
with lately as (
    select customer_id, product_id from history where last_bought_at >= $rested_at
),
-- A product found through several purchases counts once, for the best of them.
best as (
    select
        customer_id,
        slot,
        product_id,
        min(row(-score, recency_rank, cause_product_id, reason)) as found
    from found
    join customers using (customer_id)
    semi join offers using (market, product_id)
    anti join lately using (customer_id, product_id)
    group by all
),
kept as (
    select * from best
    qualify row_number() over (partition by customer_id, slot order by found, product_id) <= $depth
),
final as (
    select
        customer_id,
        slot,
        product_id,
        offers.campaign_id,
        offers.price,
        offers.stock_left,
        products.brand,
        -found[1] as score,
        found[4] as reason,
        found[3] as cause_product_id
    from kept
    join customers using (customer_id)
    join offers using (market, product_id)
    join products using (product_id)
)
select * from final order by customer_id, slot, score desc, product_id
"""


def purchase_history(sales: pa.Table) -> pa.Table:
    """Sum up sale lines (customer_id, product_id, occurred_at), as known.

    Returns customer_id, product_id, last_bought_at and recency_rank (from 1, the newest first).
    """
    return select(_HISTORY, sales=sales)


def anchors(sales: pa.Table) -> list[str]:
    """List the products that are among the newest purchases of anybody: `similar` asks of them."""
    history = purchase_history(sales)
    newest = history.filter(pc.less_equal(history["recency_rank"], HISTORY_SIZE))
    found: list[str] = newest["product_id"].unique().to_pylist()
    return found


def similar(
    customers: pa.Table, history: pa.Table, offers: pa.Table, vectors: ProductVectors
) -> pa.Table:
    """Find what is like the customer's newest purchases; score is the cosine.

    `customers` holds customer_id and market, `offers` is `offers.one_per_product`. Neighbours are
    looked up within each market, so that a small market is not crowded out by a large one.
    """
    found = [
        _in_market(market, customers, history, offers, vectors)
        for market in sorted(set(customers["market"].to_pylist()))
    ]
    return select(
        _SIMILAR,
        {"history_size": HISTORY_SIZE},
        customers=customers,
        history=history,
        neighbours=pa.concat_tables(found) if found else NO_NEIGHBOURS,
    )


def together(customers: pa.Table, history: pa.Table, pairs: pa.Table) -> pa.Table:
    """Find what is bought together with the newest purchases; score is the rule's confidence.

    `pairs` is `sales.co_purchases` of products.
    """
    return select(
        _TOGETHER,
        {"history_size": HISTORY_SIZE},
        customers=customers,
        history=history,
        pairs=pairs,
    )


def together_by_kind(
    customers: pa.Table,
    history: pa.Table,
    pairs: pa.Table,
    popular: pa.Table,
    products: pa.Table,
) -> pa.Table:
    """Find the popular products of a kind that is bought together with the kind of a purchase.

    In a flash sale the partner of a product is mostly gone when it is looked for; its kind is not.
    `pairs` is `sales.co_purchases` of sub-sectors. Score is confidence / rank in the kind, less 1:
    a pair of products goes first.
    """
    return select(
        _TOGETHER_BY_KIND,
        {"history_size": HISTORY_SIZE, "kind_depth": KIND_DEPTH},
        customers=customers,
        history=history,
        pairs=pairs,
        popular=popular,
        products=products,
    )


def somewhere_new(
    customers: pa.Table, history: pa.Table, popular: pa.Table, products: pa.Table
) -> pa.Table:
    """Find popular products of a sector, else of a brand, that the customer never bought from.

    Only for customers with a history; `popular` is `popularity.popular_products`. Score is
    1 / popular rank, plus 1 for a new sector.
    """
    return select(
        _NEW,
        {"unknown_sector": UNKNOWN_SECTOR, "depth": DEPTH, "kind_depth": KIND_DEPTH},
        customers=customers,
        history=history,
        popular=popular,
        products=products,
    )


def well_liked(
    customers: pa.Table, history: pa.Table, popular: pa.Table, as_of: datetime
) -> pa.Table:
    """List the popular products of each customer's market and cluster; score is 1 / rank."""
    return select(
        _POPULAR,
        {"depth": DEPTH, "rested_at": rested_at(as_of)},
        customers=customers,
        history=history,
        popular=popular,
    )


def on_offer(
    found: pa.Table,
    customers: pa.Table,
    history: pa.Table,
    offers: pa.Table,
    products: pa.Table,
    as_of: datetime,
) -> pa.Table:
    """Keep what the customer's market offers and what was not bought in the last 30 days.

    Returns the sources' columns with campaign_id, price, stock_left and brand, unique by customer,
    slot and product, at most `DEPTH` per customer and slot, the best first.
    """
    return select(
        _ON_OFFER,
        {"rested_at": rested_at(as_of), "depth": DEPTH},
        found=found,
        customers=customers,
        history=history,
        offers=offers,
        products=products,
    )


def rested_at(as_of: datetime) -> datetime:
    """Return the instant from which on a purchase keeps its product off the list."""
    return as_of - timedelta(days=REST_DAYS)


def _in_market(
    market: int,
    customers: pa.Table,
    history: pa.Table,
    offers: pa.Table,
    vectors: ProductVectors,
) -> pa.Table:
    anchors = select(
        "select distinct product_id from history semi join"
        " (select customer_id from customers where market = $market) using (customer_id)"
        " where recency_rank <= $history_size",
        {"market": market, "history_size": HISTORY_SIZE},
        history=history,
        customers=customers,
    )
    there = offers.filter(pc.equal(offers["market"], market))
    found = neighbours(vectors, anchors["product_id"].to_pylist(), there["product_id"].to_pylist())
    return found.append_column("market", pa.array([market] * found.num_rows, pa.int64()))

"""One night's list: from what is known as of the run to one row per person."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from email_lists import candidates, offers, popularity, sales
from email_lists.campaigns import ranked_campaigns
from email_lists.eligibility import decisions
from email_lists.frames import select
from email_lists.send_times import send_times
from email_lists.similarity import ProductVectors
from email_lists.slate import choose

CAMPAIGNS_SHOWN = 10
PRODUCTS_SHOWN = 7
BATCH = 1024
"""Customers whose candidates are looked up together; bounds the memory, changes no result."""


@dataclass(frozen=True)
class Known:
    """Everything that a list is made of; each table holds what the night's build knew.

    `as_of` is the instant that the list is made for; what reached the shop after the midnight that
    the build ended at is left out of it.
    """

    as_of: datetime
    customers: pa.Table
    """customer_id, country, language, timezone, demographic_cluster, segment."""
    consents: pa.Table | None
    """The contract's columns; None where the shop keeps no consents."""
    suppressions: pa.Table
    """suppression_id, customer_id, reason, suppressed_at."""
    campaigns: pa.Table
    """campaign_id, brand, sector, sub_sector, country, opens_at, closes_at."""
    supply: pa.Table
    """campaign_id, product_id, price, stock_left: on sale now, or opening later."""
    products: pa.Table
    """product_id, name, brand, sector, sub_sector."""
    sales: pa.Table
    """One row per sale line: order_id, customer_id (null: guest), demographic_cluster, product_id,
    unit_count, occurred_at."""
    scores: pa.Table
    """customer_id, campaign_id, score."""
    vectors: ProductVectors
    provenance: dict[str, Any] = field(default_factory=dict)
    """What the manifest says about the model, the vectors and the shop."""


@dataclass(frozen=True)
class Composition:
    """What `build` stages and `publish` hands over; without addresses."""

    people: pa.Table
    """One row per eligible customer, campaigns and products nested."""
    products: pa.Table
    """Long form: one row per customer and position."""
    exclusions: pa.Table
    """customer_id, exclusion: one row per customer who is not written to."""


_ELIGIBLE = """
select customers.*, send_at, consent_id
from customers
join decisions using (customer_id)
where exclusion is null
order by customer_id
"""

_EXCLUDED = """
select customer_id, exclusion from decisions where exclusion is not null order by customer_id
"""

_THEIR_HISTORY = """
select * from history semi join batch using (customer_id) order by customer_id, recency_rank
"""

_NAMED_CAMPAIGNS = """
with assortments as (
    select campaign_id, count(distinct product_id) as product_count, min(product_id) as product_id
    from supply
    group by all
),
named as (
    select
        campaigns.*,
        if(product_count = 1, products.name, campaigns.brand) as name
    from campaigns
    join assortments using (campaign_id)
    join products using (product_id)
)
select
    customer_id,
    list(struct_pack(
        rank, campaign_id, name, brand := named.brand, sector, closes_at, score, reason
    ) order by rank) as campaigns
from ranked
join named using (campaign_id)
group by customer_id
order by customer_id
"""

_NAMED_PRODUCTS = """
select
    customer_id,
    list(struct_pack(
        position, slot, product_id, campaign_id, name := products.name, brand := products.brand,
        price, reason, cause_product_id, cause_name := causes.name
    ) order by position) as products
from slates
join products using (product_id)
left join products as causes on slates.cause_product_id = causes.product_id
group by customer_id
order by customer_id
"""

_PEOPLE = """
select
    customer_id,
    consent_id,
    country,
    language,
    send_at,
    segment,
    customer_id in (select customer_id from history) as has_history,
    coalesce(campaigns, []) as campaigns,
    coalesce(products, []) as products
from eligible
left join campaigns using (customer_id)
left join products using (customer_id)
order by customer_id
"""


def compose(known: Known) -> Composition:
    """Decide who is written to and what each person is shown."""
    decided = decisions(
        known.customers,
        send_times(known.customers["timezone"].to_pylist(), known.as_of),
        known.consents,
        known.suppressions,
    )
    eligible = select(_ELIGIBLE, customers=known.customers, decisions=decided)
    eligible = offers.with_markets(eligible, known.campaigns)
    open_offers = offers.open_offers(eligible, known.campaigns, known.supply)
    units = sales.units_sold(known.sales, known.as_of)
    history = candidates.purchase_history(known.sales)
    ranked = ranked_campaigns(
        eligible,
        open_offers,
        known.scores,
        popularity.popular_campaigns(eligible, open_offers, units),
        CAMPAIGNS_SHOWN,
    )
    slates = _slates(known, eligible, history, offers.one_per_product(open_offers), units)
    people = select(
        _PEOPLE,
        eligible=eligible,
        history=history,
        campaigns=_named_campaigns(known, ranked),
        products=select(_NAMED_PRODUCTS, slates=slates, products=known.products),
    )
    return Composition(people, slates, select(_EXCLUDED, decisions=decided))


def _slates(
    known: Known, eligible: pa.Table, history: pa.Table, on_sale: pa.Table, units: pa.Table
) -> pa.Table:
    popular = popularity.popular_products(eligible, on_sale, units, known.products)
    pairs = _pairs(known)
    starts = range(0, max(eligible.num_rows, 1), BATCH)
    batches = (eligible.slice(start, BATCH) for start in starts)
    found = [_candidates(known, batch, history, on_sale, popular, pairs) for batch in batches]
    return choose(pa.concat_tables(found))


def _candidates(
    known: Known,
    batch: pa.Table,
    history: pa.Table,
    on_sale: pa.Table,
    popular: pa.Table,
    pairs: tuple[pa.Table, pa.Table],
) -> pa.Table:
    """Find the candidates of some customers; each customer's do not depend on the others'."""
    by_product, by_kind = pairs
    bought = select(_THEIR_HISTORY, history=history, batch=batch)
    found = [
        candidates.similar(batch, bought, on_sale, known.vectors),
        candidates.together(batch, bought, by_product),
        candidates.together_by_kind(batch, bought, by_kind, popular, known.products),
        candidates.somewhere_new(batch, bought, popular, known.products),
        candidates.well_liked(batch, bought, popular, known.as_of),
    ]
    return candidates.on_offer(
        pa.concat_tables(found, promote_options="permissive"),
        batch,
        bought,
        on_sale,
        known.products,
        known.as_of,
    )


def _pairs(known: Known) -> tuple[pa.Table, pa.Table]:
    """Return which products, and which sub-sectors, are bought together."""
    by_product = "select order_id, product_id as item, occurred_at from sales"
    by_kind = (
        "select order_id, sub_sector as item, occurred_at"
        " from sales join products using (product_id)"
    )
    return (
        sales.co_purchases(select(by_product, sales=known.sales), known.as_of),
        sales.co_purchases(
            select(by_kind, sales=known.sales, products=known.products),
            known.as_of,
            candidates.KINDS_KEPT,
        ),
    )


def _named_campaigns(known: Known, ranked: pa.Table) -> pa.Table:
    return select(
        _NAMED_CAMPAIGNS,
        ranked=ranked,
        campaigns=known.campaigns,
        supply=known.supply,
        products=known.products,
    )

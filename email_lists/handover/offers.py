"""Offers that a list shows and that do not hold any more: what has sold out, or changed its price.

A list is made from what the build of its night knew. What the shop told since is looked up here, in
the lake, for the offers that letters show: one is a product in a campaign.
"""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from email_lists.audience import received
from email_lists.frames import empty, select
from email_lists.slates.assortment import NOWHERE, offer_keys, positions
from vitrine.contracts import INSTANT
from vitrine.installation import Installation
from vitrine.interval import Interval

SOLD_OUT, REPRICED = REASONS = ("sold_out", "repriced")
BATCH = 65_536
"""People whose letters are looked through together; bounds the memory."""
_NONE = empty(campaign_id=pa.string(), product_id=pa.string(), reason=pa.string())
_NO_COUNTS = empty(
    product_id=pa.string(),
    location=pa.string(),
    quantity=pa.int32(),
    occurred_at=INSTANT,
    received_at=INSTANT,
)
_NO_CAMPAIGNS = empty(campaign_id=pa.string(), opens_at=INSTANT, closes_at=INSTANT)

_TERMS = """
with told as (
    select
        campaign_id, product_id, received_at,
        struct_pack(price := price, stock := initial_stock) as said
    from {received}
    semi join shown using (campaign_id, product_id)
    where received_at < $until
)
select
    campaign_id,
    product_id,
    max(received_at) as changed_at,
    arg_max(said, received_at) as newest,
    arg_max(said, received_at) filter (received_at < $since) as built
from told
group by all
"""

_SOLD = """
select campaign_id, product_id, sum(quantity)::bigint as sold_count
from {received}
semi join shown using (campaign_id, product_id)
where kind = 'sale' and received_at >= $since and received_at < $until
group by all
"""

_NOUGHTS = """
select distinct product_id
from {received}
semi join shown using (product_id)
where quantity <= 0 and received_at >= $since and received_at < $until
"""

# As in the warehouse: a late count changes nothing once a newer one of its location is known.
_COUNTS = """
select product_id, location, quantity, occurred_at, received_at
from {received}
semi join noughts using (product_id)
where received_at < $until
qualify row_number() over (
    partition by product_id, location order by occurred_at desc, received_at
) = 1
"""

_CAMPAIGNS = """
with told as (
    select
        campaign_id,
        min(opens_at) as first_opens_at,
        arg_max(struct_pack(opens_at := opens_at, closes_at := closes_at), received_at) as newest
    from {received}
    where received_at < $until
    group by campaign_id
)
select
    campaign_id,
    -- A permanent campaign opens with the first row about it.
    if(newest.closes_at is null, first_opens_at, newest.opens_at) as opens_at,
    newest.closes_at as closes_at
from told
"""

# What was counted before the opening is another sale's stock.
_GONE = """
with counted as (
    select campaign_id, product_id, sum(quantity) as left_count, max(received_at) as counted_at
    from shown
    join counts using (product_id)
    join campaigns using (campaign_id)
    where occurred_at >= opens_at
    group by all
),
compared as (
    select
        campaign_id,
        product_id,
        (left_count <= 0 and counted_at >= $since)
        or (
            stock_left + newest.stock - built.stock <= coalesce(sold_count, 0)
            and (sold_count > 0 or newest.stock < built.stock)
        ) as is_sold_out,
        changed_at >= $since and newest.price is distinct from shown.price as is_repriced
    from shown
    left join stock using (campaign_id, product_id)
    left join terms using (campaign_id, product_id)
    left join sold using (campaign_id, product_id)
    left join counted using (campaign_id, product_id)
)
select campaign_id, product_id, if(bool_or(is_sold_out), $sold_out, $repriced) as reason
from compared
where is_sold_out or is_repriced
group by campaign_id, product_id
order by campaign_id, product_id
"""


def shown(products: pa.ChunkedArray) -> pa.Table:
    """List the offers of some letters: campaign_id, product_id and price, each once.

    Parameters
    ----------
    products
        Lists of `people.PRODUCT`.
    """
    items = pc.list_flatten(products)
    offers = {name: pc.struct_field(items, name) for name in ("campaign_id", "product_id", "price")}
    return select("select distinct * from offers order by all", offers=pa.table(offers))


def gone(
    installation: Installation,
    as_of: datetime,
    offers: pa.Table,
    scarcity: pa.Table,
    until: datetime,
) -> pa.Table:
    """Find the offers that hold no more by what was received since the build of a night's list.

    Sold out is what was counted as nothing in all its locations together, since its campaign
    opened; and, where the campaign's stock is known, what sold since the build as often as there
    was of it then. Repriced is what has another price than is shown.

    Parameters
    ----------
    as_of
        The instant that the list is made for.
    offers
        `shown`.
    scarcity
        campaign_id, product_id and stock_left (null: unknown) as the build knew it.
    until
        What is received from then on is left out.

    Returns
    -------
    pyarrow.Table
        campaign_id, product_id and reason (of `REASONS`; sold_out where both hold), in order.
    """
    if not offers.num_rows:
        return _NONE
    paths, since = installation.paths, received.known_before(installation.shop, as_of)
    limits, late = {"since": since, "until": until}, Interval(since, until)

    def late_rows(table: str, sql: str) -> pa.Table:
        return received.query(paths, table, sql, limits, late, shown=offers)

    terms = received.query(paths, "campaign_products", _TERMS, limits, shown=offers)
    noughts = late_rows("stock_levels", _NOUGHTS)
    counts, known = _NO_COUNTS, _NO_CAMPAIGNS
    # Few nights have any: then alone counts of all times are read.
    if noughts.num_rows:
        last = {"until": until}
        counts = received.query(paths, "stock_levels", _COUNTS, last, noughts=noughts)
        known = campaigns(installation, until)
    return select(
        _GONE,
        {"since": since, "sold_out": SOLD_OUT, "repriced": REPRICED},
        shown=offers,
        stock=scarcity.filter(pc.is_valid(scarcity["product_id"])),
        terms=terms,
        sold=late_rows("orders", _SOLD),
        counts=counts,
        campaigns=known,
    )


def campaigns(installation: Installation, until: datetime) -> pa.Table:
    """Read when campaigns open and close, by what was received before `until`.

    Returns
    -------
    pyarrow.Table
        campaign_id, opens_at, closes_at (null: permanent); one row per campaign that is known.
    """
    return received.query(installation.paths, "campaigns", _CAMPAIGNS, {"until": until})


def without(people: pa.Table, offers: pa.Table) -> pa.Table:
    """Take products out of letters, and number the others anew; nothing comes in their place.

    Parameters
    ----------
    people
        Rows with products, lists of `people.PRODUCT`.
    offers
        `gone`.
    """
    if not offers.num_rows:
        return people
    starts = range(0, max(people.num_rows, 1), BATCH)
    return pa.concat_tables(_without(people.slice(n, BATCH), offers) for n in starts)


def _without(people: pa.Table, offers: pa.Table) -> pa.Table:
    lists = people["products"].combine_chunks()
    items, length_R = lists.flatten(), pc.list_value_length(lists).to_numpy()
    keys = offer_keys(pa.table({n: items.field(n) for n in ("campaign_id", "product_id")}))
    is_kept_I = positions(keys, offer_keys(offers)) == NOWHERE
    row_I = np.repeat(np.arange(length_R.size), length_R)
    count_R = np.bincount(row_I[is_kept_I], minlength=length_R.size)
    ends_R = np.cumsum(count_R)
    kept = items.filter(pa.array(is_kept_I))
    position = np.arange(1, len(kept) + 1) - np.repeat(ends_R - count_R, count_R)
    numbered = {"position": pa.array(position, pa.int32())}
    columns = [numbered.get(field.name, kept.field(field.name)) for field in kept.type]
    shorter = pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], ends_R]), pa.int32()),
        pa.StructArray.from_arrays(columns, fields=list(kept.type)),
        type=lists.type,
    )
    return people.set_column(people.column_names.index("products"), "products", shorter)


def counts(offers: pa.Table) -> dict[str, int]:
    """Count what `gone` found by its reason, those of none too."""
    found = offers["reason"].to_pylist()
    return {reason: found.count(reason) for reason in REASONS}

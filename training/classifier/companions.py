"""Which products the same customers bought or looked at, which the contrastive loss draws together.

Pairs come from the lake's orders and events, so this is the one place of the classifier that knows
customers. What the loss does with them stands in `contrast`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from vitrine import lake
from vitrine.interval import DAY, Interval, floor
from vitrine.paths import Paths

FEWEST_CUSTOMERS = 2
"""One customer alone is no evidence that two products go together."""
MEMORY = "2GB"


@dataclass(frozen=True)
class Bounds:
    """What is read at most, so that a large shop's pairs stay within `MEMORY`."""

    window: timedelta = timedelta(days=90)
    """How long before the instant it was received."""
    customers: int = 200_000
    """The same ones every time: those whose hash comes first."""
    products: int = 30
    """Of one customer: what was bought comes first, then what was met last."""
    companions: int = 20
    """Of one product, the heaviest; one that has another as its own adds to these."""


def read_companions(
    paths: Paths, as_of: datetime, product_ids: Sequence[str], bounds: Bounds = Bounds()
) -> sp.csr_array:
    """Return how strongly products go together, by what was received before `as_of`.

    Float32 (N, N), symmetric, N the distinct `product_ids` in their order; an empty row is a
    product that is not known to go with any other of them.

    Of n customers who met two or more of the products, n_i met i and n_ij both; the weight is the
    cosine n_ij / sqrt(n_i n_j), which keeps what everybody buys from being near to everything
    (Linden et al. 2003, Amazon.com Recommendations). Pairs that meet no more often than by chance,
    n_ij n <= n_i n_j, are none. Bought, looked at and put into a cart are all met.
    """
    received = Interval(as_of - bounds.window, as_of)
    meetings = " union all ".join(
        sql.format(files=files)
        for table, sql in _MEETINGS.items()
        if (files := _files(paths, table, received))
    )
    if not meetings:
        return _symmetric(len(product_ids), {})
    paths.staging.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(
        config={"memory_limit": MEMORY, "temp_directory": str(paths.staging)}
    ) as connection:
        connection.register("wanted", _numbered(product_ids))
        query = f"with meetings as ({meetings}), {_PAIRS}"
        limits = {
            "received_from": received.start,
            "received_before": received.end,
            "customers": bounds.customers,
            "products": bounds.products,
            "companions": bounds.companions,
        }
        return _symmetric(len(product_ids), connection.execute(query, limits).fetchnumpy())


def _files(paths: Paths, table: str, received: Interval) -> list[str]:
    # Whole days, since a day that was merged is one file; the query cuts the rows to the instant.
    end = floor(received.end - timedelta(microseconds=1), DAY) + DAY
    days = Interval(floor(received.start, DAY), end)
    return [str(file) for file in lake.files(paths.lake, table, days)]


def _numbered(product_ids: Sequence[str]) -> pa.Table:
    numbers = pa.array(np.arange(len(product_ids)), pa.int32())
    return pa.table({"product_id": pa.array(product_ids, pa.string()), "product": numbers})


def _symmetric(product_count: int, pairs: Mapping[str, Any]) -> sp.csr_array:
    shape = product_count, product_count
    if not pairs:
        return sp.csr_array(shape, dtype=np.float32)
    half = sp.csr_array((pairs["weight"], (pairs["product"], pairs["companion"])), shape=shape)
    return half.maximum(half.T).tocsr()


_MEETINGS = {
    "orders": """
        select customer_id, product_id, received_at, true as is_bought
        from read_parquet({files}, hive_partitioning = false)
        where kind = 'sale'
    """,
    "events": """
        select customer_id, product_id, received_at, false as is_bought
        from read_parquet({files}, hive_partitioning = false)
        where kind in ('product_view', 'add_to_cart')
    """,
}
_PAIRS = f"""
met as (
    select
        customer_id,
        product,
        bool_or(is_bought) as is_bought,
        max(received_at) as received_at
    from meetings
    inner join wanted using (product_id)
    where
        customer_id is not null
        and received_at >= $received_from
        and received_at < $received_before
    group by customer_id, product
),

customers as (
    select customer_id
    from met
    group by customer_id
    having count(*) > 1
    order by md5(customer_id), customer_id
    limit $customers
),

kept as (
    select customer_id, product
    from met
    inner join customers using (customer_id)
    qualify row_number() over (
        partition by customer_id order by is_bought desc, received_at desc, product
    ) <= $products
),

counts as (
    select product, count(*) as customer_count
    from kept
    group by product
),

-- Each pair once: the join is what takes long.
halves as (
    select kept.product, others.product as companion, count(*) as customer_count
    from kept
    inner join kept as others
        on kept.customer_id = others.customer_id and kept.product < others.product
    group by kept.product, others.product
    having count(*) >= {FEWEST_CUSTOMERS}
),

weighted as (
    select
        halves.product,
        halves.companion,
        halves.customer_count / sqrt(counts.customer_count * others.customer_count) as weight
    from halves
    inner join counts on halves.product = counts.product
    inner join counts as others on halves.companion = others.product
    where
        halves.customer_count * (select count(*) from customers)
        > counts.customer_count * others.customer_count
),

pairs as (
    select * from weighted
    union all by name
    select companion as product, product as companion, weight from weighted
)

select product, companion, weight::float as weight
from pairs
qualify row_number() over (
    partition by product order by weight desc, companion
) <= $companions
"""

"""What customers bought, with integers in place of ids.

Shape legend: N customers, I purchases (a product of a customer, once), P products, H newest.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from email_lists.frames import select
from email_lists.slates.assortment import NOWHERE, positions
from vitrine.interval import EPOCH

NEWEST = 12
"""Purchases per customer that similar and co-bought products are looked up for."""
REST_DAYS = 30
"""A product bought within so many days is not shown again, unless people buy it again and again."""

_BOUGHT = """
select customer_id, product_id, max(occurred_at) as last_bought_at
from sales
where customer_id is not null
group by all
order by customer_id, last_bought_at desc, product_id
"""


_ANCHORS = """
with bought as (
    select customer_id, product_id, max(occurred_at) as last_bought_at
    from sales
    where customer_id is not null
    group by all
),
newest as (
    select product_id
    from bought
    qualify row_number() over (
        partition by customer_id order by last_bought_at desc, product_id
    ) <= $newest
)
select distinct product_id from newest order by product_id
"""


@dataclass(frozen=True)
class History:
    """Each customer's products, the one bought last first; ordered by customer."""

    customer_I: np.ndarray
    """int32, rising."""
    product_I: np.ndarray
    """int32."""
    is_resting_I: np.ndarray
    """bool: bought so lately that it is not shown again."""
    start_N1: np.ndarray
    """int64: where a customer's purchases begin, and end with the next one's beginning."""
    article_P: np.ndarray
    """As `Assortment.article_P`: with a product its variants rest."""

    @classmethod
    def of(
        cls,
        sales: pa.Table,
        customer_ids: pa.ChunkedArray,
        products: pa.Table,
        article_P: np.ndarray,
        repeated_P: np.ndarray,
        as_of: datetime,
    ) -> "History":
        """Take the sale lines of some customers.

        Parameters
        ----------
        sales
            customer_id (null: guest), product_id, occurred_at.
        customer_ids
            The customers, distinct; the others' purchases are left out.
        products
            Those known, by their order in the assortment.
        article_P
            As `Assortment.article_P`.
        repeated_P
            bool: what is bought again and again, and never rests.
        """
        bought = select(_BOUGHT, sales=sales)
        customer = positions(bought["customer_id"], customer_ids)
        product = positions(bought["product_id"], products["product_id"])
        since = int((rested_at(as_of) - EPOCH) / timedelta(microseconds=1))
        is_late = bought["last_bought_at"].cast(pa.int64()).to_numpy() >= since
        keep = np.flatnonzero((customer != NOWHERE) & (product != NOWHERE))
        keep = keep[np.argsort(customer[keep], kind="stable")]
        customer, product = customer[keep], product[keep]
        return cls(
            customer_I=customer,
            product_I=product,
            is_resting_I=is_late[keep] & ~repeated_P[product],
            start_N1=np.searchsorted(customer, np.arange(len(customer_ids) + 1)),
            article_P=article_P,
        )

    @property
    def has_any_N(self) -> np.ndarray:
        """Tell who bought anything."""
        return np.diff(self.start_N1) > 0

    def newest(self, first: int, end: int) -> np.ndarray:
        """Return the newest purchases of customers `first` to `end`: int32 [B, H], -1 padded."""
        start, stop = self.start_N1[first], self.start_N1[end]
        row = self.customer_I[start:stop] - first
        place = np.arange(stop - start) - (self.start_N1[first:end] - start)[row]
        newest_BH = np.full((end - first, NEWEST), NOWHERE, np.int32)
        is_new = place < NEWEST
        newest_BH[row[is_new], place[is_new]] = self.product_I[start:stop][is_new]
        return newest_BH

    def label_counts(self, first: int, end: int, code_P: np.ndarray, count: int) -> np.ndarray:
        """Count products of customers `first` to `end` by a label: int32 [B, labels]."""
        start, stop = self.start_N1[first], self.start_N1[end]
        cell = (self.customer_I[start:stop] - first).astype(np.int64) * count
        cell += code_P[self.product_I[start:stop]]
        counts = np.bincount(cell, minlength=(end - first) * count)
        return counts.reshape(end - first, count).astype(np.int32)

    def is_resting(self, first: int, product_BC: np.ndarray) -> np.ndarray:
        """Tell which products, as they are or a variant, were bought too lately: bool [B, C].

        A row is a customer's, from `first` on; -1 is no product.
        """
        article_count = int(self.article_P.max(initial=0)) + 1
        end = first + len(product_BC)
        start, stop = self.start_N1[first], self.start_N1[end]
        resting = self.is_resting_I[start:stop]
        key = (self.customer_I[start:stop][resting] - first).astype(np.int64) * article_count
        key = np.sort(key + self.article_P[self.product_I[start:stop][resting]])
        if not key.size:
            return np.zeros(product_BC.shape, bool)
        asked = np.arange(len(product_BC))[:, None] * article_count + self.article_P[product_BC]
        found = np.minimum(np.searchsorted(key, asked), key.size - 1)
        return (key[found] == asked) & (product_BC != NOWHERE)


def anchors(sales: pa.Table) -> list[str]:
    """List the products that are among the newest purchases of anybody: others are like these."""
    return list(select(_ANCHORS, {"newest": NEWEST}, sales=sales)["product_id"].to_pylist())


def rested_at(as_of: datetime) -> datetime:
    """Return the instant from which on a purchase keeps its product off the list."""
    return as_of - timedelta(days=REST_DAYS)

"""Seven products per customer: three similar, three bought together, one from somewhere new.

All customers are served at once, one place of the slate after the other, so that limited stock goes
to the highest scores (`email_lists.allocation`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from email_lists.allocation import capacities, granted
from email_lists.candidates import NEW, POPULAR, SIMILAR, TOGETHER
from email_lists.frames import select

PLACES = (TOGETHER,) * 3 + (SIMILAR,) * 3 + (NEW,)
"""The order of choosing: what has the fewest candidates first, so that it finds brands free."""
SHOWN = (SIMILAR, TOGETHER, NEW, POPULAR)
"""The order on the page."""
BRAND_LIMIT = 2

_CODED = """
select
    *,
    dense_rank() over (order by customer_id) - 1 as customer,
    dense_rank() over (order by product_id) - 1 as product,
    dense_rank() over (order by brand) - 1 as brand_code,
    dense_rank() over (order by campaign_id, product_id) - 1 as offer,
    stock_left::double as stock
from candidates
order by customer, slot, score desc, product_id
"""

_POSITIONED = """
select
    customer_id,
    row_number() over (
        partition by customer_id order by list_position($shown, slot), place
    )::integer as position,
    slot,
    product_id,
    campaign_id,
    price,
    score,
    reason,
    cause_product_id
from chosen
order by customer_id, position
"""


def choose(candidates: pa.Table) -> pa.Table:
    """Choose each customer's slate.

    A place takes its own source's best candidate that is allowed: not yet in the slate, at most two
    of a brand (where the shop has several brands), promises left. Where that source has none, the
    place goes to a popular product; where there is none of those either, it stays empty.

    Parameters
    ----------
    candidates
        `candidates.on_offer`: unique by customer_id, slot and product_id.

    Returns
    -------
    pyarrow.Table
        customer_id, position (from 1), slot (the source that it came from), product_id,
        campaign_id, price, score, reason, cause_product_id.
    """
    coded = select(_CODED, candidates=candidates)
    picks = _Picks.of(coded)
    rows = [(row, place) for place, slot in enumerate(PLACES) for row in picks.fill(slot)]
    chosen = coded.take(pa.array([row for row, _ in rows], pa.int64()))
    chosen = chosen.append_column("place", pa.array([place for _, place in rows], pa.int32()))
    return select(_POSITIONED, {"shown": list(SHOWN)}, chosen=chosen)


@dataclass
class _Picks:
    """The state of choosing: one entry per candidate, by customer, then best first in a slot."""

    slot: np.ndarray
    customer: np.ndarray
    product: np.ndarray
    brand: np.ndarray
    offer: np.ndarray
    score: np.ndarray
    is_usable: np.ndarray
    of_brand: np.ndarray
    remaining: np.ndarray

    @classmethod
    def of(cls, coded: pa.Table) -> "_Picks":
        """Take the columns of `_CODED`."""
        column = {
            name: coded[name].to_numpy()
            for name in ("slot", "customer", "product", "brand_code", "offer", "score", "stock")
        }
        offers, first = np.unique(column["offer"], return_index=True)
        stock = column["stock"].astype(np.float64)[first]
        rows = coded.num_rows
        # A shop with one brand has no brands: the limit would leave five of seven places empty.
        limited = np.unique(column["brand_code"]).size > 1
        return cls(
            slot=column["slot"],
            customer=column["customer"],
            product=column["product"],
            brand=column["brand_code"],
            offer=column["offer"],
            score=column["score"],
            is_usable=np.ones(rows, bool),
            of_brand=np.zeros(rows, np.int64) - (0 if limited else len(PLACES)),
            remaining=capacities(stock) if offers.size else np.zeros(0, np.int64),
        )

    def fill(self, slot: str) -> Iterator[int]:
        """Fill one place for every customer; yield the rows chosen."""
        customers = int(self.customer[-1]) + 1 if self.customer.size else 0
        is_waiting = np.ones(customers, bool)
        for source in (slot, POPULAR):
            is_source = self.slot == source
            while (wished := self._wishes(is_source & is_waiting[self.customer])).size:
                taken = wished[granted(self.offer[wished], self.score[wished], self.remaining)]
                is_waiting[self.customer[taken]] = False
                self._settle(taken, customers)
                yield from taken.tolist()

    def _wishes(self, is_eligible: np.ndarray) -> np.ndarray:
        """Return the first usable row of each customer among the eligible ones."""
        rows = np.flatnonzero(is_eligible & self.is_usable)
        customer = self.customer[rows]
        return rows[np.flatnonzero(np.diff(customer, prepend=-1))]

    def _settle(self, taken: np.ndarray, customers: int) -> None:
        """Close what the taken rows rule out: their products, full brands, spent offers."""
        product, brand = np.full(customers, -1), np.full(customers, -1)
        product[self.customer[taken]] = self.product[taken]
        brand[self.customer[taken]] = self.brand[taken]
        self.of_brand += self.brand == brand[self.customer]
        self.is_usable &= self.product != product[self.customer]
        self.is_usable &= self.of_brand < BRAND_LIMIT
        self.is_usable &= self.remaining[self.offer] > 0

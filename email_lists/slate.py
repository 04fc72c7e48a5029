"""Seven products per customer: three similar, three bought together, one from somewhere new.

All customers are served at once, one place of the slate after the other, so that limited stock goes
to the highest scores (`email_lists.allocation`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from email_lists.allocation import capacities, granted
from email_lists.candidates import NEW, POPULAR, SIMILAR, TOGETHER
from email_lists.frames import select

PLACES = (TOGETHER,) * 3 + (SIMILAR,) * 3 + (NEW,)
"""The order of choosing: what has the fewest candidates first, so that it finds brands free."""
SHOWN = (SIMILAR, TOGETHER, NEW, POPULAR)
"""The order on the page."""
BRAND_LIMIT = 2

_IN_ORDER = """
select * from candidates order by customer_id, slot, score desc, product_id
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
    ordered = select(_IN_ORDER, candidates=candidates)
    picks = _Picks.of(ordered)
    rows = [(row, place) for place, slot in enumerate(PLACES) for row in picks.fill(slot)]
    chosen = ordered.take(pa.array([row for row, _ in rows], pa.int64()))
    chosen = chosen.append_column("place", pa.array([place for _, place in rows], pa.int32()))
    return select(_POSITIONED, {"shown": list(SHOWN)}, chosen=chosen)


@dataclass
class _Picks:
    """The state of choosing: one entry per candidate, by customer, then best first in a slot.

    Ids are replaced by integers; `remaining` has one entry per offer.
    """

    slot: np.ndarray
    slots: list[str]
    customer: np.ndarray
    product: np.ndarray
    brand: np.ndarray
    offer: np.ndarray
    score: np.ndarray
    is_usable: np.ndarray
    of_brand: np.ndarray
    remaining: np.ndarray

    @classmethod
    def of(cls, ordered: pa.Table) -> "_Picks":
        """Take candidates in the order of `_IN_ORDER`."""
        slot, slots = _coded(ordered["slot"])
        brand, brands = _coded(ordered["brand"])
        offer, _ = _coded(
            pc.binary_join_element_wise(ordered["campaign_id"], ordered["product_id"], "\x1f")
        )
        _, first = np.unique(offer, return_index=True)
        stock = ordered["stock_left"].cast(pa.float64()).to_numpy()
        remaining = capacities(stock[first])
        # A shop with one brand has no brands: the limit would leave five of seven places empty.
        head_start = 0 if len(brands) > 1 else -len(PLACES)
        return cls(
            slot=slot,
            slots=slots,
            customer=_coded(ordered["customer_id"])[0],
            product=_coded(ordered["product_id"])[0],
            brand=brand,
            offer=offer,
            score=ordered["score"].to_numpy(),
            is_usable=remaining[offer] > 0,
            of_brand=np.full(ordered.num_rows, head_start),
            remaining=remaining,
        )

    def fill(self, slot: str) -> Iterator[int]:
        """Fill one place for every customer; yield the rows chosen."""
        customers = int(self.customer[-1]) + 1 if self.customer.size else 0
        is_waiting = np.ones(customers, bool)
        for source in (slot, POPULAR):
            is_source = self.slot == (self.slots.index(source) if source in self.slots else -1)
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


def _coded(ids: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Number ids from 0 in the order in which they first appear; return the numbers and the ids."""
    encoded = ids.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()

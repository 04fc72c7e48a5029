"""The large shop of `benchmarks.allocation`, in a process of its own: `CUSTOMERS FILE`."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.allocated_shop import PLACES, WIDTHS
from email_lists.slates.allocation import allocate
from email_lists.slates.places import Candidates, Offers
from email_lists.slates.strategies import DRAWN

CANDIDATES, OFFERS_PER_CUSTOMER = sum(WIDTHS), 0.1
MOST_BRANDS = 2_000
_BLOCK = 100_000


def shop(customers: int) -> tuple[Candidates, Offers]:
    """Draw candidates by a power law of popularity, each bought about once in 250 showings."""
    draws = np.random.default_rng(7)
    offers = int(customers * OFFERS_PER_CUSTOMER)
    until_O = np.cumsum(np.arange(1, offers + 1) ** -0.8)
    shape = (customers, CANDIDATES)
    made = Candidates(
        np.empty(shape, np.int32), np.empty(shape, np.int8), np.empty(shape, np.float32)
    )
    made.slot_NC[:] = np.repeat(np.arange(len(WIDTHS)), WIDTHS)
    for first in range(0, customers, _BLOCK):
        rows = slice(first, min(first + _BLOCK, customers))
        size = (rows.stop - first, CANDIDATES)
        made.offer_NC[rows] = np.searchsorted(until_O / until_O[-1], draws.random(size))
        # One of these is drawn, and they are drawn here: the first is as good as any.
        made.offer_NC[rows, np.flatnonzero(made.slot_NC[0] == DRAWN)[1:]] = -1
        made.probability_NC[rows] = np.exp(draws.normal(-5.5, 1, size))
    return made, Offers(
        worth_O=draws.uniform(5, 100, offers),
        room_O=np.round(draws.lognormal(3.7, 1, offers)),
        brand_O=draws.integers(0, MOST_BRANDS, offers).astype(np.int32),
        product_O=np.arange(offers, dtype=np.int32),
    )


def main() -> None:
    """Allocate once and write the figures."""
    candidates, offers = shop(int(sys.argv[1]))
    begun = time.perf_counter()
    found = allocate(candidates, offers, PLACES, seed=7)
    figures = {
        "seconds": time.perf_counter() - begun,
        "customers": candidates.count,
        "candidates": int((candidates.offer_NC[0] >= 0).sum()),
        "offers": offers.room_O.size,
        "scarce": int((found.scarcity_O > 0).sum()),
        "over": int((found.expected_O > offers.room_O).sum()),
    }
    Path(sys.argv[2]).write_text(json.dumps(figures))


if __name__ == "__main__":
    main()

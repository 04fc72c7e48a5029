"""The hidden truth, kept outside the landing folder: only tests and evaluations read it.

One Parquet file a local day, `truth/tastes/<day>.parquet`: one row per customer and campaign of the
customer's market that is on sale at the local noon.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrine.publish import atomic_file
from vitrine.simulator import taste
from vitrine.simulator.population import Population
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import MEAN_LOOKS

LARGEST_SAMPLE = 20_000
"""Customers whose truth is kept; of a larger shop, every k-th."""
SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), metadata={"description": "Customer."}),
        pa.field("campaign_id", pa.string(), metadata={"description": "Campaign on sale at noon."}),
        pa.field(
            "utility",
            pa.float32(),
            metadata={"description": "Hidden utility, about standard normal."},
        ),
        pa.field(
            "purchase_probability",
            pa.float32(),
            metadata={
                "description": "Chance that the campaign in first place, seen once, ends in an"
                " order, stock permitting: the true demand."
            },
        ),
        pa.field(
            "oracle_rank",
            pa.int16(),
            metadata={"description": "Place among the campaigns on sale at noon, from 1."},
        ),
    ]
)


class TruthWriter:
    """Collects the truth of each day's markets, and writes it when the day is complete."""

    def __init__(self, root: Path, people: Population, since: date) -> None:
        self.root = root
        self.people = people
        self.since = since
        self._parts: dict[date, list[pa.Table]] = {}

    def observe(
        self, day: date, market: int, offer: Offer, customer_N: np.ndarray, bought_NJ: np.ndarray
    ) -> None:
        """Compute one market's truth on one day; see `simulation.Observer`."""
        if day < self.since or not offer.campaigns:
            return
        step = max(1, len(self.people.ids) // LARGEST_SAMPLE)
        kept = customer_N % step == 0
        table = truth_table(self.people, offer, customer_N[kept], bought_NJ[kept])
        self._parts.setdefault(day, []).append(table)

    def write(self, day: date) -> None:
        """Write a day's file, if there is anything."""
        parts = self._parts.pop(day, [])
        if parts:
            with atomic_file(self.root / "tastes" / f"{day.isoformat()}.parquet") as path:
                pq.write_table(pa.concat_tables(parts), path, compression="zstd")


def truth_table(
    people: Population, offer: Offer, customer_N: np.ndarray, bought_NJ: np.ndarray
) -> pa.Table:
    """Lay out utility, purchase probability and oracle rank of each customer and campaign."""
    utility_NJ = taste.utility(people, customer_N, offer, bought_NJ)
    order_NJ = np.argsort(-utility_NJ, axis=1, kind="stable")
    rank_NJ = np.argsort(order_NJ, axis=1, kind="stable") + 1
    ids = pa.array([c.id for c in offer.campaigns])
    width = len(offer.campaigns)
    return pa.Table.from_arrays(
        [
            people.ids.take(pa.array(np.repeat(customer_N, width))),
            ids.take(pa.array(np.tile(np.arange(width), len(customer_N)))),
            pa.array(utility_NJ.ravel(), pa.float32()),
            pa.array(taste.purchase_chance(utility_NJ, MEAN_LOOKS).ravel(), pa.float32()),
            pa.array(rank_NJ.ravel(), pa.int16()),
        ],
        schema=SCHEMA,
    )

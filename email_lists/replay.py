"""What a candidate's score means: last week's candidates, and who bought them.

The lists of a week ago are not read: what was shown then was chosen, so it would tell of the chosen
alone. Candidates are found anew as they were known a week ago, for a sample of customers.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from email_lists.audience.arms import draws
from email_lists.composition import Trade, activity, allowed, night
from email_lists.frames import select
from email_lists.slates import calibration, shelves
from email_lists.slates.assortment import NOWHERE, positions
from email_lists.slates.calibration import Calibration
from email_lists.slates.campaign_places import Chances
from email_lists.slates.campaigns import Openings
from email_lists.slates.candidates import look_up
from email_lists.slates.popularity import campaign_units
from email_lists.slates.shelves import Shelves
from vitrine.contracts import INSTANT

_LATER = """
select distinct customer_id, product_id
from sales
where customer_id is not null and occurred_at >= $since and occurred_at < $until
"""

_BOUGHT_IN = "select distinct customer_id, campaign_id from later join supply using (product_id)"

CAMPAIGNS_SAMPLED = 1_000_000
"""Open campaigns of customers, about, that are looked at for how often one is bought in."""
SEED = 7
_CELLS = 1 << 21
"""Campaigns of customers looked at together; bounds the memory, changes no result."""


@dataclass(frozen=True)
class Learnt:
    """What the week taught."""

    products: Calibration
    """Of candidates for a product's place."""
    campaigns: Calibration
    """Of campaigns, as `campaign_places.Chances` asks."""


def calibrate(past: Trade, everybody: pa.Table, sales: pa.Table) -> Learnt:
    """Learn how often candidates, and campaigns that were open, were bought within the week after.

    Parameters
    ----------
    past
        What was known `calibration.HORIZON` ago.
    everybody
        customer_id, country, demographic_cluster: of all who were known then.
    sales
        customer_id, product_id, occurred_at: as known now.
    """
    supply = allowed(past)
    made = night(past, everybody, _sample(everybody, past.as_of), supply)
    filled = shelves.fill(made)
    activity_N = activity(past.sales, made.customers["customer_id"], past.as_of)
    until = past.as_of + calibration.HORIZON
    later = select(_LATER, {"since": past.as_of, "until": until}, sales=sales)
    return Learnt(
        _of_products(filled, made.customers, activity_N, later),
        _of_campaigns(made, filled, activity_N, supply, later),
    )


def _of_products(
    filled: Shelves, customers: pa.Table, activity_N: np.ndarray, later: pa.Table
) -> Calibration:
    found = look_up(filled, 0, customers.num_rows)
    customer_R, column_R = np.nonzero(found.product_NC != NOWHERE)
    product_R = found.product_NC[customer_R, column_R]
    cluster_N = filled.groups.cluster_G[filled.groups.group_N]
    return calibration.fit(
        found.slot_C[column_R],
        found.score_NC[customer_R, column_R],
        filled.sold.units_CP[cluster_N[customer_R], product_R].astype(np.float32),
        activity_N[customer_R],
        calibration.bought(
            customer_R,
            product_R,
            positions(later["customer_id"], customers["customer_id"]),
            positions(later["product_id"], filled.assortment.products["product_id"]),
        ),
    )


def _of_campaigns(
    made: shelves.Night,
    filled: Shelves,
    activity_N: np.ndarray,
    supply: pa.Table,
    later: pa.Table,
) -> Calibration:
    """Take all that was open to each, or some of it by chance where that is too much."""
    ids = made.campaigns["campaign_id"]
    openings = Openings.of(made.customers, made.open_offers, made.campaigns)
    units_CK = campaign_units(filled.sold, filled.assortment, made.open_offers, ids)
    chances = Chances.of(filled, calibration.UNFITTED, activity_N, units_CK, made.campaigns)
    is_open_MK, market_N = openings.is_open_MK, filled.market_N
    share = CAMPAIGNS_SAMPLED / max(int(is_open_MK.sum(axis=1)[market_N].sum()), 1)
    draws, size = np.random.default_rng(SEED), max(_CELLS // max(len(ids), 1), 1)
    parts = []
    for first in range(0, max(len(market_N), 1), size):
        is_taken_BK = is_open_MK[market_N[first : first + size]]
        is_taken_BK &= draws.random(is_taken_BK.shape) < share
        everything_BK = np.broadcast_to(np.arange(len(ids)), is_taken_BK.shape)
        features = chances.features(first, everything_BK)
        row_R, campaign_R = np.nonzero(is_taken_BK)
        parts.append((first + row_R, campaign_R, *(values[is_taken_BK] for values in features)))
    customer_R, campaign_R, tie_R, count_R, units_R, activity_R = (
        np.concatenate(columns) for columns in zip(*parts, strict=True)
    )
    bought = select(_BOUGHT_IN, later=later, supply=supply)
    is_bought_R = calibration.bought(
        customer_R,
        campaign_R,
        positions(bought["customer_id"], made.customers["customer_id"]),
        positions(bought["campaign_id"], ids),
    )
    return calibration.fit(tie_R, count_R, units_R, activity_R, is_bought_R)


def _sample(everybody: pa.Table, as_of: datetime) -> pa.Table:
    """Draw some customers, the same ones in every run, as if each were written to at once."""
    customers = everybody.sort_by("customer_id")
    drawn_N = draws("calibration", customers["customer_id"].to_pylist())
    chosen = np.sort(np.argsort(drawn_N, kind="stable")[: calibration.SAMPLE])
    sample = customers.take(pa.array(chosen))
    sent = pa.array([as_of] * sample.num_rows, INSTANT)
    return sample.append_column("send_at", sent)

"""Which of the ranked campaigns each letter shows, so that none is promised beyond its stock.

What a customer buys in a campaign is promised once: a letter that shows products of it has promised
their chances already, and its campaign place takes what is left of the customer's chance to buy in
the campaign at all. Where a campaign is wished for too often, those keep it who would lose most
with the next of their ranking instead, as products' places are settled, but without prices: the
ranking stands wherever there is enough (`allocation.settle`).

Shape legend: N customers, B customers of a chunk, T ranked campaigns of each, K campaigns, O offers
(a product in a campaign), J products of a slate, X labels (brands, or sectors).
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pyarrow as pa

from email_lists.frames import select
from email_lists.slates import promises
from email_lists.slates.allocation import rooms, settle
from email_lists.slates.assortment import NOWHERE, Assortment, positions
from email_lists.slates.calibration import Calibration, falling
from email_lists.slates.campaigns import Ranked
from email_lists.slates.places import CHUNK, Candidates, Offers, Places
from email_lists.slates.shelves import Shelves
from email_lists.slates.slate import Slates

SHOWN = 10
CONSIDERED = 2 * SHOWN
"""Ranked campaigns among which a letter's are found where some are wished for too often."""

_STOCK = """
select
    campaign_id,
    if(bool_or(stock_left is null), null, sum(greatest(stock_left, 0)))::double as stock_left
from supply
group by all
"""


class Tie(IntEnum):
    """What a customer bought before that a campaign is of."""

    NOTHING = 0
    SECTOR = 1
    BRAND = 2


@dataclass(frozen=True)
class Chances:
    """How probable it is that a customer buys in a campaign within a week, shown or not."""

    shelves: Shelves
    calibration: Calibration
    activity_N: np.ndarray
    """float32: order lines of the last 90 days, as the calibration was fitted with."""
    units_CK: np.ndarray
    """`popularity.campaign_units`."""
    brand_K: np.ndarray
    """int32 positions in the assortment's brands, -1 for one that it does not know."""
    sector_K: np.ndarray

    @classmethod
    def of(
        cls,
        shelves: Shelves,
        calibration: Calibration,
        activity_N: np.ndarray,
        units_CK: np.ndarray,
        campaigns: pa.Table,
    ) -> "Chances":
        """Take the campaigns' brand and sector, in the order of their positions."""
        brands, sectors = (
            positions(campaigns[name], pa.array(labels.names, pa.string()))
            for name, labels in (
                ("brand", shelves.assortment.brand),
                ("sector", shelves.assortment.sector),
            )
        )
        return cls(shelves, calibration, activity_N, units_CK, brands, sectors)

    def features(
        self, first: int, campaign_BT: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return what `Calibration.apply` asks for, of customers from `first` on: each [B, T].

        The source is the `Tie`, its score how many products tie the customer to the campaign.
        """
        end, assortment = first + len(campaign_BT), self.shelves.assortment
        history, groups = self.shelves.history, self.shelves.groups
        brand_BT, sector_BT = (
            _counted(
                history.label_counts(first, end, labels.code_P, len(labels.names)),
                code_K[campaign_BT],
            )
            for labels, code_K in (
                (assortment.brand, self.brand_K),
                (assortment.sector, self.sector_K),
            )
        )
        tie_BT = np.select([brand_BT > 0, sector_BT > 0], [Tie.BRAND, Tie.SECTOR], Tie.NOTHING)
        cluster_B = groups.cluster_G[groups.group_N[first:end]]
        return (
            tie_BT.astype(np.int8),
            np.where(brand_BT > 0, brand_BT, sector_BT).astype(np.float32),
            self.units_CK[cluster_B[:, None], campaign_BT].astype(np.float32),
            np.broadcast_to(self.activity_N[first:end, None], campaign_BT.shape),
        )

    def apply(self, campaign_NT: np.ndarray) -> np.ndarray:
        """Return the chance of each campaign, float32 [N, T]; of none, any number.

        Where too little was bought to learn from, it falls with the place in the ranking
        (`calibration.falling`).
        """
        chance_NT = np.zeros(campaign_NT.shape, np.float32)
        if not self.brand_K.size:
            return chance_NT
        for first in range(0, len(campaign_NT), CHUNK):
            part = slice(first, first + CHUNK)
            chance_NT[part] = self.calibration.apply(*self.features(first, campaign_NT[part]))
        if not self.calibration.is_learnt:
            chance_NT *= falling(np.zeros(campaign_NT.shape[1], np.int8))
        return chance_NT


@dataclass(frozen=True)
class Stock:
    """What is left of the campaigns, and what of it is promised already."""

    left_K: np.ndarray
    """float64: units of all products of a campaign; NaN where one's is unknown."""
    promised_K: np.ndarray
    """float64: expected units that other lists of the night, and tonight's products, promise."""
    factor: float
    campaign_O: np.ndarray
    """int32: which campaign an offer of the slates is of."""

    @classmethod
    def of(
        cls,
        supply: pa.Table,
        campaigns: pa.Table,
        assortment: Assortment,
        slates: Slates,
        promised: pa.Table,
        factor: float,
    ) -> "Stock":
        """Take what is on sale or opens soon, tonight's slates, and what other lists promise."""
        ids, stock = campaigns["campaign_id"], select(_STOCK, supply=supply)
        left_K = np.full(campaigns.num_rows, np.nan)
        left_K[positions(stock["campaign_id"], ids)] = stock["stock_left"].to_numpy()
        campaign_O = positions(assortment.offers["campaign_id"], ids)
        of_products_K = np.bincount(campaign_O, slates.expected_O, left_K.size)
        promised_K = of_products_K + promises.units_of_campaigns(promised, ids)
        return cls(left_K, promised_K, factor, campaign_O)

    @property
    def room_K(self) -> np.ndarray:
        """Expected units that may still be promised: float64, inf where stock is unknown."""
        return rooms(self.left_K, self.factor, self.promised_K)


@dataclass(frozen=True)
class CampaignPlaces:
    """Who is shown which campaigns, and what is promised by it."""

    ranked: Ranked
    expected_K: np.ndarray
    """float64: expected purchases beyond those that the letters' products promise."""


def limited(
    ranked: Ranked, chance_NT: np.ndarray, slates: Slates, stock: Stock, seed: int
) -> CampaignPlaces:
    """Keep the first campaigns of each customer that there is room for.

    Where there is enough these are the first of the ranking. A place is worth the customer's chance
    to buy, or that of a later place if it is higher: the ranking knows more of the customer.

    Parameters
    ----------
    ranked
        At least `SHOWN` campaigns of each customer, where so many are open; better twice as many.
    chance_NT
        `Chances.apply` of them.
    slates
        What the same letters show of products.
    seed
        Of whose turn is first among equals.
    """
    room_K = stock.room_K
    if not np.isfinite(room_K).any():
        return CampaignPlaces(ranked.cut(SHOWN), np.zeros(room_K.size))
    gain_NT = np.maximum.accumulate(chance_NT[:, ::-1], axis=1)[:, ::-1].copy()
    own_K = np.arange(room_K.size, dtype=np.int32)
    found = settle(
        Candidates(
            offer_NC=ranked.campaign_NT,
            slot_NC=np.zeros(gain_NT.shape, np.int8),
            probability_NC=_beyond_products(chance_NT, ranked.campaign_NT, slates, stock),
            gain_NC=gain_NT,
        ),
        Offers(np.ones(room_K.size), room_K, own_K, own_K),
        Places((SHOWN,), brand_limit=None),
        np.zeros(room_K.size),
        seed,
    )
    return CampaignPlaces(ranked.take(found.chosen_NK), found.expected_O)


def _beyond_products(
    chance_NT: np.ndarray, campaign_NT: np.ndarray, slates: Slates, stock: Stock
) -> np.ndarray:
    """Take off each chance what the letter's products of the campaign promise: float32 [N, T]."""
    beyond_NT = chance_NT.copy()
    # Index -1, of an empty place, finds none; also on a night without any offer.
    campaign_NJ = np.append(stock.campaign_O, NOWHERE)[slates.offer_NK]
    for first in range(0, len(chance_NT), CHUNK):
        part = slice(first, first + CHUNK)
        for campaign_B, promised_B in zip(
            campaign_NJ[part].T, slates.probability_NK[part].T, strict=True
        ):
            is_of_BT = campaign_NT[part] == campaign_B[:, None]
            beyond_NT[part] -= np.where(is_of_BT, promised_B[:, None], np.float32(0))
    return np.maximum(beyond_NT, 0)


def _counted(count_BX: np.ndarray, label_BT: np.ndarray) -> np.ndarray:
    """Look up a customer's products by label: int32 [B, T], 0 where the label is unknown."""
    found_BT: np.ndarray = np.take_along_axis(count_BX, np.maximum(label_BT, 0), axis=1)
    return np.where(label_BT == NOWHERE, 0, found_BT)

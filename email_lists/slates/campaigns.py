"""The campaigns of each customer: the ranker's order of what is open, then the popular ones.

Shape legend: N customers, K campaigns, M markets, G groups (a market, a cluster and a
country), R rows of scores, T places.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from email_lists.frames import select
from email_lists.slates.assortment import NOWHERE, positions
from email_lists.slates.popularity import Groups
from vitrine.contracts import NO_COUNTRY
from vitrine.interval import DAY, EPOCH
from vitrine.list_policy import Override

EARLY_SHOWN = 3
"""Campaigns that are not open yet at the head of a letter of early access."""
_HELD = 4_000_000
"""Rows of scores that are held before they are cut to each customer's best."""

_OPEN = "select distinct market, campaign_id from offers"


class CampaignReason(IntEnum):
    """Why a campaign is shown; `email_lists.mail.texts` words each."""

    PINNED = 0
    EARLY_ACCESS = 1
    RANKED_FOR_YOU = 2
    POPULAR_IN_CLUSTER = 3
    POPULAR = 4
    LIKED_BY_MANY = 5


@dataclass(frozen=True)
class Openings:
    """What is open, or opens soon, in each market when its letters go out."""

    is_open_MK: np.ndarray
    is_soon_MK: np.ndarray
    """bool: opens within a day after."""

    @classmethod
    def of(cls, customers: pa.Table, open_offers: pa.Table, campaigns: pa.Table) -> "Openings":
        """Take customers with market (from 1), market_country, send_at; and what `offers` found.

        `campaigns` are those that have something to sell, by id.
        """
        sql = "select distinct market, market_country, send_at from customers order by market"
        markets = select(sql, customers=customers).to_pylist()
        ids = campaigns["campaign_id"]
        opened = select(_OPEN, offers=open_offers)
        is_open_MK = np.zeros((len(markets), campaigns.num_rows), bool)
        is_open_MK[opened["market"].to_numpy() - 1, positions(opened["campaign_id"], ids)] = True
        opens_K = campaigns["opens_at"].cast(pa.int64()).to_numpy()
        country_K = np.array(campaigns["country"].to_pylist(), object)
        is_soon_MK = np.zeros_like(is_open_MK)
        for m, market in enumerate(markets):
            sent, day = _microseconds(market["send_at"]), DAY // timedelta(microseconds=1)
            is_there_K = (country_K == market["market_country"]) | (country_K == NO_COUNTRY)
            is_soon_MK[m] = is_there_K & (sent < opens_K) & (opens_K <= sent + day)
        return cls(is_open_MK, is_soon_MK)


@dataclass(frozen=True)
class Ranked:
    """Each customer's campaigns, the first first; -1 where there are fewer."""

    campaign_NT: np.ndarray
    """int32 positions in the campaigns."""
    score_NT: np.ndarray
    """float64, the champion's; NaN where it decided nothing."""
    reason_NT: np.ndarray
    """int8, `CampaignReason`."""

    def cut(self, size: int) -> "Ranked":
        """Keep the first `size` of each customer."""
        return Ranked(self.campaign_NT[:, :size], self.score_NT[:, :size], self.reason_NT[:, :size])

    def take(self, chosen_NT: np.ndarray) -> "Ranked":
        """Keep some of each customer's, by column and in their order; -1: one fewer."""
        is_there_NT = chosen_NT != NOWHERE
        last = np.iinfo(chosen_NT.dtype).max
        column_NT = np.sort(np.where(is_there_NT, chosen_NT, last), axis=1).astype(np.int64)
        is_there_NT = column_NT != last
        column_NT[~is_there_NT] = 0
        campaign_NT = np.take_along_axis(self.campaign_NT, column_NT, axis=1)
        return Ranked(
            np.where(is_there_NT, campaign_NT, np.int32(NOWHERE)),
            np.take_along_axis(self.score_NT, column_NT, axis=1),
            np.take_along_axis(self.reason_NT, column_NT, axis=1),
        )


@dataclass(frozen=True)
class _Best:
    """The best rows of each customer: by customer, then score, then campaign."""

    customer_R: np.ndarray
    campaign_R: np.ndarray
    score_R: np.ndarray

    def cut(self, size: int) -> "_Best":
        """Keep the first `size` of each customer."""
        order = np.lexsort((self.campaign_R, -self.score_R, self.customer_R))
        customer_R = self.customer_R[order]
        place_R = np.arange(order.size) - np.searchsorted(customer_R, customer_R)
        kept = order[place_R < size]
        return _Best(self.customer_R[kept], self.campaign_R[kept], self.score_R[kept])

    def laid_out(self, customers: int, width: int, reason: CampaignReason) -> Ranked:
        """Lay rows that were cut out by customer."""
        place_R = np.arange(self.customer_R.size) - np.searchsorted(
            self.customer_R, self.customer_R
        )
        campaign_NT = np.full((customers, width), NOWHERE, np.int32)
        score_NT = np.full((customers, width), np.nan)
        campaign_NT[self.customer_R, place_R] = self.campaign_R
        score_NT[self.customer_R, place_R] = self.score_R
        return Ranked(campaign_NT, score_NT, np.full((customers, width), reason, np.int8))


class _Means:
    """Everybody's mean score of each campaign."""

    def __init__(self, campaigns: int) -> None:
        """Begin without any score."""
        self._sum_K, self._count_K = np.zeros(campaigns), np.zeros(campaigns, np.int64)

    def push(self, rows: _Best) -> None:
        """Take some rows."""
        size = self._sum_K.size
        self._sum_K += np.bincount(rows.campaign_R, rows.score_R, size)
        self._count_K += np.bincount(rows.campaign_R, minlength=size)

    @property
    def score_K(self) -> np.ndarray:
        """The means: float64, below all others of a campaign without scores."""
        mean_K: np.ndarray = self._sum_K / np.maximum(self._count_K, 1)
        return np.where(self._count_K > 0, mean_K, -np.inf)


class _RunningBest:
    """Rows of scores as they come, cut to each customer's best now and then."""

    def __init__(self, size: int) -> None:
        """Keep `size` rows per customer."""
        self.size = size
        self._held: list[_Best] = []
        self._count = 0
        self._limit = _HELD

    def push(self, rows: _Best, is_taken_R: np.ndarray) -> None:
        """Take some rows."""
        taken = _Best(
            rows.customer_R[is_taken_R], rows.campaign_R[is_taken_R], rows.score_R[is_taken_R]
        )
        self._held.append(taken)
        self._count += taken.score_R.size
        if self._count > self._limit:
            self._held = [self.best()]
            self._count = self._held[0].score_R.size
            self._limit = 2 * self._count + _HELD

    def best(self) -> _Best:
        """Return the best rows of those taken so far."""
        if not self._held:
            return _Best(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
        held = _Best(
            np.concatenate([rows.customer_R for rows in self._held]),
            np.concatenate([rows.campaign_R for rows in self._held]),
            np.concatenate([rows.score_R for rows in self._held]),
        )
        return held.cut(self.size)


def ranked_campaigns(
    customers: pa.Table,
    campaigns: pa.Table,
    openings: Openings,
    scores: Iterable[pa.RecordBatch],
    popular_GT: np.ndarray,
    is_liked_GT: np.ndarray,
    groups: Groups,
    is_early_N: np.ndarray,
    pins: Sequence[Override],
    size: int,
) -> Ranked:
    """Rank up to `size` campaigns per customer.

    First what is pinned, then for early access up to three that open within a day (by the
    champion's score, then what opens first), then what is open by the champion's score, then what
    is popular in the customer's group.

    A campaign by score is `RANKED_FOR_YOU` where it stands higher than by everybody's mean scores,
    as it would for somebody of whom nothing is known; else it is `LIKED_BY_MANY`.

    Parameters
    ----------
    customers
        customer_id, market (from 1).
    campaigns
        Those that have something to sell, by campaign_id.
    scores
        Batches of customer_id, campaign_id, score (float64, higher is better); each pair once.
    popular_GT, is_liked_GT
        Each group's open campaigns, the most popular first (int32, -1 where there are fewer), and
        whether its own cluster bought of them.
    """
    market_N = customers["market"].to_numpy() - 1
    soon, opened, mean_K = _best(customers, campaigns, scores, openings, is_early_N, size)
    found = [
        _pinned(pins, campaigns, openings, popular_GT, groups),
        _early(
            soon.laid_out(len(market_N), EARLY_SHOWN, CampaignReason.EARLY_ACCESS),
            _soonest(openings, campaigns)[market_N],
            is_early_N,
        ),
        _told_apart(
            opened.laid_out(len(market_N), size, CampaignReason.RANKED_FOR_YOU),
            _everybodys_places(openings, mean_K),
            market_N,
        ),
        _popular(popular_GT[groups.group_N], is_liked_GT[groups.group_N]),
    ]
    return _first_distinct(found, size)


def popular_campaigns(
    openings: Openings, groups: Groups, units_CK: np.ndarray, campaigns: pa.Table, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rank the open campaigns of each group by the units of what they offer.

    By units in the cluster, by units anywhere, what opened last, then by id.

    Parameters
    ----------
    units_CK
        `popularity.campaign_units`: the last row is everybody's.

    Returns
    -------
    tuple of numpy.ndarray
        Campaigns, int32 [G, T], -1 where there are fewer; and whether the cluster bought of them.
    """
    opens_K = campaigns["opens_at"].cast(pa.int64()).to_numpy()
    popular_GT = np.full((len(groups.market_G), size), NOWHERE, np.int32)
    is_liked_GT = np.zeros(popular_GT.shape, bool)
    for g, (market, cluster) in enumerate(zip(groups.market_G, groups.cluster_G, strict=True)):
        there = np.flatnonzero(openings.is_open_MK[market])
        keys = (-opens_K[there], -units_CK[-1, there], -units_CK[cluster, there])
        ordered = there[np.lexsort(keys)][:size]
        popular_GT[g, : ordered.size] = ordered
        is_liked_GT[g, : ordered.size] = units_CK[cluster, ordered] > 0
    return popular_GT, is_liked_GT


def _best(
    customers: pa.Table,
    campaigns: pa.Table,
    scores: Iterable[pa.RecordBatch],
    openings: Openings,
    is_early_N: np.ndarray,
    size: int,
) -> tuple[_Best, _Best, np.ndarray]:
    """Find each customer's best of what opens soon, for early access alone, and of what is open.

    And everybody's mean score of each campaign.
    """
    ids, known = customers["customer_id"], campaigns["campaign_id"]
    market_N = customers["market"].to_numpy() - 1
    soon, opened, means = _RunningBest(EARLY_SHOWN), _RunningBest(size), _Means(campaigns.num_rows)
    for batch in scores:
        n = positions(batch["customer_id"], ids)
        k = positions(batch["campaign_id"], known)
        there = np.flatnonzero((n != NOWHERE) & (k != NOWHERE))
        rows = _Best(n[there], k[there], batch["score"].to_numpy(zero_copy_only=False)[there])
        means.push(rows)
        market = market_N[rows.customer_R]
        opened.push(rows, openings.is_open_MK[market, rows.campaign_R])
        is_soon = openings.is_soon_MK[market, rows.campaign_R] & is_early_N[rows.customer_R]
        soon.push(rows, is_soon)
    return soon.best(), opened.best(), means.score_K


def _everybodys_places(openings: Openings, mean_K: np.ndarray) -> np.ndarray:
    """Rank what is open in each market by everybody's mean scores: int32 [M, K], from 0."""
    order_MK = np.argsort(np.where(openings.is_open_MK, -mean_K, np.inf), axis=1, kind="stable")
    return np.argsort(order_MK, axis=1).astype(np.int32)


def _told_apart(scored: Ranked, usual_MK: np.ndarray, market_N: np.ndarray) -> Ranked:
    """Tell what stands higher for this customer than for everybody from what all like."""
    if not usual_MK.size:
        return scored
    usual_NT = usual_MK[market_N[:, None], scored.campaign_NT]
    is_own_NT = np.arange(scored.campaign_NT.shape[1]) < usual_NT
    reason_NT = np.where(is_own_NT, scored.reason_NT, np.int8(CampaignReason.LIKED_BY_MANY))
    return replace(scored, reason_NT=reason_NT)


def _early(scored: Ranked, soonest_NT: np.ndarray, is_early_N: np.ndarray) -> Ranked:
    """Fill early access up with what opens first."""
    campaign_NT = np.where(is_early_N[:, None], soonest_NT, NOWHERE)
    reason_NT = np.full(campaign_NT.shape, CampaignReason.EARLY_ACCESS)
    return _first_distinct([scored, _unscored(campaign_NT, reason_NT)], EARLY_SHOWN)


def _soonest(openings: Openings, campaigns: pa.Table) -> np.ndarray:
    """Return what opens first after each market's letters: int32 [M, T], -1 for fewer."""
    opens_K = campaigns["opens_at"].cast(pa.int64()).to_numpy()
    soonest_MT = np.full((len(openings.is_soon_MK), EARLY_SHOWN), NOWHERE, np.int32)
    for m, is_soon_K in enumerate(openings.is_soon_MK):
        there = np.flatnonzero(is_soon_K)
        ordered = there[np.argsort(opens_K[there], kind="stable")][:EARLY_SHOWN]
        soonest_MT[m, : ordered.size] = ordered
    return soonest_MT


def _pinned(
    pins: Sequence[Override],
    campaigns: pa.Table,
    openings: Openings,
    popular_GT: np.ndarray,
    groups: Groups,
) -> Ranked:
    """Find each group's campaign for each pin: of a brand, its most popular that is open."""
    pinned_GT = np.full((len(groups.market_G), len(pins)), NOWHERE, np.int32)
    everything = np.arange(campaigns.num_rows)
    for t, pin in enumerate(pins):
        column, wanted = ("brand", pin.brand) if pin.brand else ("campaign_id", pin.campaign)
        is_meant_K = pc.fill_null(pc.equal(campaigns[column], wanted), False).to_numpy()
        for g, market in enumerate(groups.market_G):
            there = np.concatenate([popular_GT[g], everything])
            is_fit = (there != NOWHERE) & is_meant_K[there] & openings.is_open_MK[market, there]
            pinned_GT[g, t] = there[is_fit][0] if is_fit.any() else NOWHERE
    campaign_NT = pinned_GT[groups.group_N]
    return _unscored(campaign_NT, np.full(campaign_NT.shape, CampaignReason.PINNED))


def _popular(popular_NT: np.ndarray, is_liked_NT: np.ndarray) -> Ranked:
    liked = np.where(is_liked_NT, CampaignReason.POPULAR_IN_CLUSTER, CampaignReason.POPULAR)
    return _unscored(popular_NT, liked)


def _unscored(campaign_NT: np.ndarray, reason_NT: np.ndarray) -> Ranked:
    return Ranked(campaign_NT, np.full(campaign_NT.shape, np.nan), reason_NT.astype(np.int8))


def _first_distinct(found: Sequence[Ranked], size: int) -> Ranked:
    """Keep the first `size` distinct campaigns of each customer."""
    campaign_NW = np.hstack([ranked.campaign_NT for ranked in found])
    is_kept_NW = campaign_NW != NOWHERE
    for w in range(1, campaign_NW.shape[1]):
        is_kept_NW[:, w] &= ~(campaign_NW[:, :w] == campaign_NW[:, w : w + 1]).any(axis=1)
    first_NT = np.argsort(~is_kept_NW, axis=1, kind="stable")[:, :size]
    is_there_NT = np.take_along_axis(is_kept_NW, first_NT, axis=1)

    def taken(values: Sequence[np.ndarray]) -> np.ndarray:
        return np.take_along_axis(np.hstack(values), first_NT, axis=1)

    return Ranked(
        np.where(is_there_NT, taken([r.campaign_NT for r in found]), NOWHERE).astype(np.int32),
        taken([r.score_NT for r in found]),
        taken([r.reason_NT for r in found]),
    )


def _microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)

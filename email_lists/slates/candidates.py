"""Which products a customer may be shown, from six sources; the slate chooses among them.

Everything is looked up in small tables that are made once a night (`Shelves`), for a batch of
customers at a time. Scores are comparable within a source only.

Shape legend: N customers, B customers of a batch, C columns of candidates, P products, H newest
purchases, A anchors (products among the newest purchases of anybody), R regions, K neighbours, D
kinds (sub-sectors), G groups (a market, a cluster and a country), Q products of a pool, W
columns looked at, S sectors, X brands, R customers of a batch whom something is told.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property

import numpy as np

from email_lists.slates.assortment import NOWHERE
from email_lists.slates.shelves import Partners, Shelves


class Slot(IntEnum):
    """Where a candidate comes from."""

    PINNED = 0
    LOVED = 1
    SIMILAR = 2
    TOGETHER = 3
    NEW = 4
    POPULAR = 5


class Reason(IntEnum):
    """Why a product is shown; `email_lists.mail.texts` words each."""

    PINNED = 0
    LOVED_BRAND = 1
    LOVED_KIND = 2
    SIMILAR_TO_BOUGHT = 3
    BOUGHT_TOGETHER = 4
    KINDS_BOUGHT_TOGETHER = 5
    NEW_SECTOR = 6
    NEW_BRAND_IN_SECTOR = 7
    NEW_BRAND = 8
    POPULAR_IN_CLUSTER = 9
    POPULAR_IN_REGION = 10
    POPULAR = 11
    JUST_OPENED = 12
    """Nobody bought it yet: what opened last comes first."""
    BUY_AGAIN = 13
    """What the customer bought, of what people buy again and again."""
    SIMILAR_TO_SEVERAL = 14
    """Like several purchases: without any one of them it would stand where it stands."""


WIDTHS = {Slot.LOVED: 8, Slot.SIMILAR: 12, Slot.TOGETHER: 12, Slot.NEW: 12, Slot.POPULAR: 20}
"""Candidates kept per customer and source; of the pins, all."""
KIND_HISTORY = 6
"""Newest purchases whose kinds are looked up: kinds are few, and return."""
FAVOURITES = 3
"""Brands, and kinds, that a customer loves most."""
PRIOR_STRENGTH = 4.0
"""Purchases that the taste of a customer's cluster counts for, beside the customer's own."""


@dataclass(frozen=True)
class Finds:
    """What every customer may be shown, best first within a source; -1 where there is no more."""

    product_NC: np.ndarray
    """int32 positions in the assortment's products."""
    score_NC: np.ndarray
    """float32."""
    reason_NC: np.ndarray
    """int8, `Reason`."""
    cause_NC: np.ndarray
    """int32: the purchase behind it, or -1."""
    slot_C: np.ndarray
    """int8, `Slot`: each source has columns of its own."""

    def rows(self, chosen: np.ndarray | slice) -> "Finds":
        """Return those of some customers."""
        return Finds(
            self.product_NC[chosen],
            self.score_NC[chosen],
            self.reason_NC[chosen],
            self.cause_NC[chosen],
            self.slot_C,
        )


@dataclass(frozen=True)
class _Found:
    """Some customers' finds of one source, W columns in the order that decides ties."""

    product_BW: np.ndarray
    score_BW: np.ndarray
    reason_BW: np.ndarray
    cause_BW: np.ndarray

    def beside(self, other: "_Found") -> "_Found":
        """Put other finds after these."""
        return _Found(
            np.hstack([self.product_BW, other.product_BW]),
            np.hstack([self.score_BW, other.score_BW]),
            np.hstack([self.reason_BW, other.reason_BW]),
            np.hstack([self.cause_BW, other.cause_BW]),
        )


def look_up(shelves: Shelves, first: int, end: int) -> Finds:
    """Find the candidates of customers `first` to `end`; nobody's depend on the others'.

    Each source's are on sale in the customer's market, not bought within the days of rest, distinct
    within the source, of a brand one more than can be shown at most, and ordered by their scores.
    """
    newest_BH = shelves.history.newest(first, end)
    is_silent_BH = (newest_BH != NOWHERE) & shelves.is_banned_P[newest_BH]
    batch = _Batch(shelves, first, end, np.where(is_silent_BH, NOWHERE, newest_BH))
    sources = {
        Slot.PINNED: batch.pinned(),
        Slot.LOVED: batch.loved(),
        Slot.SIMILAR: batch.similar(),
        Slot.TOGETHER: batch.together(),
        Slot.NEW: batch.new(),
        Slot.POPULAR: batch.liked(),
    }
    kept = {slot: batch.kept(found, _width(shelves, slot)) for slot, found in sources.items()}
    kept[Slot.SIMILAR] = _singled_out(kept[Slot.SIMILAR], sources[Slot.SIMILAR])
    kept[Slot.NEW] = batch.in_favourite(kept[Slot.NEW])
    slot_C = [np.full(_width(shelves, slot), slot, np.int8) for slot in sources]
    return Finds(
        np.hstack([found.product_BW for found in kept.values()]),
        np.hstack([found.score_BW for found in kept.values()]),
        np.hstack([found.reason_BW for found in kept.values()]),
        np.hstack([found.cause_BW for found in kept.values()]),
        np.concatenate(slot_C),
    )


def _width(shelves: Shelves, slot: Slot) -> int:
    return shelves.pinned_GQF.shape[1] if slot == Slot.PINNED else WIDTHS[slot]


@dataclass(frozen=True)
class _Batch:
    """Some customers in a row, and the sources as seen from them."""

    shelves: Shelves
    first: int
    end: int
    newest_BH: np.ndarray

    @property
    def group_B(self) -> np.ndarray:
        return self.shelves.groups.group_N[self.first : self.end]

    @property
    def market_B(self) -> np.ndarray:
        return self.shelves.market_N[self.first : self.end]

    @cached_property
    def _sector_count_BS(self) -> np.ndarray:
        sector = self.shelves.assortment.sector
        return self._counts(sector.code_P, len(sector.names))

    @cached_property
    def _favourite_sector_B(self) -> np.ndarray:
        """The sector of the largest share, by the customer's own purchases and the prior."""
        prior_BS = self.shelves.sector_share_GS[self.group_B]
        favourite_B: np.ndarray = (self._sector_count_BS + PRIOR_STRENGTH * prior_BS).argmax(axis=1)
        return favourite_B

    def pinned(self) -> _Found:
        """List what is pinned, in the order of the policy: of each pin the best that is usable."""
        product_BQF = self.shelves.pinned_GQF[self.group_B]
        is_usable_BW = self._is_usable(product_BQF.reshape(len(product_BQF), -1))
        first_BQ1 = is_usable_BW.reshape(product_BQF.shape).argmax(axis=2, keepdims=True)
        product_BW = np.take_along_axis(product_BQF, first_BQ1, axis=2)[..., 0]
        return _listed(product_BW, np.full(product_BW.shape, Reason.PINNED, np.int8))

    def similar(self) -> _Found:
        """Find what is like the newest purchases; score is the cosine.

        Nothing is as like a product that people buy again and again as itself.
        """
        anchor_BH = self._anchors()
        region_B = self.shelves.region_M[self.market_B]
        width = self.shelves.similar_R[0].item_AK.shape[1]
        item_BHK = np.full((*anchor_BH.shape, width), NOWHERE, np.int32)
        score_BHK = np.zeros(item_BHK.shape, np.float32)
        for region, similar in enumerate(self.shelves.similar_R):
            is_there_B = region_B == region
            item_BHK[is_there_B], score_BHK[is_there_B] = _taken(similar, anchor_BH[is_there_B])
        found = self._because(item_BHK, score_BHK, Reason.SIMILAR_TO_BOUGHT)
        is_again_BW = found.product_BW == found.cause_BW
        reason_BW = np.where(is_again_BW, np.int8(Reason.BUY_AGAIN), found.reason_BW)
        return replace(found, reason_BW=reason_BW)

    def together(self) -> _Found:
        """Find what is bought together with the newest purchases, then what kinds go with theirs.

        In a flash sale the partner of a product is mostly gone when it is looked for; its kind is
        not. Score is the rule's confidence; for a kind, divided by the product's place in it, less
        1: below every pair of products, whose confidence is positive.
        """
        item_BHK, score_BHK = _taken(self.shelves.together, self._anchors())
        pairs = self._because(item_BHK, score_BHK, Reason.BOUGHT_TOGETHER)
        newest_BH = self.newest_BH[:, :KIND_HISTORY]
        kind_BH = np.where(
            newest_BH == NOWHERE, NOWHERE, self.shelves.assortment.kind.code_P[newest_BH]
        )
        kind_BHK, confidence_BHK = _taken(self.shelves.kinds, kind_BH)
        of_kind_GDF = self.shelves.popular.of_kind_GLF
        product_BHKF = of_kind_GDF[self.group_B[:, None, None], kind_BHK]
        product_BHKF = np.where(kind_BHK[..., None] == NOWHERE, NOWHERE, product_BHKF)
        score_BHKF = confidence_BHK[..., None] / np.arange(1, of_kind_GDF.shape[2] + 1) - 1
        wide = (*kind_BH.shape, -1)
        kinds = self._because(
            product_BHKF.reshape(wide),
            score_BHKF.astype(np.float32).reshape(wide),
            Reason.KINDS_BOUGHT_TOGETHER,
        )
        return pairs.beside(kinds)

    def loved(self) -> _Found:
        """Find the popular products of the brands, and kinds, that were bought most.

        Score is the share of the customer's products that are of the brand, or kind, divided by the
        product's place in it; the cause is the newest purchase of it, among the newest.
        """
        popular, assortment = self.shelves.popular, self.shelves.assortment
        brands = self._favourites(assortment.brand.code_P, popular.of_brand_GLF, Reason.LOVED_BRAND)
        kinds = self._favourites(assortment.kind.code_P, popular.of_kind_GLF, Reason.LOVED_KIND)
        return brands.beside(kinds)

    def new(self) -> _Found:
        """Find what is of a sector, else of a brand, that the customer never bought from.

        Score is what showing it may teach: the standard deviation of the customer's share for the
        sector (or for the brand, times the share for its sector), under a Dirichlet prior of four
        purchases with the shares of the customer's cluster, divided by the product's place in its
        sector (or brand). It is small for what hardly anybody of the cluster buys and for whoever
        bought much without ever buying it. Only for customers with a history. The variance of a
        Dirichlet: Gelman et al., Bayesian Data Analysis, 3rd edition, appendix A.
        """
        popular, assortment = self.shelves.popular, self.shelves.assortment
        product_BQ = popular.pool_GQ[self.group_B]
        sector_BQ = assortment.sector.code_P[product_BQ]
        brand_BQ = assortment.brand.code_P[product_BQ]
        count_BX = self._counts(assortment.brand.code_P, len(assortment.brand.names))
        is_known_BQ = popular.is_sector_known_GQ[self.group_B]
        in_sector_BQ = np.take_along_axis(self._sector_count_BS, sector_BQ, axis=1)
        is_sector_new_BQ = (in_sector_BQ == 0) & is_known_BQ
        is_brand_new_BQ = np.take_along_axis(count_BX, brand_BQ, axis=1) == 0
        is_favourite_BQ = (sector_BQ == self._favourite_sector_B[:, None]) & is_known_BQ
        reason_BQ = np.where(is_favourite_BQ, Reason.NEW_BRAND_IN_SECTOR, Reason.NEW_BRAND)
        reason_BQ = np.where(is_sector_new_BQ, Reason.NEW_SECTOR, reason_BQ).astype(np.int8)
        has_history_B1 = self._sector_count_BS.sum(axis=1, keepdims=True) > 0
        is_new_BQ = (is_sector_new_BQ | is_brand_new_BQ) & has_history_B1
        score_BQ = _taught(self.shelves, self.group_B, self._sector_count_BS)
        return _Found(
            np.where(is_new_BQ, product_BQ, NOWHERE),
            score_BQ.astype(np.float32),
            reason_BQ,
            np.full(product_BQ.shape, NOWHERE, np.int32),
        )

    def in_favourite(self, kept: _Found) -> _Found:
        """Name the favourite department only of what would stand lower without purchases there.

        Without them the department itself is new, and may teach more; then it is the brand alone
        that is told. Only what was kept is moved, as for `_singled_out`.
        """
        is_told_BC = kept.reason_BW == Reason.NEW_BRAND_IN_SECTOR
        told_R = np.flatnonzero(is_told_BC.any(axis=1))
        group_R, count_RS = self.group_B[told_R], self._sector_count_BS[told_R].copy()
        count_RS[np.arange(told_R.size), self._favourite_sector_B[told_R]] = 0
        without_RQ = _taught(self.shelves, group_R, count_RS)
        pool_RQ = self.shelves.popular.pool_GQ[group_R]
        without_RC = np.zeros((told_R.size, kept.product_BW.shape[1]))
        for c in range(without_RC.shape[1]):
            is_same_RQ = pool_RQ == kept.product_BW[told_R, c, None]
            without_RC[:, c] = np.where(is_same_RQ, without_RQ, 0).max(axis=1, initial=0)
        # To whoever bought nothing else, nothing would be new.
        is_lower_RC = np.broadcast_to(count_RS.sum(axis=1, keepdims=True) == 0, without_RC.shape)
        before_RC = (without_RC[:, None, :] > without_RC[:, :, None]).sum(axis=2)
        is_lower_RC = is_lower_RC | (before_RC > np.arange(without_RC.shape[1]))
        reason_BW = kept.reason_BW.copy()
        reason_BW[told_R] = np.where(
            is_told_BC[told_R] & ~is_lower_RC, np.int8(Reason.NEW_BRAND), reason_BW[told_R]
        )
        return replace(kept, reason_BW=reason_BW)

    def liked(self) -> _Found:
        """List the popular products of the customer's market and cluster; score is 1 / rank."""
        in_cluster_BT = self.shelves.is_sold_in_cluster_GT[self.group_B]
        in_region_BT = self.shelves.is_sold_in_region_GT[self.group_B]
        product_BT = self.shelves.popular.product_GT[self.group_B]
        is_sold_BT = self.shelves.sold.units_P[product_BT] > 0
        reason_BT = np.where(is_sold_BT, Reason.POPULAR, Reason.JUST_OPENED)
        reason_BT = np.where(in_region_BT, Reason.POPULAR_IN_REGION, reason_BT)
        reason_BT = np.where(in_cluster_BT, Reason.POPULAR_IN_CLUSTER, reason_BT)
        return _listed(product_BT, reason_BT.astype(np.int8))

    def kept(self, found: _Found, width: int) -> _Found:
        """Keep the best that this customer's market sells and that does not rest."""
        product_BW = found.product_BW
        best_BC, is_there_BC = _best(
            np.where(self._is_usable(product_BW), product_BW, NOWHERE),
            found.score_BW,
            self.shelves.assortment.brand.code_P,
            # One more than can be shown: another source may show the same.
            None if self.shelves.brand_limit is None else self.shelves.brand_limit + 1,
            width,
        )

        def taken(value_BW: np.ndarray, nothing: float) -> np.ndarray:
            value_BC = np.take_along_axis(value_BW, best_BC, axis=1)
            return np.where(is_there_BC, value_BC, value_BW.dtype.type(nothing))

        return _Found(
            taken(product_BW, NOWHERE),
            taken(found.score_BW, 0),
            taken(found.reason_BW, NOWHERE),
            taken(found.cause_BW, NOWHERE),
        )

    def _is_usable(self, product_BW: np.ndarray) -> np.ndarray:
        is_sold_BW = self.shelves.assortment.offer_MP[self.market_B[:, None], product_BW] != NOWHERE
        is_resting_BW = self.shelves.history.is_resting(self.first, product_BW)
        is_usable_BW: np.ndarray = (product_BW != NOWHERE) & is_sold_BW & ~is_resting_BW
        return is_usable_BW

    def _anchors(self) -> np.ndarray:
        anchor_BH = self.shelves.anchor_P[self.newest_BH]
        return np.where(self.newest_BH == NOWHERE, NOWHERE, anchor_BH)

    def _counts(self, code_P: np.ndarray, count: int) -> np.ndarray:
        return self.shelves.history.label_counts(self.first, self.end, code_P, count)

    def _because(self, item_BHK: np.ndarray, score_BHK: np.ndarray, reason: Reason) -> _Found:
        """Name the purchase behind each find; of equal finds, the newest purchase's comes first.

        A purchase is no reason for a variant of itself, which bears its name.
        """
        wide = (len(item_BHK), -1)
        cause_BHK = np.broadcast_to(self.newest_BH[:, : item_BHK.shape[1], None], item_BHK.shape)
        article_P = self.shelves.assortment.article_P
        is_variant_BHK = (article_P[item_BHK] == article_P[cause_BHK]) & (item_BHK != cause_BHK)
        product_BW = np.where(is_variant_BHK, NOWHERE, item_BHK).reshape(wide)
        reason_BW = np.full(product_BW.shape, reason, np.int8)
        return _Found(product_BW, score_BHK.reshape(wide), reason_BW, cause_BHK.reshape(wide))

    def _favourites(self, code_P: np.ndarray, best_GLF: np.ndarray, reason: Reason) -> _Found:
        count_BL = self._counts(code_P, best_GLF.shape[1])
        # A stable order: of equals the first name.
        label_BF = np.argsort(-count_BL, axis=1, kind="stable")[:, :FAVOURITES]
        share_BF = np.take_along_axis(count_BL, label_BF, axis=1)
        share_BF = share_BF / np.maximum(count_BL.sum(axis=1, keepdims=True), 1)
        product_BFK = best_GLF[self.group_B[:, None], label_BF]
        product_BFK = np.where(share_BF[..., None] > 0, product_BFK, NOWHERE)
        score_BFK = share_BF[..., None] / np.arange(1, best_GLF.shape[2] + 1)
        label_BH = np.where(self.newest_BH == NOWHERE, NOWHERE, code_P[self.newest_BH])
        is_of_BFH = label_BH[:, None, :] == label_BF[:, :, None]
        newest_BF = np.take_along_axis(self.newest_BH, is_of_BFH.argmax(axis=2), axis=1)
        cause_BF = np.where(is_of_BFH.any(axis=2), newest_BF, NOWHERE)
        wide = (len(product_BFK), -1)
        product_BW = product_BFK.reshape(wide)
        return _Found(
            product_BW,
            score_BFK.astype(np.float32).reshape(wide),
            np.full(product_BW.shape, reason, np.int8),
            np.repeat(cause_BF, product_BFK.shape[2], axis=1),
        )


def _listed(product_BW: np.ndarray, reason_BW: np.ndarray) -> _Found:
    """Score products by their places in a list."""
    score_BW = np.broadcast_to(1 / np.arange(1, product_BW.shape[1] + 1), product_BW.shape)
    nothing_BW = np.full(product_BW.shape, NOWHERE, np.int32)
    return _Found(product_BW, score_BW.astype(np.float32), reason_BW, nothing_BW)


def _singled_out(kept: _Found, found: _Found) -> _Found:
    """Name a purchase as the cause only of what would stand lower without it.

    What another purchase holds in its place is like several. Only what was kept is moved: neither a
    purchase before the newest ones nor a candidate after the last is looked at.
    """
    other_BC = _by_others(kept, found)
    is_lower_BC = other_BC == 0
    for c in range(kept.product_BW.shape[1]):
        is_by_same_BC = kept.cause_BW == kept.cause_BW[:, c : c + 1]
        score_BC = np.where(is_by_same_BC, other_BC, kept.score_BW)
        is_lower_BC[:, c] |= (score_BC > other_BC[:, c : c + 1]).sum(axis=1) > c
    is_several_BC = (kept.reason_BW == Reason.SIMILAR_TO_BOUGHT) & ~is_lower_BC
    return replace(
        kept,
        reason_BW=np.where(is_several_BC, np.int8(Reason.SIMILAR_TO_SEVERAL), kept.reason_BW),
        cause_BW=np.where(is_several_BC, np.int32(NOWHERE), kept.cause_BW),
    )


def _by_others(kept: _Found, found: _Found) -> np.ndarray:
    """Return each find's best score by another purchase than its cause: float32, 0 for none."""
    other_BC = np.zeros(kept.score_BW.shape, np.float32)
    for c in range(kept.product_BW.shape[1]):
        is_other_BW = found.product_BW == kept.product_BW[:, c : c + 1]
        is_other_BW &= found.cause_BW != kept.cause_BW[:, c : c + 1]
        other_BC[:, c] = np.where(is_other_BW, found.score_BW, 0).max(axis=1, initial=0)
    return other_BC


def _taken(partners: Partners, item_BH: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Look items up, -1 among them: their partners int32 [B, H, K] and scores float32."""
    is_item_BH1 = (item_BH != NOWHERE)[..., None]
    partner_BHK = np.where(is_item_BH1, partners.item_AK[item_BH], NOWHERE)
    return partner_BHK, partners.score_AK[item_BH]


def _taught(shelves: Shelves, group_B: np.ndarray, count_BS: np.ndarray) -> np.ndarray:
    """Return what showing each of a group's pool may teach of whoever bought so: float64 [B, Q].

    The formula is that of `_Batch.new`.
    """
    popular, assortment = shelves.popular, shelves.assortment
    product_BQ = popular.pool_GQ[group_B]
    sector_BQ = assortment.sector.code_P[product_BQ]
    total_B1 = count_BS.sum(axis=1, keepdims=True)
    prior_BS = shelves.sector_share_GS[group_B]
    share_BS = (count_BS + PRIOR_STRENGTH * prior_BS) / (total_B1 + PRIOR_STRENGTH)
    in_sector_BQ = np.take_along_axis(count_BS, sector_BQ, axis=1)
    brand_BQ = assortment.brand.code_P[product_BQ]
    brand_prior_BQ = shelves.brand_share_GX[group_B[:, None], brand_BQ]
    share_BQ = np.take_along_axis(share_BS, sector_BQ, axis=1)
    by_brand_BQ = share_BQ * _deviation(brand_prior_BQ, in_sector_BQ)
    by_sector_BQ = np.take_along_axis(_deviation(prior_BS, total_B1), sector_BQ, axis=1)
    taught_BQ: np.ndarray = np.where(
        (in_sector_BQ == 0) & popular.is_sector_known_GQ[group_B],
        by_sector_BQ / popular.place_in_sector_GQ[group_B],
        by_brand_BQ / popular.place_in_brand_GQ[group_B],
    )
    return taught_BQ


def _deviation(prior: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the standard deviation of a share that none of `count` purchases speaks for."""
    strength = PRIOR_STRENGTH + count
    share = PRIOR_STRENGTH * prior / strength
    deviation: np.ndarray = np.sqrt(share * (1 - share) / (strength + 1))
    return deviation


def _best(
    product_BW: np.ndarray,
    score_BW: np.ndarray,
    brand_P: np.ndarray,
    brand_limit: int | None,
    width: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the first columns by score: distinct products, so many of a brand.

    Of equal scores the first column goes first. Only the best four times `width` columns are looked
    at: whoever has so many of one brand gets fewer.

    Returns
    -------
    tuple of numpy.ndarray
        Columns, int64 [B, C], and whether there is anything, bool [B, C].
    """
    column_W = np.arange(product_BW.shape[1])
    # Scores are float32: what is added for the column is less than the least difference of two.
    key_BW = column_W * 1e-12 - score_BW.astype(np.float64)
    key_BW = np.where(product_BW == NOWHERE, np.inf, key_BW)
    looked_at = min(4 * width, product_BW.shape[1])
    if looked_at < product_BW.shape[1]:
        column_BV = np.argpartition(key_BW, looked_at - 1, axis=1)[:, :looked_at]
    else:
        column_BV = np.broadcast_to(column_W, product_BW.shape)
    order_BV = np.argsort(np.take_along_axis(key_BW, column_BV, axis=1), axis=1, kind="stable")
    column_BV = np.take_along_axis(column_BV, order_BV, axis=1)
    product_BV = np.take_along_axis(product_BW, column_BV, axis=1)
    is_kept_BV = (product_BV != NOWHERE) & ~_is_repeated(product_BV, product_BV != NOWHERE, 1)
    if brand_limit is not None:
        is_kept_BV &= ~_is_repeated(brand_P[product_BV], is_kept_BV, brand_limit)
    first_BC = np.argsort(~is_kept_BV, axis=1, kind="stable")[:, :width]
    best_BC = np.take_along_axis(column_BV, first_BC, axis=1)
    is_there_BC = np.take_along_axis(is_kept_BV, first_BC, axis=1)
    missing = width - best_BC.shape[1]
    return np.pad(best_BC, ((0, 0), (0, missing))), np.pad(is_there_BC, ((0, 0), (0, missing)))


def _is_repeated(value_BV: np.ndarray, is_counted_BV: np.ndarray, limit: int) -> np.ndarray:
    """Tell where `limit` counted columns before hold the same value."""
    earlier_BV = np.zeros(value_BV.shape, np.int16)
    for v in range(1, value_BV.shape[1]):
        same_BU = (value_BV[:, :v] == value_BV[:, v : v + 1]) & is_counted_BV[:, :v]
        earlier_BV[:, v] = same_BU.sum(axis=1)
    return earlier_BV >= limit

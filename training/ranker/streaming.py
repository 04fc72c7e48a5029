"""Rankings from a state that holds an instant's features as arrays: of one customer, or of all.

    score = customer_D · campaign_D + opinion(relu(customer_H + campaign_H + W pair_F))

W pair_F is one constant for all pairs that have nothing of their own, and one row for each cluster
and campaign. So a pair costs H additions and products; only what customers have of their own is
encoded and multiplied apart. The numbers are those of `RankerScorer`, up to the order of sums.

Shape legend: L all customers, B customers of a part, A those of a market and a cluster,
C campaigns, K clusters, F features, D tower width, H head width, N campaigns kept.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from training.ranker.columns import Columns, Scales, encoded
from training.ranker.fitted import FittedRanker
from training.ranker.model import Vectors
from training.ranker.near_block import NearBlock
from training.ranker.pair_blocks import KeyedBlock
from training.ranker.rankings import Rankings
from vitrine.errors import DegenerateModelError

HEAD_VALUES = 1 << 20
"""Values of the head computed at once: few enough to stay in the processor's cache."""
PAIRS_AT_ONCE = 1 << 17
"""Pairs whose features are computed at once: each matrix of the item models is then walked through
for hundreds of customers, while it is in the cache."""
CUSTOMERS_AT_ONCE = 1 << 15
"""Customers whose tower runs at once, and whose rankings are handed out together: the more, the
larger are the groups of a market and a cluster, which are ranked together."""


class PairLayer:
    """What pair features give to the head: a constant where all hold their fills, and the rest."""

    def __init__(self, ranker: FittedRanker) -> None:
        features = ranker.pair.numeric
        if not ranker.is_streamable:
            raise ValueError("neither trees nor texts of pairs are streamed")
        self._place = {feature.name: place for place, feature in enumerate(features)}
        self._features = features
        self._weight_HF = ranker.network.pair_weight_HF
        filled_F = torch.from_numpy(self._filled(features))
        self.constant_H: Tensor = ranker.network.pair_bias_H + self._weight_HF @ filled_F
        self._known: dict[tuple[str, ...], tuple[Scales, np.ndarray, Tensor]] = {}

    def moved(self, names: tuple[str, ...], value_YF: np.ndarray) -> Tensor:
        """Return `[Y, H]`: by how much rows move the head away from the constant."""
        scales, filled_F, weight_FH = self._of(names)
        return torch.from_numpy(scales.encode(value_YF) - filled_F) @ weight_FH

    def add(self, names: tuple[str, ...], value_FP: np.ndarray, head_PH: Tensor) -> None:
        """Move the head of pairs whose finite features come row by row."""
        scales, filled_F, weight_FH = self._of(names)
        encoded_FP = scales.encode_rows(value_FP)
        encoded_FP -= filled_F[:, None]
        head_PH.addmm_(torch.from_numpy(encoded_FP).T, weight_FH)

    def _of(self, names: tuple[str, ...]) -> tuple[Scales, np.ndarray, Tensor]:
        if names not in self._known:
            places = [self._place[name] for name in names]
            chosen = tuple(self._features[place] for place in places)
            weight_FH = self._weight_HF[:, places].T.contiguous()
            self._known[names] = Scales.of(chosen), self._filled(chosen), weight_FH
        return self._known[names]

    @staticmethod
    def _filled(features: tuple) -> np.ndarray:
        scales = Scales.of(features)
        return scales.encode(scales.fill_F[None])[0]


@dataclass(frozen=True)
class OwnMoves:
    """Rows that move the heads of pairs, customer by customer; X of them, each of a pair."""

    moved_YH: Tensor
    row_X: Tensor
    pair_X: Tensor
    start_S: np.ndarray
    """Where the customers' own begin, and at last their end."""

    def add(self, customers: slice, campaigns: int, head_PH: Tensor) -> None:
        """Move the heads of the pairs of some of the customers and all of so many campaigns."""
        part = slice(*self.start_S[[customers.start, customers.stop]])
        pair_X = self.pair_X[part] - customers.start * campaigns
        # For many rows index_add_ takes four times as long.
        pair_XH = pair_X[:, None].expand(-1, head_PH.shape[1])
        head_PH.scatter_add_(0, pair_XH, self.moved_YH[self.row_X[part]])


@dataclass(frozen=True)
class State:
    """All that rankings as of one instant need, in memory.

    Customers and campaigns are numbered from 0. A customer is offered `offers[market_L[l]]`,
    rising positions of campaigns, and sees the features `cluster_KCF[cluster_L[l]]` of their
    cluster. `blocks` and `cluster_names` are all of the pair features, each once.
    """

    ranker: FittedRanker
    customers: Columns
    campaigns: Columns
    market_L: np.ndarray
    offers: tuple[np.ndarray, ...]
    cluster_L: np.ndarray
    cluster_names: tuple[str, ...]
    cluster_KCF: np.ndarray
    blocks: tuple[KeyedBlock, ...]
    near: tuple[NearBlock, ...] = ()
    """For the offers of each market; none where nothing was bought yet."""
    head_values: int = HEAD_VALUES
    customers_at_once: int = CUSTOMERS_AT_ONCE

    def one(self, customer: int, count: int) -> Rankings:
        """Rank one customer's offers."""
        return self._ranked(np.array([customer]), count)

    def all(self, count: int, threads: int = 1) -> Iterator[Rankings]:
        """Rank every customer's offers, in parts of customers in their order.

        Few parts are ahead of the one that is being used, however slow its use.
        """
        customers = len(self.customers)
        with ThreadPoolExecutor(threads) as pool:
            ahead: deque[Future[Rankings]] = deque()
            for first in range(0, customers, self.customers_at_once):
                part = np.arange(first, min(first + self.customers_at_once, customers))
                ahead.append(pool.submit(self._ranked, part, count))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def with_campaigns(self, campaigns: Columns) -> "State":
        """Return the same with newer features of the campaigns."""
        return replace(self, campaigns=campaigns)

    @torch.inference_mode()
    def _ranked(self, customer_B: np.ndarray, count: int) -> Rankings:
        """Rank the offers of some customers, all of a market and cluster together."""
        vectors = self.ranker.network.customer(
            encoded(self.customers[customer_B], self._customer_scales)
        )
        campaign_BN = np.empty((len(customer_B), count), np.int32)
        score_BN = np.empty((len(customer_B), count), np.float32)
        for place_A in self._alike(customer_B):
            campaign_BN[place_A], score_BN[place_A] = self._ranked_alike(
                customer_B[place_A], vectors[torch.from_numpy(place_A)], count
            )
        return Rankings(customer_B, campaign_BN, score_BN)

    def _alike(self, customer_B: np.ndarray) -> list[np.ndarray]:
        """Return the places of customers who share their market and their cluster."""
        kind_B = self.market_L[customer_B].astype(np.int64) * len(self.cluster_KCF)
        kind_B += self.cluster_L[customer_B]
        order_B = np.argsort(kind_B, kind="stable")
        return np.split(order_B, np.flatnonzero(np.diff(kind_B[order_B])) + 1)

    def _ranked_alike(
        self, customer_A: np.ndarray, vectors: Vectors, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return `campaign_AN, score_AN` of customers who share their market and cluster."""
        market = int(self.market_L[customer_A[0]])
        offered_C = self.offers[market]
        campaigns = self._campaign_vectors[torch.from_numpy(offered_C)]
        cluster_CF = self.cluster_KCF[self.cluster_L[customer_A[0]], offered_C]
        head_CH = campaigns.head_BH + self._pair_layer.constant_H
        head_CH += self._pair_layer.moved(self.cluster_names, cluster_CF)
        place_AN = np.full((len(customer_A), count), -1)
        score_AN = np.full((len(customer_A), count), -np.inf, np.float32)
        step = max(self.head_values // max(head_CH.numel(), 1), 1)
        for some_S, near_FSC in self._batches(customer_A, market, step):
            own = self._own(customer_A[some_S], offered_C)
            for part in _slices(len(some_S), step):
                part_B = some_S[part]
                head_BCH = vectors.head_BH[part_B, None] + head_CH
                head_PH = head_BCH.view(-1, head_CH.shape[1])
                own.add(part, len(offered_C), head_PH)
                if near_FSC is not None:
                    value_FP = near_FSC[:, part].reshape(len(near_FSC), -1)
                    self._pair_layer.add(self.near[market].names, value_FP, head_PH)
                score_BC = self._scores(vectors.dot_BD[part_B], campaigns.dot_BD, head_PH)
                place_AN[part_B], score_AN[part_B] = first_of(score_BC, count)
        return np.append(offered_C, -1)[place_AN], score_AN

    def _batches(
        self, customer_A: np.ndarray, market: int, least: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Yield places of customers, and how near the offers are to what they bought.

        Who bought nothing comes last: there is nothing to be near to.
        """
        campaigns, has_bought_A = len(self.offers[market]), np.zeros(len(customer_A), bool)
        if not campaigns:
            return
        at_once = max(PAIRS_AT_ONCE // campaigns, least)
        for near in self.near[market : market + 1]:
            has_bought_A = near.has_bought(customer_A)
            bought_T = np.flatnonzero(has_bought_A)
            for part in _slices(len(bought_T), at_once):
                yield bought_T[part], near.features(customer_A[bought_T[part]])
        other_T = np.flatnonzero(~has_bought_A)
        for part in _slices(len(other_T), at_once):
            yield other_T[part], None

    def _own(self, customer_S: np.ndarray, offered_C: np.ndarray) -> "OwnMoves":
        """Return what features of their own do to the heads of customers' pairs."""
        width = len(self._pair_layer.constant_H)
        moved, rows, pairs, first = [torch.empty(0, width)], [], [], 0
        for block in self.blocks:
            own = block.own(customer_S, offered_C)
            moved.append(self._pair_layer.moved(block.names, own.value_YF))
            rows.append(own.row_X + first)
            pairs.append(own.pair_X)
            first += len(own.value_YF)
        none = np.empty(0, np.int64)
        pair_X, row_X = np.concatenate([*pairs, none]), np.concatenate([*rows, none])
        # Each block's pairs come customer by customer: to merge a few runs is little work.
        customer_X = pair_X // len(offered_C)
        order_X = np.argsort(customer_X, kind="stable")
        count_S = np.bincount(customer_X, minlength=len(customer_S))
        return OwnMoves(
            torch.cat(moved),
            torch.from_numpy(row_X[order_X]),
            torch.from_numpy(pair_X[order_X]),
            np.append(0, np.cumsum(count_S)),
        )

    def _scores(self, customer_BD: Tensor, campaign_CD: Tensor, head_PH: Tensor) -> np.ndarray:
        network = self.ranker.network
        score_P = network.opinion(head_PH.relu_())
        score_BC = score_P.view(len(customer_BD), len(campaign_CD))
        score_BC.addmm_(customer_BD, campaign_CD.T, alpha=network.scale)
        scores: np.ndarray = score_BC.numpy()
        return scores

    @cached_property
    def _pair_layer(self) -> PairLayer:
        return PairLayer(self.ranker)

    @cached_property
    def _customer_scales(self) -> Scales:
        return Scales.of(self.ranker.customer.numeric)

    @cached_property
    def _campaign_vectors(self) -> Vectors:
        scales = Scales.of(self.ranker.campaign.numeric)
        vectors: Vectors = self.ranker.network.campaign(encoded(self.campaigns, scales))
        return vectors


def _slices(length: int, step: int) -> Iterator[slice]:
    return (slice(first, min(first + step, length)) for first in range(0, length, step))


def first_of(score_BC: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's first N places and scores; equal scores in the order of places.

    Rows of fewer than N places end with -1 and -inf. Numpy finds the N-th value in a twentieth of
    the time that a sort of the pairs takes; what reaches it comes in the order of places.

    Raises
    ------
    DegenerateModelError
        If a score is not finite.
    """
    rows, places = score_BC.shape
    if not np.isfinite(score_BC.sum(dtype=np.float64)):
        raise DegenerateModelError("the ranker gave scores that are not finite")
    kept = min(count, places)
    place_BN = np.full((rows, count), -1, np.int64)
    found_BN = np.full((rows, count), -np.inf, np.float32)
    if kept:
        among_BN = _reaching(score_BC, kept)
        value_BN = np.take_along_axis(score_BC, among_BN, axis=1)
        order_BN = np.argsort(-value_BN, axis=1, kind="stable")
        place_BN[:, :kept] = np.take_along_axis(among_BN, order_BN, axis=1)
        found_BN[:, :kept] = np.take_along_axis(value_BN, order_BN, axis=1)
    return place_BN, found_BN


def _reaching(score_BC: np.ndarray, kept: int) -> np.ndarray:
    """Return the places of each row's best, rising; of equal ones at the edge the first."""
    rows, places = score_BC.shape
    least_B = np.partition(score_BC, places - kept, axis=1)[:, places - kept]
    is_kept_BC = score_BC >= least_B[:, None]
    flat = np.flatnonzero(is_kept_BC)
    if len(flat) != rows * kept:
        tied_T = np.flatnonzero(is_kept_BC.sum(axis=1) > kept)
        is_kept_BC[tied_T] = False
        best_TN = np.argsort(-score_BC[tied_T], axis=1, kind="stable")[:, :kept]
        is_kept_BC[tied_T[:, None], best_TN] = True
        flat = np.flatnonzero(is_kept_BC)
    among: np.ndarray = flat.reshape(rows, kept) % places
    return among

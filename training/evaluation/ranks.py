"""Where the relevant campaigns stood in each list: every ranking metric is computed from that.

Shape legend: L lists, P relevant (list, campaign) pairs, R candidate pairs, K ranks.
"""

from dataclasses import dataclass

import numpy as np

from training.evaluation.metrics import CUT, NOWHERE
from training.ranker.candidates import Candidates
from training.ranker.ranking import MAX_PAIRS, ScoreChunk, Scorer
from vitrine.errors import DegenerateModelError

NEW_ELSEWHERE, KNOWN_ELSEWHERE = -1, -2
"""Positions of a relevant campaign that is no candidate, by whether it had been bought before."""


@dataclass(frozen=True)
class Ranks:
    """Ranks from 1 of what was relevant, and of each list its customer and number of candidates."""

    customer_L: np.ndarray
    list_P: np.ndarray
    rank_P: np.ndarray
    count_L: np.ndarray
    top_LK: np.ndarray
    """Positions in `candidates.campaigns` of each list's first ones; -1 where a list is shorter."""

    def hits(self, cut: int = CUT) -> np.ndarray:
        """Return `hit_LK`: whether rank k + 1 of list l was relevant."""
        hit_LK = np.zeros((len(self.count_L), cut), dtype=bool)
        found_P = self.rank_P <= cut
        hit_LK[self.list_P[found_P], self.rank_P[found_P] - 1] = True
        return hit_LK

    def relevant(self) -> np.ndarray:
        """Return `relevant_L`: how many campaigns were relevant for each list."""
        return np.bincount(self.list_P, minlength=len(self.count_L))

    def where(self, is_kept_P: np.ndarray) -> "Ranks":
        """Keep some of the relevant pairs, and the lists that have any left."""
        list_P = self.list_P[is_kept_P]
        kept_L, numbered_P = np.unique(list_P, return_inverse=True)
        return Ranks(
            self.customer_L[kept_L],
            numbered_P,
            self.rank_P[is_kept_P],
            self.count_L[kept_L],
            self.top_LK[kept_L],
        )


@dataclass(frozen=True)
class Judgement:
    """What a scorer made of lists."""

    ranks: Ranks
    fresh: Ranks
    """Ranks among what the customer had not bought before, of relevant pairs of that kind; lists
    without any are left out."""


def judge_lists(
    scorer: Scorer,
    candidates: Candidates,
    relevant: np.ndarray,
    bought: np.ndarray,
    max_pairs: int = MAX_PAIRS,
) -> Judgement:
    """Score every candidate and note where the relevant ones stand; ties go to the lower position.

    Parameters
    ----------
    relevant
        int64 [P, 2]: list and campaign position, or one of those for what is no candidate.
    bought
        int64 [B, 2]: what each list's customer had bought before its instant.

    Raises
    ------
    DegenerateModelError
        If a score is not finite, or all are equal.
    """
    score_chunk = scorer.prepared(candidates)
    asked = _Asked.of(len(candidates.campaigns), relevant, bought)
    parts = [_judge_chunk(score_chunk, chunk, asked) for chunk in candidates.chunks(max_pairs)]
    _refuse_degenerate(parts)
    rank_P, fresh_rank_P = np.full((2, len(relevant)), NOWHERE)
    is_fresh_P = relevant[:, 1] != KNOWN_ELSEWHERE
    for part in parts:
        rank_P[part.place_N], fresh_rank_P[part.place_N] = part.rank_N, part.fresh_rank_N
        is_fresh_P[part.place_N] = ~part.is_bought_N
    customer_L, list_P = candidates.lists["customer_id"].to_numpy(object), relevant[:, 0]
    bought_L = np.bincount(bought[:, 0], minlength=len(candidates.lists))
    top_LK = np.concatenate([part.top_LK for part in parts])
    fresh_top_LK = np.concatenate([part.fresh_top_LK for part in parts])
    fresh_L = candidates.count_L - bought_L
    return Judgement(
        Ranks(customer_L, list_P, rank_P, candidates.count_L, top_LK),
        Ranks(customer_L, list_P, fresh_rank_P, fresh_L, fresh_top_LK).where(is_fresh_P),
    )


@dataclass(frozen=True)
class _Asked:
    """The relevant and the bought pairs as sorted keys; `order_P` is where each relevant one is."""

    width: int
    relevant_P: np.ndarray
    order_P: np.ndarray
    bought_B: np.ndarray

    @classmethod
    def of(cls, width: int, relevant: np.ndarray, bought: np.ndarray) -> "_Asked":
        order_P = np.flatnonzero(relevant[:, 1] >= 0)
        keys_P = relevant[order_P] @ [width, 1]
        by_key = np.argsort(keys_P)
        return cls(width, keys_P[by_key], order_P[by_key], np.sort(bought @ [width, 1]))


@dataclass(frozen=True)
class _Part:
    """A chunk's N relevant pairs, their places among all and their ranks; the lists' first ones."""

    place_N: np.ndarray
    rank_N: np.ndarray
    fresh_rank_N: np.ndarray
    is_bought_N: np.ndarray
    top_LK: np.ndarray
    fresh_top_LK: np.ndarray
    lowest: float
    highest: float


def _judge_chunk(score_chunk: ScoreChunk, chunk: Candidates, asked: _Asked) -> _Part:
    list_R, campaign_R = chunk.pairs()
    score_R = score_chunk(chunk, list_R, campaign_R).astype(np.float64)
    order = np.lexsort((campaign_R, -score_R, list_R))
    list_R, campaign_R = list_R[order], campaign_R[order]
    first_L = np.cumsum(chunk.count_L) - chunk.count_L
    rank_R = np.arange(len(list_R)) - first_L[list_R] + 1
    key_R = chunk.lists.index.to_numpy()[list_R] * asked.width + campaign_R
    _, is_relevant_R = _places(asked.relevant_P, key_R)
    _, is_bought_R = _places(asked.bought_B, key_R)
    bought_before_R = np.cumsum(is_bought_R) - is_bought_R
    fresh_rank_R = rank_R - (bought_before_R - bought_before_R[first_L[list_R]])
    place_N, _ = _places(asked.relevant_P, key_R[is_relevant_R])
    top_LK, fresh_top_LK = np.full((2, len(chunk.lists), CUT), -1, dtype=np.int64)
    is_top_R = rank_R <= CUT
    top_LK[list_R[is_top_R], rank_R[is_top_R] - 1] = campaign_R[is_top_R]
    is_top_R = ~is_bought_R & (fresh_rank_R <= CUT)
    fresh_top_LK[list_R[is_top_R], fresh_rank_R[is_top_R] - 1] = campaign_R[is_top_R]
    return _Part(
        asked.order_P[place_N],
        rank_R[is_relevant_R],
        fresh_rank_R[is_relevant_R],
        is_bought_R[is_relevant_R],
        top_LK,
        fresh_top_LK,
        score_R.min(initial=np.inf),
        score_R.max(initial=-np.inf),
    )


def _places(sorted_keys: np.ndarray, key_R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each key would stand among the sorted ones, and whether it is there."""
    if not len(sorted_keys):
        return np.zeros(len(key_R), dtype=np.int64), np.zeros(len(key_R), dtype=bool)
    place_R = np.searchsorted(sorted_keys, key_R).clip(max=len(sorted_keys) - 1)
    return place_R, sorted_keys[place_R] == key_R


def _refuse_degenerate(parts: list[_Part]) -> None:
    lowest, highest = min(p.lowest for p in parts), max(p.highest for p in parts)
    if not np.isfinite([lowest, highest]).all():
        raise DegenerateModelError("the model gave scores that are not finite")
    if highest - lowest < 1e-9:
        raise DegenerateModelError("the model gave the same score to every campaign")

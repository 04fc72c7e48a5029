"""What a candidate's score means: the chance that the customer buys it, as the shop's past tells.

Last week's candidates are made again with what was known then, and those that were bought are
marked. A logistic regression says how often, by where a candidate comes from, its place among the
scores of that source, how much of it is sold, and how much the customer buys. With a constant of
its own for every source, its chances add up to what was bought of each (Hosmer and Lemeshow 2000,
Applied logistic regression, 1.2).

Shape legend: R candidates, F features, S sources, Q knots, C columns of candidates.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

HORIZON = timedelta(days=7)
"""Purchases within so much time count."""
SAMPLE = 20_000
"""Customers whose candidates are made again."""
KNOTS = 11
"""Quantiles of a source's scores; between them a score's place is interpolated."""
LEAST_BUYERS = 20
"""Candidates bought, and not bought, below which one chance is all that can be told."""
USUAL_CHANCE, USUAL_ROWS = 1 / 500, 500
"""What is believed before a shop has a week behind it, and the candidates that this weighs."""
_SHARED = 2
"""Features that all sources have in common."""


@dataclass(frozen=True)
class Calibration:
    """Chances by source, score, popularity and activity."""

    knots_SQ: np.ndarray
    """float64: quantiles of the scores of each source, rising; NaN of a source not seen."""
    weight_F: np.ndarray
    """float64: of each source's constant, of its scores, then of popularity and activity."""
    constant: float
    """Log odds."""
    row_count: int
    """Candidates that this was learnt from."""
    bought_count: int
    """Those that were bought."""

    @property
    def is_learnt(self) -> bool:
        """Whether candidates differ: too little was bought to tell them apart otherwise."""
        return bool(self.weight_F.any())

    def apply(
        self,
        slot: np.ndarray,
        score: np.ndarray,
        popularity: np.ndarray,
        activity: np.ndarray,
    ) -> np.ndarray:
        """Return the chance of each candidate, float32 of the arrays' shape.

        Parameters
        ----------
        slot
            int8: the source. One that was not seen gets the chance of all.
        score
            float32: the source's own.
        popularity
            float32: units of the product sold lately.
        activity
            float32: order lines of the customer lately.
        """
        log_odds = np.full(np.shape(slot), self.constant, np.float32)
        weight_F = self.weight_F.astype(np.float32)
        by_source, shared = weight_F[:-_SHARED].reshape(2, -1), weight_F[-_SHARED:]
        log_odds += shared[0] * _log(popularity)
        log_odds += shared[1] * _log(activity)
        for source, knots_Q in enumerate(self.knots_SQ):
            is_its_own = slot == source
            place = _levels(score[is_its_own], knots_Q)
            log_odds[is_its_own] += by_source[0, source] + by_source[1, source] * place
        chance: np.ndarray = 1 / (1 + np.exp(-log_odds))
        return chance

    def to_dict(self) -> dict[str, Any]:
        """Return what a manifest keeps."""
        return {
            "candidates": self.row_count,
            "bought": self.bought_count,
            "constant": self.constant,
            "weights": self.weight_F.tolist(),
            "knots": {
                str(source): knots_Q.tolist()
                for source, knots_Q in enumerate(self.knots_SQ)
                if not np.isnan(knots_Q).any()
            },
        }


def fit(
    slot_R: np.ndarray,
    score_R: np.ndarray,
    popularity_R: np.ndarray,
    activity_R: np.ndarray,
    is_bought_R: np.ndarray,
) -> Calibration:
    """Learn from candidates of the past and whether they were bought; see `Calibration.apply`.

    Where fewer than `LEAST_BUYERS` were bought, all get one chance, their share with `USUAL_ROWS`
    of the usual chance beside them.
    """
    sources = int(slot_R.max(initial=0)) + 1
    knots_SQ = np.stack([_knots(score_R[slot_R == source]) for source in range(sources)])
    bought = int(is_bought_R.sum())
    if min(bought, is_bought_R.size - bought) < LEAST_BUYERS:
        weight_F = np.zeros(2 * sources + _SHARED)
        share = (bought + USUAL_CHANCE * USUAL_ROWS) / (is_bought_R.size + USUAL_ROWS)
        constant = -math.log(1 / share - 1)
    else:
        feature_RF = _features(slot_R, score_R, popularity_R, activity_R, knots_SQ)
        weight_F, constant = _regression(feature_RF, is_bought_R)
    return Calibration(knots_SQ, weight_F, constant, is_bought_R.size, bought)


UNFITTED = Calibration(
    np.zeros((0, KNOTS)),
    np.zeros(_SHARED),
    constant=-math.log(1 / USUAL_CHANCE - 1),
    row_count=0,
    bought_count=0,
)
"""The usual chance for everything: of a shop without a week behind it."""


def falling(slot_C: np.ndarray) -> np.ndarray:
    """Return what the one chance of all is multiplied by where candidates are not told apart.

    It falls as one over the place in the source, as popularities do (Zipf's law), with mean 1.

    Parameters
    ----------
    slot_C
        int8, rising: the source of each column, the best first.

    Returns
    -------
    numpy.ndarray
        float32 [C].

    >>> falling(np.array([0, 0, 3])).round(2)
    array([1.33, 0.67, 1.  ], dtype=float32)
    """
    place_C = np.arange(slot_C.size) - np.searchsorted(slot_C, slot_C) + 1
    factor_C = 1 / place_C
    mean_C = (np.bincount(slot_C, factor_C) / np.maximum(np.bincount(slot_C), 1))[slot_C]
    return (factor_C / mean_C).astype(np.float32)


def bought(
    customer_R: np.ndarray,
    product_R: np.ndarray,
    sold_customer_L: np.ndarray,
    sold_product_L: np.ndarray,
) -> np.ndarray:
    """Mark the candidates that are among some sale lines; all are integer codes.

    Lines with a negative code are of somebody or something that is not among the candidates.

    >>> bought(np.array([0, 0, 1]), np.array([5, 6, 5]), np.array([0, 1]), np.array([6, -1]))
    array([False,  True, False])
    """
    width = int(max(product_R.max(initial=0), sold_product_L.max(initial=0))) + 1
    pair_R = customer_R.astype(np.int64) * width + product_R
    is_coded_L = (sold_customer_L >= 0) & (sold_product_L >= 0)
    sold_L = (sold_customer_L.astype(np.int64) * width + sold_product_L)[is_coded_L]
    is_bought_R: np.ndarray = np.isin(pair_R, sold_L)
    return is_bought_R


def _features(
    slot_R: np.ndarray,
    score_R: np.ndarray,
    popularity_R: np.ndarray,
    activity_R: np.ndarray,
    knots_SQ: np.ndarray,
) -> np.ndarray:
    sources = len(knots_SQ)
    feature_RF = np.zeros((slot_R.size, 2 * sources + _SHARED), np.float32)
    for source, knots_Q in enumerate(knots_SQ):
        is_its_own_R = slot_R == source
        feature_RF[is_its_own_R, source] = 1
        feature_RF[is_its_own_R, sources + source] = _levels(score_R[is_its_own_R], knots_Q)
    feature_RF[:, -2], feature_RF[:, -1] = _log(popularity_R), _log(activity_R)
    return feature_RF


def _regression(feature_RF: np.ndarray, is_bought_R: np.ndarray) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=10.0, max_iter=500).fit(feature_RF, is_bought_R)
    return fitted.coef_[0].astype(np.float64), float(fitted.intercept_[0])


def _knots(scores: np.ndarray) -> np.ndarray:
    if not scores.size:
        return np.full(KNOTS, np.nan)
    return np.quantile(scores.astype(np.float64), np.linspace(0, 1, KNOTS))


def _levels(scores: np.ndarray, knots_Q: np.ndarray) -> np.ndarray:
    """Return where scores lie among the knots: 0 at the lowest, 1 at the highest or beyond."""
    if np.isnan(knots_Q).any():
        return np.zeros(scores.shape, np.float32)
    rising_Q, first_Q = np.unique(knots_Q, return_index=True)
    level_Q = np.linspace(0, 1, len(knots_Q))[first_Q]
    return np.interp(scores, rising_Q, level_Q).astype(np.float32)


def _log(counts: np.ndarray) -> np.ndarray:
    return np.log1p(np.maximum(counts, 0)).astype(np.float32)

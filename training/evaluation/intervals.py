"""95 % intervals by the bootstrap over customers.

Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 13 (percentile intervals).
"""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 1_000
COVERED = 0.95


@dataclass(frozen=True)
class Interval95:
    """A mean and the bounds between which 95 % of the resampled means lie."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def bootstrap(value_L: np.ndarray, customer_L: np.ndarray, seed: int) -> Interval95:
    """Resample whole customers, who may have several lists, and take the mean over lists.

    Parameters
    ----------
    value_L
        float64, one a list; a difference of two models on the same lists gives a paired interval.
    customer_L
        int64 codes.
    """
    _, code_L = np.unique(customer_L, return_inverse=True)
    sum_U = np.bincount(code_L, weights=value_L)
    count_U = np.bincount(code_L).astype(np.float64)
    generator = np.random.default_rng(seed)
    customers = len(sum_U)
    drawn_NU = generator.multinomial(customers, np.full(customers, 1 / customers), RESAMPLES)
    mean_N = (drawn_NU @ sum_U) / (drawn_NU @ count_U)
    tail = (1 - COVERED) / 2
    low, high = np.quantile(mean_N, [tail, 1 - tail])
    return Interval95(float(value_L.mean()), float(low), float(high))

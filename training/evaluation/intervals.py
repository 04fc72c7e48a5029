"""95 % intervals by the bootstrap over customers.

Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 13 (percentile intervals).
Shape legend: R rows (lists or purchases), U customers, N resamples, M metrics.
"""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 1_000
COVERED = 0.95
BLOCK = 20_000_000
"""Draws that are held as numbers at once: some 160 MB."""


@dataclass(frozen=True)
class Interval95:
    """A mean and the bounds between which 95 % of the resampled means lie."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Resamples:
    """One set of draws of customers: what is computed on the same draws is paired."""

    customers: np.ndarray
    """The distinct customers, sorted."""
    drawn_NU: np.ndarray
    """uint8: how often each customer was drawn; more than 255 of a thousand never happen."""

    @classmethod
    def of(cls, customer_R: np.ndarray, seed: int) -> "Resamples":
        """Draw as many customers as there are, with replacement, RESAMPLES times."""
        customers = np.unique(customer_R)
        count, generator = len(customers), np.random.default_rng(seed)
        drawn_NU = np.zeros((RESAMPLES, count), dtype=np.uint8)
        for row_U in drawn_NU:
            row_U[:] = np.bincount(generator.integers(0, count, count), minlength=count)
        return cls(customers, drawn_NU)

    def means(self, value_RM: np.ndarray, customer_R: np.ndarray) -> np.ndarray:
        """Return `mean_NM`: means over the rows of the customers drawn, float64.

        A customer who has several rows brings all of them; a resample of customers without any row
        has NaN.
        """
        code_R = np.searchsorted(self.customers, customer_R)
        users = len(self.customers)
        columns = [np.bincount(code_R, weights=value_R, minlength=users) for value_R in value_RM.T]
        sum_UM = np.stack([*columns, np.bincount(code_R, minlength=users)], axis=1)
        rows = max(BLOCK // users, 1)
        parts = [
            self.drawn_NU[first : first + rows].astype(np.float64) @ sum_UM
            for first in range(0, RESAMPLES, rows)
        ]
        total_NM = np.concatenate(parts)
        with np.errstate(invalid="ignore"):
            mean_NM: np.ndarray = total_NM[:, :-1] / total_NM[:, -1:]
        return mean_NM


def bounds(mean_NM: np.ndarray) -> np.ndarray:
    """Return float64 `[2, M]`: the lower and the upper bound of each metric's resampled means."""
    tail = (1 - COVERED) / 2
    found: np.ndarray = np.nanquantile(mean_NM, [tail, 1 - tail], axis=0)
    return found


def bootstrap(value_L: np.ndarray, customer_L: np.ndarray, seed: int) -> Interval95:
    """Resample whole customers, who may have several lists, and take the mean over lists.

    Parameters
    ----------
    value_L
        float64, one a list; a difference of two models on the same lists gives a paired interval.
    customer_L
        Ids or codes.
    """
    mean_NM = Resamples.of(customer_L, seed).means(value_L[:, None], customer_L)
    (low,), (high,) = bounds(mean_NM)
    return Interval95(float(value_L.mean()), float(low), float(high))

"""Limited stock: a product with few pieces is not promised to everyone.

The cap is honest, not optimal: whoever scores highest gets the promise.
"""

import numpy as np

PROMISES_PER_UNIT = 20
"""Customers that one piece left may be promised to: at most one in twenty who see it buys it."""
UNLIMITED = np.iinfo(np.int64).max


def capacities(stock_left: np.ndarray) -> np.ndarray:
    """Turn stock (float64 [offers], NaN: unknown) into promises that may be made (int64 [offers]).

    >>> capacities(np.array([3.0, 0.0])).tolist()
    [60, 0]
    """
    known = ~np.isnan(stock_left)
    promises = np.full(stock_left.shape, UNLIMITED, np.int64)
    promises[known] = np.maximum(stock_left[known], 0).astype(np.int64) * PROMISES_PER_UNIT
    return promises


def granted(offer: np.ndarray, score: np.ndarray, remaining: np.ndarray) -> np.ndarray:
    """Tell which of the wishes are granted, the highest score first; take them off `remaining`.

    Parameters
    ----------
    offer
        int64 [wishes]: which offer each wishes for. Of equal scores the earlier wish goes first.
    score
        float64 [wishes].
    remaining
        int64 [offers]: promises left, lowered in place.

    Returns
    -------
    numpy.ndarray
        bool [wishes].
    """
    order = np.lexsort((np.arange(offer.size), -score, offer))
    sorted_offer = offer[order]
    first = np.searchsorted(sorted_offer, sorted_offer)
    place = np.arange(offer.size) - first
    result = np.zeros(offer.size, bool)
    result[order] = place < remaining[sorted_offer]
    np.subtract.at(remaining, offer[result], 1)
    return result

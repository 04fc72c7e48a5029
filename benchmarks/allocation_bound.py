"""What no allocation can be worth more than: the linear programme that may cut customers in parts.

Shape legend: N customers, C candidates of each, O offers, V candidates that there are, W limits.
"""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

from email_lists.slates.places import Candidates, Offers, Places


def best_possible(candidates: Candidates, offers: Offers, places: Places) -> float:
    """Return the most that can be expected: no room, kind of place, brand or product too often.

    The fallback may take any place here, also one that its own kind could fill.
    """
    row_V, column_V = np.nonzero(candidates.offer_NC >= 0)
    offer_V = candidates.offer_NC[row_V, column_V].astype(np.int64)
    slot_V = candidates.slot_NC[row_V, column_V].astype(np.int64)
    chance_V = candidates.probability_NC[row_V, column_V].astype(np.float64)
    brand_V, product_V = offers.brand_O[offer_V], offers.product_O[offer_V]
    one_V, limit = np.ones(row_V.size), places.brand_limit or places.count
    quota_S = np.full(int(slot_V.max()) + 1, places.count)
    quota_S[: len(places.quotas)] = places.quotas
    limits = [
        (offer_V, chance_V, offers.room_O[offer_V]),
        (row_V, one_V, places.count * one_V),
        (_pairs(row_V, slot_V), one_V, quota_S[slot_V]),
        (_pairs(row_V, brand_V), one_V, limit * one_V),
        (_pairs(row_V, product_V), one_V, one_V),
    ]
    parts = [_limited(*limit) for limit in limits]
    solved = linprog(
        -chance_V * offers.worth_O[offer_V],
        A_ub=vstack([matrix for matrix, _ in parts]).tocsr(),
        b_ub=np.concatenate([most_W for _, most_W in parts]),
        bounds=(0, 1),
        method="highs-ipm",
    )
    return float(-solved.fun)


def _pairs(row_V: np.ndarray, code_V: np.ndarray) -> np.ndarray:
    return row_V * (int(code_V.max()) + 1) + code_V


def _limited(
    key_V: np.ndarray, weight_V: np.ndarray, most_V: np.ndarray
) -> tuple[coo_array, np.ndarray]:
    """Sum the weights of each key: the sums [W, V], and what they may be at most [W]."""
    _, first, limit_V = np.unique(key_V, return_index=True, return_inverse=True)
    where = (limit_V, np.arange(key_V.size))
    return coo_array((weight_V, where), shape=(first.size, key_V.size)), most_V[first]

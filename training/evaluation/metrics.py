"""Ranking metrics, each per list and then averaged; the only definition of each in the project.

Shape legend: L lists, K ranks. `hit_LK[l, r]` says whether rank r + 1 of list l was relevant;
`relevant_L` counts what was relevant for the list at all. Lists without relevant campaigns are
refused: a mean over them would say nothing.
"""

import numpy as np

from vitrine.errors import BadInputError

CUT = 12


def average_precision(hit_LK: np.ndarray, relevant_L: np.ndarray) -> np.ndarray:
    """Return AP@K per list: the mean over min(relevant, K) of the precision at each hit.

    Hits at ranks 1 and 3 of 2 relevant: (1/1 + 2/3) / 2 = 0.833.
    """
    ranks_K = np.arange(1, hit_LK.shape[1] + 1)
    precision_LK = np.cumsum(hit_LK, axis=1) / ranks_K
    found_L: np.ndarray = (precision_LK * hit_LK).sum(axis=1)
    return np.asarray(found_L / np.minimum(relevant_L, hit_LK.shape[1]))


def recall(hit_LK: np.ndarray, relevant_L: np.ndarray) -> np.ndarray:
    """Return the share of the relevant campaigns among the first K, per list."""
    found_L: np.ndarray = hit_LK.sum(axis=1) / relevant_L
    return found_L


def ndcg(hit_LK: np.ndarray, relevant_L: np.ndarray) -> np.ndarray:
    """Return NDCG@K per list with gain 1 and discount 1 / log2(rank + 1).

    Järvelin and Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques.
    """
    discount_K = 1 / np.log2(np.arange(2, hit_LK.shape[1] + 2))
    best_K = np.cumsum(discount_K)
    ndcg_L: np.ndarray = (hit_LK @ discount_K) / best_K[np.minimum(relevant_L, hit_LK.shape[1]) - 1]
    return ndcg_L


def hit_rate(hit_LK: np.ndarray, relevant_L: np.ndarray) -> np.ndarray:
    """Return 1 where a list has a hit among the first K, else 0; `relevant_L` is not needed."""
    return np.asarray(hit_LK.any(axis=1), dtype=np.float64)


def precision(hit_LK: np.ndarray, relevant_L: np.ndarray) -> np.ndarray:
    """Return the share of the first K that was relevant, per list."""
    return np.asarray(hit_LK.mean(axis=1))


def collective_auc(rank_P: np.ndarray, count_P: np.ndarray) -> float:
    """Return the area under the curve of purchases found over the share of the list shown.

    Heinz, Bracher and Vollgraf (2017), An LSTM-based dynamic customer model for fashion
    recommendation, table 1: all customers' purchases form one curve. `rank_P` counts from 1 within
    `count_P` candidates. A random order gives 0.5; what is ranked beyond its list counts as last.
    """
    place_P = (np.minimum(rank_P, count_P) - 0.5) / count_P
    return float(1 - place_P.mean())


def needed(rank_P: np.ndarray, share: float) -> float:
    """Return how many recommendations everybody must be shown to reach a share of all purchases.

    The same paper, table 1. Of ranks 1, 2, 5 and 40 half are reached with 2.
    """
    ordered_P = np.sort(rank_P)
    return float(ordered_P[int(np.ceil(share * len(ordered_P))) - 1])


METRICS = {
    "map": average_precision,
    "recall": recall,
    "ndcg": ndcg,
    "hit_rate": hit_rate,
}


def summary(hit_LK: np.ndarray, relevant_L: np.ndarray) -> dict[str, float]:
    """Average every metric over the lists, named like `map_at_12`.

    Raises
    ------
    BadInputError
        If there is no list, or one without anything relevant.
    """
    if not len(relevant_L) or relevant_L.min() < 1:
        raise BadInputError("metrics need at least one list, each with something relevant")
    cut = hit_LK.shape[1]
    return {
        f"{name}_at_{cut}": float(metric(hit_LK, relevant_L).mean())
        for name, metric in METRICS.items()
    }

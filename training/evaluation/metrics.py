"""Ranking metrics, each per list and then averaged; the only definition of each in the project.

Shape legend: L lists, K ranks, C candidates, A attributes, I items (campaigns, each once).
`hit_LK[l, r]` says whether rank r + 1 of list l was relevant;
`relevant_L` counts what was relevant for the list at all. Lists without relevant campaigns are
refused by whoever averages: a mean over them would say nothing. `top_LK` holds the first K
positions of each list among the C candidates, -1 where a list is shorter. docs/evaluation.md has
every formula with its source, for readers.
"""

import numpy as np

CUT = 12
TOP_SHARE = 0.01
NOWHERE = np.iinfo(np.int64).max
"""The rank of what was relevant but no candidate: it counts as relevant and is never found."""


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


def earliness(rank_P: np.ndarray, count_P: np.ndarray) -> np.ndarray:
    """Return which share of its list each purchase was ranked above: float64 `[P]`.

    `rank_P` counts from 1 within `count_P` candidates; the first of ten stands above 0.95 of them,
    the last above 0.05. What is ranked beyond its list counts as last.
    """
    place_P: np.ndarray = (np.minimum(rank_P, count_P) - 0.5) / count_P
    return 1 - place_P


def collective_auc(rank_P: np.ndarray, count_P: np.ndarray) -> float:
    """Return the area under the curve of purchases found over the share of the list shown.

    Heinz, Bracher and Vollgraf (2017), An LSTM-based dynamic customer model for fashion
    recommendation, table 1: all customers' purchases form one curve, whose area is their mean
    earliness. A random order gives 0.5.
    """
    return float(earliness(rank_P, count_P).mean())


def needed(rank_P: np.ndarray, share: float) -> float:
    """Return how many recommendations everybody must be shown to reach a share of all purchases.

    The same paper, table 1. Of ranks 1, 2, 5 and 40 half are reached with 2. NaN where so much was
    no candidate that no number is enough.
    """
    last = np.sort(rank_P)[int(np.ceil(share * len(rank_P))) - 1]
    return float(last) if last != NOWHERE else np.nan


def novelty(information_C: np.ndarray, top_LK: np.ndarray) -> np.ndarray:
    """Return the mean self-information of what each list shows, in bits.

    Vargas and Castells (2011), Rank and relevance in novelty and diversity metrics for recommender
    systems: -log2 of the share of customers who know a campaign already. A list of what half and
    what an eighth of them bought has (1 + 3) / 2 = 2 bits; an empty list has none.
    """
    is_shown_LK = top_LK >= 0
    total_L = np.where(is_shown_LK, information_C[top_LK], 0.0).sum(axis=1)
    novelty_L: np.ndarray = total_L / np.maximum(is_shown_LK.sum(axis=1), 1)
    return novelty_L


def diversity(label_CA: np.ndarray, top_LK: np.ndarray) -> np.ndarray:
    """Return 1 - the mean similarity of each list's pairs; lists without a pair have 0.

    Ziegler et al. (2005), Improving recommendation lists through topic diversification. The
    similarity of two campaigns is the share of the A labels in which they agree: two of the same
    sector and different brands have 1/2.
    """
    different_L, pair_L = np.zeros((2, len(top_LK)))
    for apart in range(1, top_LK.shape[1]):
        left_LK, right_LK = top_LK[:, :-apart], top_LK[:, apart:]
        is_pair_LK = (left_LK >= 0) & (right_LK >= 0)
        unlike_LK = (label_CA[left_LK] != label_CA[right_LK]).mean(axis=2)
        different_L += (unlike_LK * is_pair_LK).sum(axis=1)
        pair_L += is_pair_LK.sum(axis=1)
    diversity_L: np.ndarray = different_L / np.maximum(pair_L, 1)
    return diversity_L


def margin(margin_C: np.ndarray, hit_LK: np.ndarray, top_LK: np.ndarray) -> np.ndarray:
    """Return what each list earned: the margins of one unit of each hit, in the shop's currency.

    Averaged over lists it is the margin to be expected from a list. A campaign without a known
    margin has NaN, and so has a list that it was a hit of.
    """
    margin_L: np.ndarray = np.where(hit_LK, margin_C[top_LK], 0.0).sum(axis=1)
    return margin_L


def coverage(shown_I: np.ndarray) -> float:
    """Return the share of items that were shown to anybody; `shown_I` counts how often."""
    return float((shown_I > 0).mean())


def share_of_top(shown_I: np.ndarray, share: float = TOP_SHARE) -> float:
    """Return which share of all that was shown fell on the most shown 1 % of the items.

    Of 200 items two are the top; shown 30 and 20 times of 100 they have 0.5.
    """
    top = int(np.ceil(share * len(shown_I)))
    return float(np.sort(shown_I)[-top:].sum() / max(shown_I.sum(), 1))

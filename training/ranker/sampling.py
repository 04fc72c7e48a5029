"""Negatives: campaigns on sale at a purchase's instant that are not in that purchase.

Shape legend: G groups of purchases by one customer at one instant, P purchases, E those of them
that were on sale, B asked groups, N draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

DRAWS_AT_ONCE = 1 << 17
"""Draws made together: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class Allowed:
    """What each group may draw from: the campaigns on sale without those that it bought.

    Nothing is rejected: the r-th allowed campaign is the r-th on sale, moved on by the purchases
    before it. A purchase at position e, the j-th of its group, lies before it where e - j <= r.
    For 5 on sale of which 0 and 3 were bought, the ranks 0, 1, 2 are the campaigns 1, 2, 4.
    """

    start_G: np.ndarray
    count_G: np.ndarray
    """int64; allowed campaigns of each group, 0 where all that was on sale was bought."""
    _first_G: np.ndarray
    _moving_E: np.ndarray
    _width: int

    @classmethod
    def of(
        cls,
        on_sale_start_G: np.ndarray,
        on_sale_count_G: np.ndarray,
        bought_group_P: np.ndarray,
        bought_campaign_P: np.ndarray,
    ) -> "Allowed":
        """Leave the purchases out.

        Parameters
        ----------
        on_sale_start_G, on_sale_count_G
            int64; the group's on-sale set is the campaigns `start .. start + count - 1`.
        bought_group_P, bought_campaign_P
            int64; which campaigns each group bought, in any order.
        """
        offset_P = bought_campaign_P - on_sale_start_G[bought_group_P]
        is_on_sale_P = (offset_P >= 0) & (offset_P < on_sale_count_G[bought_group_P])
        width = 1 + int(on_sale_count_G.max(initial=0))
        key_E = _distinct((bought_group_P * width + offset_P)[is_on_sale_P])
        group_E = key_E // width
        bought_G = np.bincount(group_E, minlength=len(on_sale_start_G))
        first_G = np.cumsum(bought_G) - bought_G
        moving_E = key_E - (np.arange(len(key_E)) - first_G[group_E])
        return cls(on_sale_start_G, on_sale_count_G - bought_G, first_G, moving_E, width)

    def campaigns(self, group_B: np.ndarray, rank_B: np.ndarray) -> np.ndarray:
        """Return the int64 campaigns of ranks `0 .. count_G[group] - 1`; the two may broadcast."""
        key_B = group_B * self._width + rank_B
        moved_B = np.searchsorted(self._moving_E, key_B, side="right") - self._first_G[group_B]
        campaign_B: np.ndarray = self.start_G[group_B] + rank_B + moved_B
        return campaign_B

    def draw(self, group_B: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
        """Draw `campaign_BN` uniformly with replacement, sorted for each b.

        The groups have something allowed. Searches that come in ascending order are twice as fast.
        """
        campaign_BN = np.empty((len(group_B), draws), np.int64)
        for part in _parts(len(group_B), draws):
            rank_BN = _ranks(self.count_G[group_B[part]], draws, generator)
            rank_BN.sort(axis=1)
            campaign_BN[part] = self.campaigns(group_B[part, None], rank_BN)
        return campaign_BN


def pools(
    on_sale_start_G: np.ndarray,
    on_sale_count_G: np.ndarray,
    bought_group_P: np.ndarray,
    bought_campaign_P: np.ndarray,
    pool_size: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw up to `pool_size` distinct negatives for each group; parameters as in `Allowed.of`.

    Returns
    -------
    group_N, campaign_N
        int64, sorted by group, then campaign; each pair once. A group that may choose among no more
        than `pool_size` gets all of them, possibly none; another that draws one twice gets fewer.
    """
    allowed = Allowed.of(on_sale_start_G, on_sale_count_G, bought_group_P, bought_campaign_P)
    every_G = np.arange(len(on_sale_start_G))
    parts = [
        _pool(allowed, every_G[part], pool_size, generator)
        for part in _parts(len(every_G), pool_size)
    ]
    group_N = np.concatenate([np.empty(0, np.int64), *(group for group, _ in parts)])
    campaign_N = np.concatenate([np.empty(0, np.int64), *(campaign for _, campaign in parts)])
    return group_N, campaign_N


def _pool(
    allowed: Allowed, group_B: np.ndarray, pool_size: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    count_B = allowed.count_G[group_B]
    drawn_BN = np.sort(_ranks(count_B, pool_size, generator), axis=1)
    rank_BN = np.where(count_B[:, None] > pool_size, drawn_BN, np.arange(pool_size))
    is_kept_BN = rank_BN < count_B[:, None]
    is_kept_BN[:, 1:] &= rank_BN[:, 1:] != rank_BN[:, :-1]
    group_N = np.repeat(group_B, is_kept_BN.sum(axis=1))
    return group_N, allowed.campaigns(group_N, rank_BN[is_kept_BN])


def epoch_negatives(
    start_B: np.ndarray, count_B: np.ndarray, negatives: int, generator: np.random.Generator
) -> np.ndarray:
    """Draw `negatives` rows for each purchase out of its group's pool, with replacement.

    Parameters
    ----------
    start_B, count_B
        int64; the pool of purchase b is rows `start .. start + count - 1`; counts are positive.

    Returns
    -------
    rows_BN
        int64.
    """
    rows_BN: np.ndarray = start_B[:, None] + _ranks(count_B, negatives, generator)
    return rows_BN


def _ranks(count_B: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Draw uniformly from `0 .. count - 1`; 0 where the count is 0."""
    drawn_BN = generator.random((len(count_B), draws))
    ranks_BN: np.ndarray = (drawn_BN * count_B[:, None]).astype(np.int64)
    return ranks_BN


def _distinct(key_P: np.ndarray) -> np.ndarray:
    """Sort and keep each once; `np.unique` takes a hundred times as long on a million integers."""
    sorted_P = np.sort(key_P)
    is_first_P = np.ones(len(sorted_P), dtype=bool)
    is_first_P[1:] = sorted_P[1:] != sorted_P[:-1]
    distinct: np.ndarray = sorted_P[is_first_P]
    return distinct


def _parts(rows: int, draws: int) -> Iterator[slice]:
    step = max(DRAWS_AT_ONCE // draws, 1)
    return (slice(first, first + step) for first in range(0, rows, step))

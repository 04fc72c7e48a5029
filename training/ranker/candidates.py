"""Candidates: for each list (one customer at one instant), the campaigns that it may hold.

Shape legend: L lists, C campaigns at an instant, R pairs of the two.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Candidates:
    """Lists and what was on sale at their instants; a list's campaigns are a slice of `campaigns`.

    lists: customer_id, as_of; unique. campaigns: as_of, campaign_id; unique, sorted by both.
    """

    lists: pd.DataFrame
    campaigns: pd.DataFrame
    start_L: np.ndarray
    count_L: np.ndarray

    @classmethod
    def of(cls, lists: pd.DataFrame, campaigns: pd.DataFrame) -> "Candidates":
        """Match each list with the campaigns of its instant."""
        instants = campaigns["as_of"].to_numpy()
        asked = lists["as_of"].to_numpy()
        start = np.searchsorted(instants, asked, side="left")
        count = np.searchsorted(instants, asked, side="right") - start
        return cls(
            lists.reset_index(drop=True), campaigns, start.astype(np.int64), count.astype(np.int64)
        )

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return `list_R, campaign_R`: positions of every pair, list by list."""
        list_R = np.repeat(np.arange(len(self.lists), dtype=np.int64), self.count_L)
        first_R = np.repeat(np.cumsum(self.count_L) - self.count_L, self.count_L)
        within_R = np.arange(len(list_R), dtype=np.int64) - first_R
        return list_R, np.repeat(self.start_L, self.count_L) + within_R

    def chunks(self, max_pairs: int) -> Iterator["Candidates"]:
        """Cut into parts of whole lists with about `max_pairs` pairs each.

        The index of a part's `lists` says where in the whole they stand.
        """
        part_L = np.cumsum(self.count_L) // max_pairs
        for part in np.unique(part_L):
            rows = np.flatnonzero(part_L == part)
            yield Candidates(
                self.lists.iloc[rows],
                self.campaigns,
                self.start_L[rows],
                self.count_L[rows],
            )


def top_k(
    list_R: np.ndarray, campaign_R: np.ndarray, score_R: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rank each list's pairs by score, ties by the campaign's position, and keep the first k.

    Returns
    -------
    row_T, rank_T
        int64; rows of the input, list by list in the order of rank, and ranks from 1.
    """
    order = np.lexsort((campaign_R, -score_R, list_R))
    sorted_list = list_R[order]
    is_first = np.r_[True, sorted_list[1:] != sorted_list[:-1]] if len(order) else order == 1
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
    rank = np.arange(len(order)) - first + 1
    kept = rank <= k
    return order[kept], rank[kept]

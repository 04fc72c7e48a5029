"""Candidates: for each list (one customer at one instant), the campaigns that it may hold.

Shape legend: L lists, C campaigns at an instant, R pairs of the two, M markets (an instant and a
country), O offers of campaigns to markets.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from vitrine.contracts import NO_COUNTRY

INSTANT = "datetime64[us]"


@dataclass(frozen=True)
class Candidates:
    """Lists and what their customers could buy at their instants.

    lists: customer_id, as_of; unique. campaigns: as_of, campaign_id; unique, sorted by both. The
    candidates of list l are `campaigns` at `offer_O[start_L[l] : start_L[l] + count_L[l]]`, those
    of its market.
    """

    lists: pd.DataFrame
    campaigns: pd.DataFrame
    market_L: np.ndarray
    offer_O: np.ndarray
    """int64 positions in `campaigns`, market by market, rising within each."""
    end_M: np.ndarray
    """int64; where each market's offers end."""

    @classmethod
    def of(
        cls,
        lists: pd.DataFrame,
        campaigns: pd.DataFrame,
        country_L: np.ndarray | None = None,
        country_C: np.ndarray | None = None,
    ) -> "Candidates":
        """Match each list with the campaigns of its instant, and of its customer's country.

        Parameters
        ----------
        country_L, country_C
            Country codes as text; `NO_COUNTRY` for a campaign that sells in all of them, None for a
            customer of whom it is not known: the list gets what is on sale in any. Left out:
            countries do not matter.
        """
        markets, market_L = _markets(lists, country_L)
        offer_O, count_M = _offers(markets, campaigns, country_C)
        return cls(lists.reset_index(drop=True), campaigns, market_L, offer_O, np.cumsum(count_M))

    @cached_property
    def count_L(self) -> np.ndarray:
        """How many candidates each list has, int64."""
        counts: np.ndarray = np.diff(self.end_M, prepend=0)[self.market_L]
        return counts

    @cached_property
    def start_L(self) -> np.ndarray:
        """Where each list's candidates begin in `offer_O`, int64."""
        starts: np.ndarray = self.end_M[self.market_L] - self.count_L
        return starts

    def places(self, list_N: np.ndarray, campaign_N: np.ndarray) -> np.ndarray:
        """Return where in `offer_O` pairs stand, -1 for what is no candidate, such as -1, int64."""
        width = len(self.campaigns)
        market_O = np.repeat(np.arange(len(self.end_M)), np.diff(self.end_M, prepend=0))
        sorted_O = market_O * width + self.offer_O
        key_N = self.market_L[list_N] * width + campaign_N
        place_N = np.searchsorted(sorted_O, key_N)
        is_there_N = (np.append(sorted_O, -1)[place_N] == key_N) & (campaign_N >= 0)
        return np.where(is_there_N, place_N, -1)

    def only(self, is_kept_L: np.ndarray) -> "Candidates":
        """Keep some of the lists, numbered anew."""
        lists = self.lists[is_kept_L].reset_index(drop=True)
        return replace(self, lists=lists, market_L=self.market_L[is_kept_L])

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return `list_R, campaign_R`: positions of every pair, list by list."""
        list_R = np.repeat(np.arange(len(self.lists), dtype=np.int64), self.count_L)
        return list_R, self.offer_O[ranges(self.start_L, self.count_L)]

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
                self.market_L[rows],
                self.offer_O,
                self.end_M,
            )


def ranges(start_N: np.ndarray, count_N: np.ndarray) -> np.ndarray:
    """Concatenate the ranges `start .. start + count - 1`.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    first_N = np.cumsum(count_N) - count_N
    whole = np.arange(int(count_N.sum()), dtype=np.int64)
    each: np.ndarray = whole + np.repeat(start_N - first_N, count_N)
    return each


def _markets(lists: pd.DataFrame, country_L: np.ndarray | None) -> tuple[pd.DataFrame, np.ndarray]:
    """Number the distinct as_of and country of the lists; return them, and `market_L`."""
    asked = pd.DataFrame({"as_of": lists["as_of"].to_numpy(INSTANT), "country": country_L})
    by_market = asked.groupby(["as_of", "country"], sort=False, dropna=False)
    return asked.drop_duplicates(), by_market.ngroup().to_numpy(np.int64)


def _offers(
    markets: pd.DataFrame, campaigns: pd.DataFrame, country_C: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each market can buy, one market after the other, and how much: `count_M`."""
    on_sale_C, asked_M = campaigns["as_of"].to_numpy(INSTANT), markets["as_of"].to_numpy()
    first_M = np.searchsorted(on_sale_C, asked_M, side="left")
    count_M = np.searchsorted(on_sale_C, asked_M, side="right") - first_M
    offer_O, market_O = ranges(first_M, count_M), np.repeat(np.arange(len(markets)), count_M)
    if country_C is None:
        return offer_O, count_M
    sold_in_O, home_O = country_C[offer_O], markets["country"].to_numpy(object)[market_O]
    is_sold_O = (sold_in_O == home_O) | (sold_in_O == NO_COUNTRY) | pd.isna(home_O)
    return offer_O[is_sold_O], np.bincount(market_O[is_sold_O], minlength=len(markets))


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

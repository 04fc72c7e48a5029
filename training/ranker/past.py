"""A history as of many instants: what each needs of it, without a pass over all purchases.

A flash-sale shop's examples stand at hundreds of hours, and an hour's lists are of few customers.

Shape legend: P purchases, N codes asked for, C campaigns, F first receipts in their order.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

from training.peers.history import DAY_S, History
from training.ranker.candidates import ranges

MARGIN_DAYS = 1e-3
"""Rather look at a purchase too many than trust the last digit of an age."""


@dataclass(frozen=True)
class Audience:
    """How many customers had bought anything, and each campaign: int, int64 `[C]`."""

    customer_count: int
    buyers_C: np.ndarray

    @classmethod
    def of(cls, history: History) -> "Audience":
        """Count in a history."""
        bought = history.by_customer(np.ones(len(history.order_P))).tocsc()
        return cls(len(np.unique(history.customer_P)), np.diff(bought.indptr).astype(np.int64))


class Past:
    """Parts of a history as of any instant that it covers."""

    def __init__(self, history: History) -> None:
        self._history = history

    def of_customers(self, customer_N: np.ndarray, as_of: datetime) -> History:
        """Return what some customers had bought, by their codes, ascending and each once.

        They are numbered from 0 in it; the campaigns keep their codes.
        """
        known = self._history.where(self._by_customer.places(customer_N)).before(as_of)
        return replace(
            known,
            customer_ids=known.customer_ids[customer_N],
            customer_P=np.searchsorted(customer_N, known.customer_P),
        )

    def of_campaigns(self, campaign_N: np.ndarray, as_of: datetime) -> tuple[History, np.ndarray]:
        """Return who had bought some campaigns, and what of it was in the customer's first order.

        The second is bool `[P]`.
        """
        place_P = self._by_campaign.places(campaign_N)
        place_P = place_P[self._history.received_at_P[place_P] < _microseconds(as_of)]
        part = self._history.where(place_P)
        key_F, oldest_days_F = self._oldest
        last_F = (
            np.searchsorted(key_F, self._receipt_keys(part.customer_P, _microseconds(as_of))) - 1
        )
        return part.before(as_of), part.age_days_P == oldest_days_F[last_F]

    def newest(self, as_of: datetime, days: float, most: int) -> np.ndarray:
        """Return codes of customers, ascending: the last `most` who had bought within the days.

        One or the other who bought a moment before them may be there, too.
        """
        whole = self._history
        at_days = (as_of - whole.as_of).total_seconds() / DAY_S
        first, end = np.searchsorted(
            self._bought_days_P,
            [at_days - days - MARGIN_DAYS, at_days + self._lead_days + MARGIN_DAYS],
        )
        is_known_P = whole.received_at_P[first:end] < _microseconds(as_of)
        newest_first = whole.customer_P[first:end][is_known_P][::-1]
        return np.sort(pd.unique(newest_first)[:most])

    def audience(self, as_of: datetime) -> Audience:
        """Count who had bought by then."""
        cut = _microseconds(as_of)
        customer_at_F, (pair_at_F, campaign_F) = self._customers, self._pairs
        campaign_F = campaign_F[: np.searchsorted(pair_at_F, cut)]
        buyers_C = np.bincount(campaign_F, minlength=len(self._history.campaign_ids))
        return Audience(int(np.searchsorted(customer_at_F, cut)), buyers_C)

    @cached_property
    def _bought_days_P(self) -> np.ndarray:
        """Days from the history's end to each purchase, ascending, below zero before it."""
        return -self._history.age_days_P

    @cached_property
    def _lead_days(self) -> float:
        """The longest that a shop's clock had a purchase received before it was made."""
        whole = self._history
        received_days_P = (whole.received_at_P - _microseconds(whole.as_of)) / np.timedelta64(
            1, "D"
        )
        return float(np.max(self._bought_days_P - received_days_P, initial=0.0))

    @cached_property
    def _by_customer(self) -> "_Places":
        return _Places.of(self._history.customer_P, len(self._history.customer_ids))

    @cached_property
    def _by_campaign(self) -> "_Places":
        return _Places.of(self._history.campaign_P, len(self._history.campaign_ids))

    @cached_property
    def _oldest(self) -> tuple[np.ndarray, np.ndarray]:
        """Keys of customer and receipt, ascending, and the greatest age that was known with it."""
        whole = self._history
        key_P = self._receipt_keys(whole.customer_P, whole.received_at_P)
        order = np.argsort(key_P, kind="stable")
        age_P = pd.Series(whole.age_days_P[order]).groupby(whole.customer_P[order]).cummax()
        return key_P[order], age_P.to_numpy()

    def _receipt_keys(
        self, customer_N: np.ndarray, received_at: np.ndarray | np.datetime64
    ) -> np.ndarray:
        """Return int64 that are ordered by customer, then receipt."""
        rank = np.searchsorted(self._receipts, np.asarray(received_at))
        keys: np.ndarray = customer_N * (len(self._receipts) + 1) + rank
        return keys

    @cached_property
    def _receipts(self) -> np.ndarray:
        return np.unique(self._history.received_at_P)

    @cached_property
    def _customers(self) -> np.ndarray:
        """When each customer's first purchase was received, ascending."""
        return self._history.received_at_P[self._first_received(self._history.customer_P)]

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """When a customer's first purchase of each campaign was received, ascending, and which."""
        whole = self._history
        key_P = whole.customer_P * len(whole.campaign_ids) + whole.campaign_P
        first_F = self._first_received(key_P)
        return whole.received_at_P[first_F], whole.campaign_P[first_F]

    def _first_received(self, key_P: np.ndarray) -> np.ndarray:
        """Return the place of each key's first receipt, in the order of the receipts."""
        by_receipt = np.argsort(self._history.received_at_P, kind="stable")
        _, first = np.unique(key_P[by_receipt], return_index=True)
        return by_receipt[np.sort(first)]


@dataclass(frozen=True)
class _Places:
    """Where the purchases of each code lie."""

    place_P: np.ndarray
    start_K: np.ndarray

    @classmethod
    def of(cls, code_P: np.ndarray, size: int) -> "_Places":
        start_K = np.append(0, np.cumsum(np.bincount(code_P, minlength=size)))
        return cls(np.argsort(code_P, kind="stable"), start_K)

    def places(self, code_N: np.ndarray) -> np.ndarray:
        """Return the places of some codes' purchases, ascending."""
        start_N = self.start_K[code_N]
        return np.sort(self.place_P[ranges(start_N, self.start_K[code_N + 1] - start_N)])


def _microseconds(instant: datetime) -> np.datetime64:
    return np.datetime64(instant.replace(tzinfo=None), "us")

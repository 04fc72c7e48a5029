"""Purchases before an instant as numbers: what every peer learns from.

Shape legend: P purchases (one a customer, instant and campaign), U customers, C campaigns, O orders
(a customer's purchases of one instant).
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import scipy.sparse as sp

from training.ranker.candidates import Candidates

DAY_S = 86_400.0


@dataclass(frozen=True)
class History:
    """Distinct purchases received before `as_of`, oldest first; codes are positions in the ids."""

    as_of: datetime
    customer_ids: np.ndarray
    campaign_ids: np.ndarray
    customer_P: np.ndarray
    campaign_P: np.ndarray
    order_P: np.ndarray
    age_days_P: np.ndarray
    """float64, from the purchase to `as_of`."""
    received_at_P: np.ndarray
    """datetime64[us], UTC: the first receipt of the purchase."""

    @classmethod
    def of(cls, purchases: pd.DataFrame, as_of: datetime) -> "History":
        """Number the purchases of a feature reader.

        Columns customer_id, campaign_id (text or categories), occurred_at, received_at (UTC).
        """
        key = ["occurred_at", "customer_id", "campaign_id"]
        rows = purchases[[*key, "received_at"]].sort_values([*key, "received_at"], kind="stable")
        rows = rows.drop_duplicates(key)
        customer_P, customer_ids = pd.factorize(rows["customer_id"], sort=True)
        campaign_P, campaign_ids = pd.factorize(rows["campaign_id"], sort=True)
        order_P = _numbered(customer_P, rows["occurred_at"].to_numpy("datetime64[us]"))
        age_P = pd.Timestamp(as_of) - rows["occurred_at"]
        return cls(
            as_of,
            np.asarray(customer_ids, dtype=object),
            np.asarray(campaign_ids, dtype=object),
            customer_P,
            campaign_P,
            order_P,
            age_P.dt.total_seconds().to_numpy() / DAY_S,
            rows["received_at"].to_numpy("datetime64[us]"),
        )

    def before(self, as_of: datetime) -> "History":
        """Return what had been received before an earlier instant; the codes stay the same."""
        is_known_P = self.received_at_P < np.datetime64(as_of.replace(tzinfo=None), "us")
        later_days = (self.as_of - as_of).total_seconds() / DAY_S
        known = self.where(is_known_P)
        return replace(known, as_of=as_of, age_days_P=known.age_days_P - later_days)

    def where(self, kept_P: np.ndarray) -> "History":
        """Return some purchases, by a mask or by ascending places; the codes stay the same."""
        return replace(
            self,
            customer_P=self.customer_P[kept_P],
            campaign_P=self.campaign_P[kept_P],
            order_P=self.order_P[kept_P],
            age_days_P=self.age_days_P[kept_P],
            received_at_P=self.received_at_P[kept_P],
        )

    def order_places(self) -> tuple[np.ndarray, np.ndarray]:
        """Return of each purchase how many orders its customer made since, and made at all.

        int64 `[P]` both; a customer's last order has 0 since.
        """
        order_O, first_O, of_P = np.unique(self.order_P, return_index=True, return_inverse=True)
        age_O, customer_O = self.age_days_P[first_O], self.customer_P[first_O]
        newest_first = np.lexsort((age_O, customer_O))
        sorted_O = customer_O[newest_first]
        start_O = np.searchsorted(sorted_O, sorted_O)
        since_O = np.empty(len(order_O), dtype=np.int64)
        since_O[newest_first] = np.arange(len(order_O)) - start_O
        count_U = np.bincount(customer_O, minlength=len(self.customer_ids))
        return since_O[of_P], count_U[self.customer_P]

    def following_orders(self) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs of orders, int64: one, and the same customer's next one."""
        order_O, first_O = np.unique(self.order_P, return_index=True)
        by_customer = np.lexsort((-self.age_days_P[first_O], self.customer_P[first_O]))
        order_O, customer_O = order_O[by_customer], self.customer_P[first_O][by_customer]
        is_followed = customer_O[:-1] == customer_O[1:]
        return order_O[:-1][is_followed], order_O[1:][is_followed]

    def by_customer(self, weight_P: np.ndarray) -> sp.csr_matrix:
        """Add up a weight per purchase: float64 `[U, C]`."""
        shape = (len(self.customer_ids), len(self.campaign_ids))
        return sp.csr_matrix((weight_P, (self.customer_P, self.campaign_P)), shape)

    def by_order(self) -> sp.csr_matrix:
        """Return which order held which campaign: float64 ones `[O, C]`."""
        shape = (int(self.order_P.max(initial=-1)) + 1, len(self.campaign_ids))
        ones = np.ones(len(self.order_P))
        return sp.csr_matrix((ones, (self.order_P, self.campaign_P)), shape)

    def faded(self, half_life_days: float) -> np.ndarray:
        """Return a weight per purchase that halves with every so many days of age."""
        weight_P: np.ndarray = 0.5 ** (np.maximum(self.age_days_P, 0) / half_life_days)
        return weight_P

    def buyers(self, days: float) -> np.ndarray:
        """Return how many customers bought each campaign in the last days: float64 `[C]`."""
        is_recent_P = self.age_days_P <= days
        pairs = np.stack([self.customer_P[is_recent_P], self.campaign_P[is_recent_P]])
        _, campaigns = np.unique(pairs, axis=1)
        counts: np.ndarray = np.bincount(campaigns, minlength=len(self.campaign_ids))
        return counts.astype(np.float64)

    def basket_size(self) -> float:
        """Return how many campaigns an order holds on average, at least 1."""
        return len(self.order_P) / max(len(np.unique(self.order_P)), 1) or 1.0

    def located(self, candidates: Candidates) -> tuple[np.ndarray, np.ndarray]:
        """Return `customer_L, campaign_C`: codes of lists and candidates, -1 for the unknown."""
        return (
            pd.Index(self.customer_ids).get_indexer(candidates.lists["customer_id"]),
            pd.Index(self.campaign_ids).get_indexer(candidates.campaigns["campaign_id"]),
        )


def _numbered(customer_P: np.ndarray, instant_P: np.ndarray) -> np.ndarray:
    """Number the distinct (customer, instant) from 0 in their order."""
    by_order = np.lexsort((instant_P, customer_P))
    is_new_P = np.zeros(len(by_order), dtype=bool)
    is_new_P[1:] = (np.diff(customer_P[by_order]) != 0) | (
        np.diff(instant_P[by_order]) != np.timedelta64(0)
    )
    order_P = np.empty(len(by_order), dtype=np.int64)
    order_P[by_order] = np.cumsum(is_new_P)
    return order_P

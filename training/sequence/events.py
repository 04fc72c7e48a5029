"""Customers' purchases and views in time, cut into the steps that a recurrent network reads.

At step s of a customer the network is given article s - 1, when that was, and when the next order
is; it is asked for article s, but only where s begins an order: all that an order holds is bought
at once, so in which sequence is unknown, and what follows the first article is not asked for.

    events      view a | order {b, c} | order {d} | (as of)
    steps       start    a      b   c     d
    asked for   -        b or c -   d     the state of the customer

Shape legend: E events, U customers, B customers of a batch, S steps, Q questions (a customer and
the event that answers), F features of time.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from training.peers.history import DAY_S, History

YEAR_DAYS = 365.25
TIMES = 6
"""Features of time, F."""


@dataclass(frozen=True)
class Events:
    """What customers did before `as_of`, sorted by customer and time, views before purchases."""

    as_of: datetime
    customer_E: np.ndarray
    """int64, from 0 without gaps in `customers`."""
    campaign_E: np.ndarray
    age_days_E: np.ndarray
    """float64, from the event to `as_of`."""
    is_purchase_E: np.ndarray
    customers: int

    @classmethod
    def of(
        cls,
        as_of: datetime,
        customer_E: np.ndarray,
        campaign_E: np.ndarray,
        age_days_E: np.ndarray,
        is_purchase_E: np.ndarray,
        customers: int,
    ) -> "Events":
        """Sort events in time; those of one instant by campaign."""
        order = np.lexsort((campaign_E, is_purchase_E, -age_days_E, customer_E))
        return cls(
            as_of,
            customer_E[order],
            campaign_E[order],
            age_days_E[order],
            is_purchase_E[order],
            customers,
        )

    @property
    def begins_E(self) -> np.ndarray:
        """Whether an event is the first of its order (or of the views of one instant)."""
        begins_E = np.ones(len(self.customer_E), dtype=bool)
        begins_E[1:] = (
            (np.diff(self.customer_E) != 0)
            | (np.diff(self.age_days_E) != 0)
            | (np.diff(self.is_purchase_E.astype(np.int8)) != 0)
        )
        return begins_E

    def shuffled(self, generator: np.random.Generator) -> "Events":
        """Draw anew in which sequence the articles of each order are read."""
        basket_E = np.cumsum(self.begins_E)
        order = np.lexsort((generator.random(len(basket_E)), basket_E))
        return replace(self, campaign_E=self.campaign_E[order])

    def spans(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `start_U, end_U`: where each customer's last `length` events stand."""
        end_U = np.cumsum(np.bincount(self.customer_E, minlength=self.customers))
        first_U = np.append(0, end_U[:-1])
        return np.maximum(first_U, end_U - length), end_U

    def asked(self, length: int) -> np.ndarray:
        """Return `event_Q`: every first article of an order that has a step of its own.

        Where a customer's oldest events are cut off, the first one left has no step before it.
        """
        start_U, end_U = self.spans(length)
        first_U = np.append(0, end_U[:-1])
        step_E = np.arange(len(self.customer_E)) - start_U[self.customer_E]
        has_step_E = (step_E > 0) | ((step_E == 0) & (start_U == first_U)[self.customer_E])
        event_Q: np.ndarray = np.flatnonzero(self.begins_E & self.is_purchase_E & has_step_E)
        return event_Q


@dataclass(frozen=True)
class Steps:
    """A batch of customers as the network reads them, padded behind their last step."""

    campaign_BS: np.ndarray
    """int64: the article before each step, -1 before the first and for padding."""
    time_BSF: np.ndarray
    """float32."""

    @classmethod
    def of(cls, events: Events, start_B: np.ndarray, end_B: np.ndarray) -> "Steps":
        """Lay out the events `start .. end - 1` of B customers; the last step asks at `as_of`."""
        count_B = end_B - start_B
        step_S = np.arange(int(count_B.max(initial=0)) + 1)
        has_before_BS = (step_S >= 1) & (step_S <= count_B[:, None])
        has_next_BS = step_S < count_B[:, None]
        next_BS = start_B[:, None] + step_S
        age_E, last = np.append(events.age_days_E, 0.0), len(events.age_days_E)
        next_age_BS = np.where(has_next_BS, age_E[np.minimum(next_BS, last)], 0.0)
        age_BS = np.where(has_before_BS, age_E[np.clip(next_BS - 1, 0, last)], next_age_BS)
        has_two_BS = has_before_BS & (step_S >= 2)
        before_BS = np.where(has_two_BS, age_E[np.clip(next_BS - 2, 0, last)], age_BS)
        campaign_E = np.append(events.campaign_E, -1)
        bought_E = np.append(events.is_purchase_E, False)
        place_BS = np.where(has_before_BS, next_BS - 1, last)
        season_BS = _season(events.as_of, next_age_BS)
        time_BSF = np.stack(
            [
                np.log1p(np.maximum(age_BS - next_age_BS, 0)),
                np.log1p(np.maximum(before_BS - age_BS, 0)),
                np.sin(season_BS),
                np.cos(season_BS),
                has_before_BS,
                bought_E[place_BS],
            ],
            axis=2,
        )
        return cls(campaign_E[place_BS], time_BSF.astype(np.float32))

    def renumbered(self, needed_N: np.ndarray) -> "Steps":
        """Return the steps with campaigns as positions in `needed_N`, which is sorted."""
        place_BS = np.searchsorted(needed_N, self.campaign_BS)
        return Steps(np.where(self.campaign_BS < 0, -1, place_BS), self.time_BSF)


def _season(as_of: datetime, age_days: np.ndarray) -> np.ndarray:
    """Return the angle of the time of the year."""
    epoch_days = as_of.timestamp() / DAY_S
    angle: np.ndarray = 2 * np.pi * (epoch_days - age_days) / YEAR_DAYS
    return angle


@dataclass(frozen=True)
class Activity:
    """Events and whose they are: codes are positions in the ids."""

    customer_ids: np.ndarray
    campaign_ids: np.ndarray
    events: Events

    @classmethod
    def of(cls, history: History, views: pd.DataFrame | None = None) -> "Activity":
        """Put a history and the views that were known at its instant together.

        Whoever only looked, and what was only looked at, is appended to the ids of the history.

        Parameters
        ----------
        views
            As `views.read` returns them: customer_id, campaign_id, occurred_at, available_at.
        """
        if views is None:
            views = pd.DataFrame(columns=["customer_id", "campaign_id", "occurred_at"])
        else:
            views = views[views["available_at"] <= pd.Timestamp(history.as_of)]
        customer_V, customer_ids = _coded(views["customer_id"], history.customer_ids)
        campaign_V, campaign_ids = _coded(views["campaign_id"], history.campaign_ids)
        seen_at = pd.to_datetime(views["occurred_at"], utc=True)
        age_V = (pd.Timestamp(history.as_of) - seen_at).dt.total_seconds().to_numpy() / DAY_S
        is_purchase_E = np.arange(len(history.customer_P) + len(views)) < len(history.customer_P)
        events = Events.of(
            history.as_of,
            np.concatenate([history.customer_P, customer_V]),
            np.concatenate([history.campaign_P, campaign_V]),
            np.concatenate([history.age_days_P, age_V]),
            is_purchase_E,
            len(customer_ids),
        )
        return cls(customer_ids, campaign_ids, events)


def _coded(values: pd.Series, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of each value in the ids, and the ids with the new ones behind them."""
    new = np.setdiff1d(values.to_numpy(dtype=object), ids)
    every = np.concatenate([ids, new])
    code_V: np.ndarray = pd.Index(every).get_indexer(values)
    return code_V.astype(np.int64), every

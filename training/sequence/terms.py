"""What stands beside the dot product: popularity, and what the customer bought already.

Shape legend: E events, P purchases, D days, Q questions (a customer at a time), C campaigns, K some
of them, T terms, R pairs, N pairs of a question and a purchase before it.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.peers.recent_sales import recent_sales
from training.ranker.candidates import ranges
from training.sequence.events import Events

TERMS = 3
"""Recent purchases of anybody; the customer's own, fading; all of the customer's own; each as
log(1 + x)."""
POPULAR_DAYS = 14
HALF_LIFE_DAYS = 60.0


@dataclass(frozen=True)
class Questions:
    """Which campaign comes next for a customer who did the events `start .. end - 1`."""

    start_Q: np.ndarray
    end_Q: np.ndarray
    age_days_Q: np.ndarray
    """When it is asked, before `as_of` of the events; 0 for now."""


class Terms:
    """The terms of any question, from what came before it alone."""

    def __init__(self, events: Events, campaigns: int) -> None:
        self.events, self.campaigns = events, campaigns
        is_bought_E = events.is_purchase_E
        age_days_P, campaign_P = events.age_days_E[is_bought_E], events.campaign_E[is_bought_E]
        self.popular_DC = recent_sales(age_days_P, campaign_P, campaigns, POPULAR_DAYS)

    def matrix(self, asked: Questions, campaign_K: np.ndarray) -> np.ndarray:
        """Return float32 `term_QKT` of all questions and some campaigns."""
        parts = [self._popular(asked), *self._own(asked)]
        term_QKT: np.ndarray = np.stack([part[:, campaign_K].toarray() for part in parts], axis=2)
        return np.log1p(term_QKT, out=term_QKT)

    def pairs(self, asked: Questions, question_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
        """Return float32 `term_RT` of some pairs; campaign -1 was never sold."""
        is_sold_R = campaign_R >= 0
        place_R = (question_R[is_sold_R], campaign_R[is_sold_R])
        term_RT = np.zeros((len(question_R), TERMS), dtype=np.float32)
        for term, part in enumerate([self._popular(asked), *self._own(asked)]):
            if len(place_R[0]):
                term_RT[is_sold_R, term] = np.log1p(np.asarray(part[place_R])[0])
        return term_RT

    def _popular(self, asked: Questions) -> sp.csr_matrix:
        # Whole days alone: of the question's own day a part is its future.
        day_Q = np.where(asked.age_days_Q <= 0, 0, np.floor(asked.age_days_Q) + 1)
        last = self.popular_DC.shape[0] - 1  # nothing was sold on that day or before it
        return self.popular_DC[np.minimum(day_Q, last).astype(np.int64)]

    def _own(self, asked: Questions) -> tuple[sp.csr_matrix, sp.csr_matrix]:
        count_Q = asked.end_Q - asked.start_Q
        event_N = ranges(asked.start_Q, count_Q)
        question_N = np.repeat(np.arange(len(count_Q)), count_Q)
        is_bought_N = self.events.is_purchase_E[event_N]
        event_N, question_N = event_N[is_bought_N], question_N[is_bought_N]
        past_N = np.maximum(self.events.age_days_E[event_N] - asked.age_days_Q[question_N], 0)
        place_N = (question_N, self.events.campaign_E[event_N])
        shape = (len(count_Q), self.campaigns)
        faded_N = (0.5 ** (past_N / HALF_LIFE_DAYS)).astype(np.float32)
        ones_N = np.ones(len(event_N), dtype=np.float32)
        return sp.csr_matrix((faded_N, place_N), shape), sp.csr_matrix((ones_N, place_N), shape)

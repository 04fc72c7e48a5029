"""From a model's numbers to a scorer of candidates.

Shape legend: R pairs of a list and a campaign, U customers and C campaigns of the history, K
candidate campaigns, D factors; N customers asked for at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.peers.history import History
from training.ranker.candidates import Candidates
from training.ranker.ranking import ScoreChunk

PRIOR_DAYS = 14
PAIRS_AT_ONCE = 100_000
Added = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Terms:
    """What is added to a model's scores, which are of the size of probabilities.

    `own` weighs log(1 + what the customer bought of the campaign, each purchase fading by half in
    so many days): models without a diagonal, such as EASE, cannot say that it will be bought again.
    `prior` weighs popularity, from 0 to 1. The smallest prior decides between equal scores alone.
    """

    own: float = 0.0
    own_half_life_days: float = 120.0
    prior: float = 1e-3

    def prepared(self, history: History, candidates: Candidates) -> Added:
        """Return a function from codes of customers and positions of campaigns to `added_R`."""
        _, campaign_K = history.located(candidates)
        popular_C = history.buyers(PRIOR_DAYS)
        popular_C = np.append(popular_C / max(popular_C.max(initial=0), 1.0), 0.0)
        own_UC = history.by_customer(history.faded(self.own_half_life_days)).log1p()

        def added(customer_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            place_R = campaign_K[campaign_R]  # -1, the last column, is what was never sold
            added_R: np.ndarray = self.prior * popular_C[place_R]
            known_N = np.flatnonzero((customer_R >= 0) & (place_R >= 0))
            if len(known_N):
                own_N = np.asarray(own_UC[customer_R[known_N], place_R[known_N]]).ravel()
                added_R[known_N] += self.own * own_N
            return added_R

        return added


@dataclass(frozen=True)
class MatrixScorer:
    """Scores of known customers for known campaigns, of the size of probabilities, and the terms.

    0 says nothing: so the terms alone rank for a customer without history, and for campaigns that
    the model has nothing to say about.
    """

    history: History
    rows: Callable[[np.ndarray], np.ndarray]
    """From customers' codes `[N]` to their scores of all campaigns of the history `[N, C]`."""
    terms: Terms = Terms()

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Locate campaigns and count their buyers once."""
        customer_L, campaign_K = self.history.located(candidates)
        added = self.terms.prepared(self.history, candidates)

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            customers = customer_L[chunk.lists.index.to_numpy()]
            known, row_L = np.unique(customers, return_inverse=True)
            scores = np.zeros((len(known), len(self.history.campaign_ids) + 1))
            is_known = known >= 0
            if is_known.any():
                scores[is_known, :-1] = self.rows(known[is_known])
            score_R: np.ndarray = scores[row_L[list_R], campaign_K[campaign_R]]
            return score_R + added(customers[list_R], campaign_R)

        return score


@dataclass(frozen=True)
class FactorScorer:
    """A link of dot products, also for campaigns that were never sold; and the terms."""

    history: History
    customer_UD: np.ndarray
    campaigns: Callable[[pd.DataFrame], np.ndarray]
    """From (campaign_id, as_of) to their factors `[K, D]`."""
    link: Callable[[np.ndarray], np.ndarray]
    """From dot products to scores of the size of probabilities, each for itself."""
    terms: Terms = Terms()

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Embed the campaigns once."""
        customer_L, _ = self.history.located(candidates)
        campaign_KD = self.campaigns(candidates.campaigns)
        added = self.terms.prepared(self.history, candidates)

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            customer_R = customer_L[chunk.lists.index.to_numpy()][list_R]
            score_R = added(customer_R, campaign_R)
            known_N = np.flatnonzero(customer_R >= 0)
            for first in range(0, len(known_N), PAIRS_AT_ONCE):
                rows = known_N[first : first + PAIRS_AT_ONCE]
                pairs = self.customer_UD[customer_R[rows]], campaign_KD[campaign_R[rows]]
                score_R[rows] += self.link(np.einsum("nd,nd->n", *pairs))
            return score_R

        return score

"""From a matrix of scores to a scorer of candidates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.peers.history import History
from training.ranker.candidates import Candidates
from training.ranker.ranking import ScoreChunk

PRIOR_DAYS = 14
PRIOR_WEIGHT = 1e-3


@dataclass(frozen=True)
class MatrixScorer:
    """Scores of known customers for known campaigns, and the popular beneath them.

    A list's scores are divided by their largest, and popularity is added with a weight so small
    that it decides between equal ones alone: so for a customer without history, and for campaigns
    that the model has nothing to say about.
    """

    history: History
    rows: Callable[[np.ndarray], np.ndarray]
    """From customers' codes `[N]` to their scores of all campaigns of the history `[N, C]`."""

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Locate campaigns and count their buyers once."""
        customer_L, campaign_C = self.history.located(candidates)
        popular = self.history.buyers(PRIOR_DAYS)
        popular = np.append(popular / (1 + popular.max(initial=0)), 0.0)

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            customers = customer_L[chunk.lists.index.to_numpy()]
            known, row_L = np.unique(customers, return_inverse=True)
            scores = np.zeros((len(known), len(popular)))
            is_known = known >= 0
            if is_known.any():
                found = self.rows(known[is_known])
                largest = np.abs(found).max(axis=1, keepdims=True, initial=1e-12)
                scores[is_known, :-1] = found / largest
            place_R = campaign_C[campaign_R]  # -1, the last column, is what was never sold
            score_R: np.ndarray = scores[row_L[list_R], place_R] + PRIOR_WEIGHT * popular[place_R]
            return score_R

        return score

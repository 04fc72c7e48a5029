"""Several models' opinions as one: their scores, standardised within each list, added up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.ranker.ranking import PairModel, ScorePairs


@dataclass(frozen=True)
class Blend:
    """Models over the same features; each weighs the same."""

    members: Sequence[PairModel]

    def over(self, customers: pd.DataFrame, campaigns: pd.DataFrame) -> ScorePairs:
        """Let every member compute what all pairs share."""
        each = [member.over(customers, campaigns) for member in self.members]

        def score(list_R: np.ndarray, campaign_R: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
            scores = (one(list_R, campaign_R, pairs) for one in each)
            return np.sum([standardised(score_R, list_R) for score_R in scores], axis=0)

        return score


def standardised(score_R: np.ndarray, list_R: np.ndarray) -> np.ndarray:
    """Return scores with mean 0 and deviation 1 in each list; a list of equal ones is all 0."""
    _, row_R, count_L = np.unique(list_R, return_inverse=True, return_counts=True)
    centred_R = score_R - (np.bincount(row_R, score_R) / count_L)[row_R]
    deviation_L = np.sqrt(np.bincount(row_R, centred_R**2) / count_L)
    found: np.ndarray = centred_R / np.maximum(deviation_L, 1e-12)[row_R]
    return found

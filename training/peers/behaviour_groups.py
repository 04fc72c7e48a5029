"""Models per behaviour group: who follows bestsellers, buys in one sector, discounts, a season.

For each group the best of some simple models is chosen by its precision on the last week before the
cut-off. A customer of several groups is served by the group whose model was the most precise, one
of none by the model that was best for all.

Shape legend: M models, L lists, G groups, R pairs of a list and a campaign.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.evaluation.backtest import WEEK, Week
from training.evaluation.metrics import precision
from training.peers.history import History
from training.ranker.candidates import Candidates
from training.ranker.features import FeatureReader
from training.ranker.ranking import ScoreChunk, Scorer
from vitrine.interval import Interval

FEWEST_LISTS = 10
"""Of fewer lists a group's precision is chance: its customers are treated as of no group."""


@dataclass(frozen=True)
class Choice:
    """Which model serves whom; positions of models, -1 for a group that has too few lists."""

    overall: int
    model_G: np.ndarray
    precision_G: np.ndarray
    """float64; of each group's model on the group's lists."""

    @classmethod
    def of(cls, precision_ML: np.ndarray, is_in_LG: np.ndarray, fewest: int) -> "Choice":
        """Choose by mean precision; the first of equals."""
        count_G = is_in_LG.sum(axis=0)
        mean_MG = precision_ML @ is_in_LG / np.maximum(count_G, 1)
        return cls(
            int(precision_ML.mean(axis=1).argmax()),
            np.where(count_G >= fewest, mean_MG.argmax(axis=0), -1),
            np.where(count_G >= fewest, mean_MG.max(axis=0), -1.0),
        )

    def models(self, is_in_LG: np.ndarray) -> np.ndarray:
        """Return `model_L`: the model of the most precise group of each list, int64."""
        precision_LG = np.where(is_in_LG, self.precision_G, -1.0)
        group_L = precision_LG.argmax(axis=1)
        is_grouped_L = precision_LG.max(axis=1) >= 0
        return np.where(is_grouped_L, self.model_G[group_L], self.overall)


@dataclass(frozen=True)
class BehaviourGroups:
    """Chooses between models, each a function from what was known to a scorer."""

    models: Mapping[str, Callable[[History], Scorer]]
    fewest_lists: int = FEWEST_LISTS

    def fit(self, reader: FeatureReader, history: History) -> "GroupScorer":
        """Judge each model on the last week by what came before it, then fit the chosen on all.

        Raises
        ------
        BadInputError
            If nobody known bought anything in the last week.
        """
        week = Week.of(reader, Interval(history.as_of - WEEK, history.as_of))
        before = history.before(week.interval.start)
        precision_ML = np.stack([_precision(week, fit(before)) for fit in self.models.values()])
        is_in_LG = groups(reader, week.candidates.lists)
        choice = Choice.of(precision_ML, is_in_LG.to_numpy(), self.fewest_lists)
        fits = list(self.models.values())
        used = sorted({choice.overall, *choice.model_G[choice.model_G >= 0].tolist()})
        return GroupScorer(reader, choice, {number: fits[number](history) for number in used})


@dataclass(frozen=True)
class GroupScorer:
    """Serves each list with the model of its customer's group at the list's instant."""

    reader: FeatureReader
    choice: Choice
    scorers: Mapping[int, Scorer]

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Place the customers in groups once, and prepare each model that serves any of them."""
        model_L = self.choice.models(groups(self.reader, candidates.lists).to_numpy())
        prepared = {
            number: self.scorers[number].prepared(candidates)
            for number in np.unique(model_L).tolist()
        }

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            model_R = model_L[chunk.lists.index.to_numpy()][list_R]
            score_R = np.zeros(len(list_R))
            # Pairs are scored by every model that the chunk needs: chunks hold whole lists.
            for number in np.unique(model_R).tolist():
                found_R = prepared[number](chunk, list_R, campaign_R)
                score_R[model_R == number] = found_R[model_R == number]
            return score_R

        return score


def groups(reader: FeatureReader, lists: pd.DataFrame) -> pd.DataFrame:
    """Return which groups each list's customer is in at its instant: a boolean column a group."""
    return reader.customer_kinds(lists).drop(columns="segment").astype(bool)


def _precision(week: Week, scorer: Scorer) -> np.ndarray:
    ranks = week.judge(scorer).ranks
    return precision(ranks.hits(), ranks.relevant())

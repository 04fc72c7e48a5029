"""The dynamic LSTM: a customer's state after all orders so far, against the articles' vectors.

Heinz, Bracher and Vollgraf (2017), An LSTM-based dynamic customer model for fashion recommendation.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from training.peers.articles import ArticleSource, at_instant
from training.peers.history import History
from training.ranker.candidates import Candidates
from training.ranker.ranking import ScoreChunk
from training.sequence.encoder import Reading, SequenceEncoder
from training.sequence.events import Activity
from training.sequence.fitting import SequenceConfig


@dataclass(frozen=True)
class DynamicLstm:
    """Learns from purchases and views, and from what the articles are called and cost."""

    config: SequenceConfig = field(default_factory=lambda: SequenceConfig(epochs=12))
    seed: int = 1

    def fit(
        self, history: History, articles: ArticleSource, views: pd.DataFrame | None = None
    ) -> "DynamicLstmScorer":
        """Fit the network, and take up the activity that it was fitted to.

        `views` are those of `training.sequence.views.read`, where a shop has any.
        """
        activity = Activity.of(history, views)
        described = articles(at_instant(activity.campaign_ids, history.as_of))
        encoder = SequenceEncoder.fit(activity, described, self.config, self.seed)
        return DynamicLstmScorer(encoder.read(activity, described), articles)


@dataclass(frozen=True)
class DynamicLstmScorer:
    """States as of the fit, for campaigns as they are described at each list's instant."""

    reading: Reading
    articles: ArticleSource

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Compute the vectors of all candidates and the states of all customers once."""
        campaign_ids = candidates.campaigns["campaign_id"].to_numpy(object)
        vector_CD = self.reading.encoder.campaigns(
            campaign_ids, self.articles(candidates.campaigns)
        )
        customer_L, found = pd.factorize(candidates.lists["customer_id"])
        customer_ids = np.asarray(found, dtype=object)
        state_UD = self.reading.states(customer_ids)

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            chosen, row_L = np.unique(customer_L[chunk.lists.index], return_inverse=True)
            return self.reading.scores(
                customer_ids[chosen],
                state_UD[chosen],
                campaign_ids,
                vector_CD,
                row_L[list_R],
                campaign_R,
            )

        return score

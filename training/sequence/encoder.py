"""A fitted sequence network beside the ids it knows: what customers want at any later instant.

Its weights know what had been received before the instant of its fit; a state knows what the
activity that it is computed from knows. So a state as of t is exact, however old the weights.

Shape legend: C campaigns, L customers, D width, R pairs.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from training.peers.articles import Articles
from training.peers.history import DAY_S
from training.sequence.events import Activity, Steps
from training.sequence.fitting import SequenceConfig, fit, one_thread
from training.sequence.network import ArticleInputs, NextOrder
from training.sequence.terms import Questions, Terms

BLOCK = 512
"""Customers read at once: their steps take some 100 MB."""


@dataclass(frozen=True)
class SequenceEncoder:
    """Turns activity into states of customers, and descriptions into vectors of campaigns."""

    campaign_ids: np.ndarray
    """Campaigns with a vector of their own; those that came later have their words alone."""
    config: SequenceConfig
    network: NextOrder

    @classmethod
    def fit(
        cls, activity: Activity, articles: Articles, config: SequenceConfig, seed: int
    ) -> "SequenceEncoder":
        """Learn from activity; `articles` describes its campaigns, in the order of their ids.

        Raises
        ------
        BadInputError
            If nothing was bought.
        DegenerateModelError
            If the loss is not finite.
        """
        events = activity.events
        bought = np.unique(events.campaign_E[events.is_purchase_E])
        campaign_ids = activity.campaign_ids[bought]
        inputs = _inputs(campaign_ids, activity.campaign_ids, articles, config)
        inputs = replace(inputs, sold_days_C2=_sold_days(articles, events.as_of))
        return cls(campaign_ids, config, fit(events, inputs, config, seed))

    @torch.inference_mode()
    def campaigns(self, campaign_ids: np.ndarray, articles: Articles) -> np.ndarray:
        """Return float32 `vector_CD` of any campaigns, unknown ones included."""
        inputs = _inputs(self.campaign_ids, campaign_ids, articles, self.config)
        vector_CD: np.ndarray = self.network.campaigns(inputs).numpy()
        return vector_CD

    def read(self, activity: Activity, articles: Articles) -> "Reading":
        """Take up what was known at an instant; `articles` describes its campaigns in order."""
        return Reading(self, activity, self.campaigns(activity.campaign_ids, articles))


@dataclass(frozen=True)
class Reading:
    """An encoder at an instant: the activity until then, and the vectors of its campaigns."""

    encoder: SequenceEncoder
    activity: Activity
    vector_CD: np.ndarray

    @cached_property
    def terms(self) -> Terms:
        """Popularity and own purchases as of the instant."""
        return Terms(self.activity.events, len(self.vector_CD))

    @torch.inference_mode()
    def states(self, customer_ids: np.ndarray) -> np.ndarray:
        """Return float32 `state_LD`: what each customer's next order may begin with.

        A customer without any activity has the state of all who come for the first time.
        """
        start_L, end_L = self._spans(customer_ids, self.encoder.config.length)
        network, vectors = self.encoder.network, torch.from_numpy(self.vector_CD)
        state_LD = np.zeros((len(start_L), self.encoder.config.width), dtype=np.float32)
        # Customers of like lengths together: whoever is shorter is padded.
        by_length = np.argsort(end_L - start_L, kind="stable")
        with one_thread():
            for first in range(0, len(by_length), BLOCK):
                rows = by_length[first : first + BLOCK]
                steps = Steps.of(self.activity.events, start_L[rows], end_L[rows])
                last = torch.from_numpy(end_L[rows] - start_L[rows])
                state_BSD = network.states(steps, vectors)
                state_LD[rows] = state_BSD[torch.arange(len(rows)), last].numpy()
        return state_LD

    def scores(
        self,
        customer_ids: np.ndarray,
        state_LD: np.ndarray,
        campaign_ids: np.ndarray,
        vector_CD: np.ndarray,
        list_R: np.ndarray,
        campaign_R: np.ndarray,
    ) -> np.ndarray:
        """Return float32 `score_R`: state times vector, popularity and the own purchases.

        `list_R` and `campaign_R` are positions in the ids, whose states and vectors are given.
        """
        start_L, end_L = self._spans(customer_ids, len(self.activity.events.customer_E))
        asked = Questions(start_L, end_L, np.zeros(len(start_L)))
        sold_C = pd.Index(self.activity.campaign_ids).get_indexer(campaign_ids)
        term_RT = self.terms.pairs(asked, list_R, sold_C[campaign_R])
        weight_T = self.encoder.network.weight_T.detach().numpy()
        score_R: np.ndarray = products(state_LD, vector_CD, list_R, campaign_R) + term_RT @ weight_T
        return score_R

    def _spans(self, customer_ids: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where each customer's last events stand; an unknown one has none."""
        start_U, end_U = self.activity.events.spans(length)
        code_L = pd.Index(self.activity.customer_ids).get_indexer(customer_ids)
        # The last element, for code -1, is an empty span.
        return np.append(start_U, 0)[code_L], np.append(end_U, 0)[code_L]


def products(
    state_LD: np.ndarray, vector_CD: np.ndarray, list_R: np.ndarray, campaign_R: np.ndarray
) -> np.ndarray:
    """Return float32 `product_R`: how well a campaign's vector suits a customer's state."""
    product_R: np.ndarray = np.einsum("rd,rd->r", state_LD[list_R], vector_CD[campaign_R])
    return product_R


def _inputs(
    known_ids: np.ndarray, campaign_ids: np.ndarray, articles: Articles, config: SequenceConfig
) -> ArticleInputs:
    price_C = np.log(np.where(articles.price_C > 0, articles.price_C, 1.0))
    return ArticleInputs(
        pd.Index(known_ids).get_indexer(campaign_ids).astype(np.int64) + 1,
        articles.words(config.buckets),
        np.nan_to_num(price_C).astype(np.float32),
        np.tile([np.inf, -np.inf], (len(campaign_ids), 1)),
    )


def _sold_days(articles: Articles, as_of: datetime) -> np.ndarray:
    """Return float64 `[C, 2]`: opening and end in days before an instant, infinite if unknown."""
    filled = []
    for at_C, always in ((articles.opens_at_C, np.inf), (articles.closes_at_C, -np.inf)):
        known_C = [None] * len(articles.text_C) if at_C is None else at_C
        before_C = pd.Timestamp(as_of) - pd.to_datetime(pd.Series(known_C), utc=True)
        filled.append((before_C.dt.total_seconds() / DAY_S).fillna(always).to_numpy())
    return np.stack(filled, axis=1)

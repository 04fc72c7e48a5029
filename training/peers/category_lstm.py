"""The category LSTM: which kinds of article come next, and of those the popular ones.

The network of the dynamic LSTM reads categories instead of articles; the campaigns of each
customer's most likely categories are ranked first, and by popularity both among themselves and
after them.

Shape legend: C campaigns, G categories, W hashed words, L lists, U customers, R pairs.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.cluster.vq import kmeans2
from scipy.sparse.linalg import svds

from training.peers.articles import Articles, ArticleSource, at_instant
from training.peers.history import History
from training.peers.scorers import PRIOR_DAYS
from training.ranker.candidates import Candidates
from training.ranker.ranking import ScoreChunk
from training.sequence.encoder import Reading, SequenceEncoder
from training.sequence.events import Activity, Events
from training.sequence.fitting import SequenceConfig

CLUSTERS = 25
BUCKETS = 1 << 12
FACTORS = 16


@dataclass(frozen=True)
class Categories:
    """The shop's own sectors; clusters of the articles' words where it has only one."""

    names: np.ndarray
    """Text `[G]`, sorted."""
    factor_WF: np.ndarray | None = None
    """float64: from words to the space of the clusters."""
    centre_GF: np.ndarray | None = None

    @classmethod
    def fit(cls, articles: Articles, seed: int) -> "Categories":
        """Find the categories of articles; the empty text is none."""
        names = np.unique(articles.category_C.astype(str))
        names = names[names != ""]
        if len(names) > 1:
            return cls(names)
        words_CW = articles.words(BUCKETS).astype(np.float64)
        factors, clusters = (min(most, *words_CW.shape) for most in (FACTORS + 1, CLUSTERS))
        rng = np.random.default_rng(seed)
        _, _, factor_FW = svds(words_CW, k=max(factors - 1, 1), rng=rng)
        placed_CF = words_CW @ factor_FW.T
        centre_GF, _ = kmeans2(placed_CF, clusters, minit="++", rng=rng, missing="warn")
        return cls(np.array([f"{n:03}" for n in range(clusters)]), factor_FW.T, centre_GF)

    def of(self, articles: Articles) -> np.ndarray:
        """Return int64 `category_C`, positions in the names; -1 for what has no known category."""
        if self.factor_WF is None or self.centre_GF is None:
            return pd.Index(self.names).get_indexer(articles.category_C).astype(np.int64)
        placed_CF = articles.words(BUCKETS) @ self.factor_WF
        distance_CG = ((placed_CF[:, None, :] - self.centre_GF) ** 2).sum(axis=2)
        nearest_C: np.ndarray = distance_CG.argmin(axis=1)
        return np.where(articles.text_C == "", -1, nearest_C)


@dataclass(frozen=True)
class CategoryLstm:
    """Learns from the categories of purchases alone."""

    config: SequenceConfig = field(default_factory=SequenceConfig)
    first: int = 3
    """Categories of a customer that come first."""
    seed: int = 1

    def fit(self, history: History, articles: ArticleSource) -> "CategoryLstmScorer":
        """Fit the network to categories as they were described at the history's instant."""
        described = articles(at_instant(history.campaign_ids, history.as_of))
        categories = Categories.fit(described, self.seed)
        activity = _by_category(history, categories, described)
        nothing = _nameless(len(activity.campaign_ids))
        encoder = SequenceEncoder.fit(activity, nothing, self.config, self.seed)
        reading = encoder.read(activity, nothing)
        return CategoryLstmScorer(history, categories, reading, articles, self.first)


@dataclass(frozen=True)
class CategoryLstmScorer:
    """The popular campaigns of each customer's first categories, then the popular."""

    history: History
    categories: Categories
    reading: Reading
    articles: ArticleSource
    first: int

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Choose every customer's categories once."""
        category_C = self.categories.of(self.articles(candidates.campaigns))
        customer_L, customer_ids = pd.factorize(candidates.lists["customer_id"])
        is_first_UG = self.chosen(np.asarray(customer_ids, dtype=object))
        popular_C = self._popular(candidates)

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            customer_R = customer_L[chunk.lists.index.to_numpy()[list_R]]
            # Category -1, the last column, is nobody's first.
            is_first_R = is_first_UG[customer_R, category_C[campaign_R]]
            score_R: np.ndarray = is_first_R + popular_C[campaign_R]
            return score_R

        return score

    def chosen(self, customer_ids: np.ndarray) -> np.ndarray:
        """Return bool `[U, G + 1]`: each customer's first categories; the last column is none."""
        ids, vector_GD = self.reading.activity.campaign_ids, self.reading.vector_CD
        shape = (len(customer_ids), len(ids))
        customer_R, category_R = (places.ravel() for places in np.indices(shape))
        score_R = self.reading.scores(
            customer_ids, self.reading.states(customer_ids), ids, vector_GD, customer_R, category_R
        )
        order_UG = np.argsort(-score_R.reshape(shape), axis=1, kind="stable")
        is_first_UG = np.zeros((shape[0], len(ids) + 1), dtype=bool)
        np.put_along_axis(is_first_UG, order_UG[:, : self.first], values=True, axis=1)
        return is_first_UG

    def _popular(self, candidates: Candidates) -> np.ndarray:
        """Return each candidate's recent buyers, scaled into [0, 1)."""
        buyers = self.history.buyers(PRIOR_DAYS)
        _, campaign_C = self.history.located(candidates)
        popular_C: np.ndarray = np.append(buyers / (1 + buyers.max(initial=0)), 0.0)[campaign_C]
        return popular_C


def _by_category(history: History, categories: Categories, described: Articles) -> Activity:
    """Return the purchases as activity in categories: each once an order."""
    category_P = categories.of(described)[history.campaign_P]
    rows = pd.DataFrame({"order": history.order_P, "category": category_P})
    kept = np.flatnonzero((~rows.duplicated() & (rows["category"] >= 0)).to_numpy())
    events = Events.of(
        history.as_of,
        history.customer_P[kept],
        category_P[kept],
        history.age_days_P[kept],
        np.ones(len(kept), dtype=bool),
        len(history.customer_ids),
    )
    return Activity(history.customer_ids, categories.names.astype(object), events)


def _nameless(count: int) -> Articles:
    """Return articles that nothing is known of: categories are told apart by their ids alone."""
    empty = np.array([""] * count, dtype=object)
    return Articles(empty, empty, np.full(count, np.nan))

"""What campaigns have to do with each other, learnt from the purchases before an instant.

Each model is a matrix over campaigns: its row i says what having bought campaign i makes of every
other one. Only the campaigns bought most are kept, since a dense matrix of all would not fit where
a shop has a hundred thousand.

Shape legend: U customers, O orders, K campaigns kept, D factors.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from training.peers.articles import ArticleSource, at_instant
from training.peers.history import History
from training.peers.item_weights import item_weights, rooted
from training.ranker.content import Content
from training.ranker.wording import Wording

if TYPE_CHECKING:
    from implicit.cpu.als import AlternatingLeastSquares

MOST_CAMPAIGNS = 6_000
"""Each matrix then takes at most 144 MB, and the inverse of EASE some 5 s."""
NEIGHBOURS = 100
FACTORS = 64
FADE_DAYS = 120.0
RECENT_DAYS = 42
SEED = 1
"""The factors are a feature's definition: they do not change with a run's seed."""


@dataclass(frozen=True)
class ItemModels:
    """Matrices of float32 `[K, K]` by name, a factorisation of fading purchases, words, content.

    Row and column k are of campaign `kept_K[k]` of the history, ascending.
    """

    kept_K: np.ndarray
    matrices: dict[str, np.ndarray]
    factorisation: "AlternatingLeastSquares"
    wording: Wording
    content: Content | None
    """Where the articles come with what the campaigns sell."""

    @classmethod
    def fit(cls, history: History, articles: ArticleSource) -> "ItemModels | None":
        """Fit all of them; None where nothing was bought yet."""
        kept_K = _bought_most(history)
        if not len(kept_K):
            return None
        with threadpool_limits(1, "blas"):
            matrices = dict(_matrices(history, kept_K))
            factorisation = _factorised(faded(history)[buyers(history)][:, kept_K])
        said = articles(at_instant(history.campaign_ids[kept_K], history.as_of))
        return cls(kept_K, matrices, factorisation, Wording.of(said), Content.of(said))

    def latent(self, bought_LK: sp.csr_matrix) -> np.ndarray:
        """Return the factors' product of each customer, by what they bought, and campaign.

        float32 `[L, K]`; customers need not have been there when the model was fitted.
        """
        scores: np.ndarray = self.factors(bought_LK) @ self.factorisation.item_factors.T
        return scores

    def factors(self, bought_LK: sp.csr_matrix) -> np.ndarray:
        """Return each customer's factors, by what they bought: float32 `[L, D]`."""
        rows = np.arange(bought_LK.shape[0])
        factors_LD: np.ndarray = self.factorisation.recalculate_user(
            rows, bought_LK.astype(np.float32).tocsr()
        )
        return factors_LD


def buyers(history: History) -> np.ndarray:
    """Return the codes of the customers who bought anything, ascending.

    A history that was cut knows the codes of those who came later, too: their number must not
    change what is learnt.
    """
    return np.unique(history.customer_P)


def faded(history: History) -> sp.csr_matrix:
    """Return the roots of customers' fading purchases, float64 `[U, C]`, none above √MOST."""
    return rooted(history.by_customer(np.exp(-np.maximum(history.age_days_P, 0) / FADE_DAYS)))


def _bought_most(history: History) -> np.ndarray:
    """Return the positions of the campaigns of the most purchases, ascending."""
    counts_C = np.bincount(history.campaign_P, minlength=len(history.campaign_ids))
    most = np.argsort(-counts_C, kind="stable")[:MOST_CAMPAIGNS]
    kept: np.ndarray = np.sort(most[counts_C[most] > 0])
    return kept


def _matrices(history: History, kept_K: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each matrix by the name of the feature that is computed with it."""
    bought_UK = faded(history)[buyers(history)][:, kept_K]
    binary_UK = bought_UK.astype(bool).astype(np.float64)
    orders_OK = history.by_order()[:, kept_K]
    is_recent_O = np.zeros(orders_OK.shape[0], dtype=bool)
    is_recent_O[history.order_P[history.age_days_P <= RECENT_DAYS]] = True
    yield "ease_faded", item_weights(bought_UK, 80.0)
    yield "ease_binary", item_weights(binary_UK, 150.0)
    yield "ease_basket", item_weights(orders_OK, 60.0)
    yield "neighbours", _neighbours(bought_UK)
    yield "lift", _lift(orders_OK)
    yield "lift_recent", _lift(orders_OK[is_recent_O])
    yield "next_basket", _next_baskets(history, orders_OK)


def _neighbours(bought_UK: sp.csr_matrix) -> np.ndarray:
    """Return cosines of columns weighted by BM25, of each row the largest alone, itself left out.

    The weights are those of implicit's BM25Recommender.
    """
    from implicit.nearest_neighbours import bm25_weight

    weighted = bm25_weight(bought_UK.T.tocsr(), K1=100, B=0.5).T.tocsr()
    near = (weighted.T @ weighted).toarray().astype(np.float32)
    norm_K = np.sqrt(np.maximum(np.diag(near), 1e-9))
    near /= norm_K[:, None]
    near /= norm_K[None, :]
    np.fill_diagonal(near, 0.0)
    if near.shape[0] > NEIGHBOURS:
        least_K = np.partition(near, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS]
        near[near < least_K[:, None]] = 0.0
    return near


def _lift(orders_OK: sp.csr_matrix) -> np.ndarray:
    """Return how often two are bought together, over the geometric mean of their orders.

    Five orders are added to the mean, so that a single basket makes no partners.
    """
    together = (orders_OK.T @ orders_OK).toarray().astype(np.float32)
    count_K = np.diag(together).copy()
    np.fill_diagonal(together, 0.0)
    together /= np.sqrt(np.outer(count_K, count_K)) + 5.0
    return together


def _next_baskets(history: History, orders_OK: sp.csr_matrix) -> np.ndarray:
    """Return the share of the orders with i whose customer's next order held j, itself included.

    Twenty orders are added to what i was in.
    """
    before, after = history.following_orders()
    pairs = sp.csr_matrix(
        (np.ones(len(before)), (after, before)), (orders_OK.shape[0], orders_OK.shape[0])
    )
    earlier_OK = pairs @ orders_OK
    followed = (earlier_OK.T @ orders_OK).toarray().astype(np.float32)
    count_K = np.asarray(earlier_OK.sum(axis=0)).ravel()
    followed /= (count_K + 20.0).astype(np.float32)[:, None]
    return followed


def _factorised(bought_UK: sp.csr_matrix) -> "AlternatingLeastSquares":
    """Factorise: Hu, Koren and Volinsky (2008), Collaborative filtering for implicit feedback."""
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        FACTORS, regularization=0.05, alpha=20.0, iterations=12, num_threads=1, random_state=SEED
    )
    model.fit(bought_UK.astype(np.float32), show_progress=False)
    return model

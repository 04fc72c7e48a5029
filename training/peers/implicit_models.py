"""Peers of the library implicit: nearest neighbours and two matrix factorisations.

https://github.com/benfred/implicit
"""

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from training.peers.history import History
from training.peers.scorers import MatrixScorer


@dataclass(frozen=True)
class ItemKnn:
    """Campaigns near what the customer bought, by the overlap of their buyers weighted by BM25."""

    neighbours: int = 100
    k1: float = 100.0
    b: float = 0.5
    half_life_days: float = 90.0

    def fit(self, history: History) -> MatrixScorer:
        """Find each campaign's nearest ones; it is near itself too, so repurchases count."""
        from implicit.nearest_neighbours import BM25Recommender
        from implicit.utils import ParameterWarning

        bought = history.by_customer(history.faded(self.half_life_days))
        model = BM25Recommender(K=self.neighbours, K1=self.k1, B=self.b, num_threads=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ParameterWarning)  # about its own weighted matrix
            model.fit(bought, show_progress=False)
        return MatrixScorer(history, partial(_product, bought, model.similarity))


@dataclass(frozen=True)
class Als:
    """Hu, Koren and Volinsky (2008), Collaborative filtering for implicit feedback datasets."""

    factors: int = 64
    regularisation: float = 0.05
    alpha: float = 20.0
    iterations: int = 15
    half_life_days: float = 90.0
    seed: int = 1

    def fit(self, history: History) -> MatrixScorer:
        """Factorise the faded purchases."""
        from implicit.cpu.als import AlternatingLeastSquares

        bought = history.by_customer(history.faded(self.half_life_days)).astype(np.float32)
        # implicit has threads of its own; those of the matrix library beside them cost more.
        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(
                self.factors,
                regularization=self.regularisation,
                alpha=self.alpha,
                iterations=self.iterations,
                num_threads=1,
                random_state=self.seed,
            )
            model.fit(bought, show_progress=False)
        return MatrixScorer(history, partial(_dot, model.user_factors, model.item_factors))


@dataclass(frozen=True)
class Bpr:
    """Rendle et al. (2009), BPR: Bayesian personalised ranking from implicit feedback."""

    factors: int = 64
    learning_rate: float = 0.05
    regularisation: float = 0.01
    iterations: int = 100
    seed: int = 1

    def fit(self, history: History) -> MatrixScorer:
        """Learn to put what was bought above what was not."""
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        model = BayesianPersonalizedRanking(
            self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularisation,
            iterations=self.iterations,
            num_threads=1,
            random_state=self.seed,
        )
        bought = history.by_customer(np.ones(len(history.customer_P)))
        bought.data[:] = 1.0
        model.fit(bought.astype(np.float32), show_progress=False)
        return MatrixScorer(history, partial(_dot, model.user_factors, model.item_factors))


def _product(bought: sp.csr_matrix, similarity: sp.csr_matrix, customers: np.ndarray) -> np.ndarray:
    scores: np.ndarray = (bought[customers] @ similarity).toarray()
    return scores


def _dot(customers_UD: np.ndarray, campaigns_CD: np.ndarray, customers: np.ndarray) -> np.ndarray:
    scores: np.ndarray = customers_UD[customers] @ campaigns_CD.T
    return scores

"""Peers of the library implicit: nearest neighbours and two matrix factorisations.

https://github.com/benfred/implicit
"""

import warnings
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from training.peers.history import History
from training.peers.scorers import MatrixScorer, Terms


@dataclass(frozen=True)
class ItemKnn:
    """Campaigns near what the customer bought, by the overlap of their buyers weighted by BM25.

    Campaigns are alike by who ever bought both; what a customer bought fades by half in so many
    days. A campaign is no neighbour of itself: what was bought before is a term of its own.
    """

    neighbours: int = 100
    k1: float = 1.2
    b: float = 0.75
    half_life_days: float = 90.0
    terms: Terms = field(default=Terms(own=3.0, prior=0.4))

    def fit(self, history: History) -> MatrixScorer:
        """Find each campaign's nearest ones."""
        from implicit.nearest_neighbours import BM25Recommender
        from implicit.utils import ParameterWarning

        model = BM25Recommender(K=self.neighbours + 1, K1=self.k1, B=self.b, num_threads=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ParameterWarning)  # about its own weighted matrix
            model.fit(_ever_bought(history), show_progress=False)
        similarity = model.similarity - sp.diags_array(model.similarity.diagonal())
        bought = history.by_customer(history.faded(self.half_life_days))
        bought.data = np.minimum(bought.data, 1.0)
        return MatrixScorer(history, partial(_product, bought, similarity.tocsr()), self.terms)


@dataclass(frozen=True)
class Als:
    """Hu, Koren and Volinsky (2008), Collaborative filtering for implicit feedback datasets."""

    factors: int = 64
    regularisation: float = 0.05
    alpha: float = 5.0
    iterations: int = 15
    half_life_days: float = 90.0
    terms: Terms = field(default=Terms(own=1.0, prior=0.3))
    seed: int = 1

    def fit(self, history: History) -> MatrixScorer:
        """Factorise the faded purchases: a dot product is about 1 for what was bought."""
        from implicit.cpu.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            self.factors,
            regularization=self.regularisation,
            alpha=self.alpha,
            iterations=self.iterations,
            num_threads=1,
            random_state=self.seed,
        )
        dots = _dots(model, history.by_customer(history.faded(self.half_life_days)))
        return MatrixScorer(history, dots, self.terms)


@dataclass(frozen=True)
class Bpr:
    """Rendle et al. (2009), BPR: Bayesian personalised ranking from implicit feedback."""

    factors: int = 64
    learning_rate: float = 0.05
    regularisation: float = 0.01
    iterations: int = 100
    terms: Terms = field(default=Terms(own=3.0, prior=1.0))
    seed: int = 1

    def fit(self, history: History) -> MatrixScorer:
        """Learn to put what was bought above what was not; the scale of the scores is free."""
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        model = BayesianPersonalizedRanking(
            self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularisation,
            iterations=self.iterations,
            num_threads=1,
            random_state=self.seed,
        )
        dots = _dots(model, _ever_bought(history))
        return MatrixScorer(history, lambda customers: _relative(dots(customers)), self.terms)


class _Factorisation(Protocol):
    user_factors: np.ndarray
    item_factors: np.ndarray

    def fit(self, user_items: sp.csr_matrix, show_progress: bool) -> None: ...


def _dots(model: _Factorisation, bought: sp.csr_matrix) -> partial[np.ndarray]:
    """Fit a model of implicit; return the dot products of customers with all campaigns."""
    # implicit has threads of its own; those of the matrix library beside them cost more.
    with threadpool_limits(1, "blas"):
        model.fit(bought.astype(np.float32), show_progress=False)
    return partial(_dot, model.user_factors, model.item_factors)


def _ever_bought(history: History) -> sp.csr_matrix:
    """Return float64 ones where a customer ever bought a campaign, `[U, C]`."""
    bought = history.by_customer(np.ones(len(history.customer_P)))
    bought.data[:] = 1.0
    return bought


def _product(bought: sp.csr_matrix, similarity: sp.csr_matrix, customers: np.ndarray) -> np.ndarray:
    return _relative((bought[customers] @ similarity).toarray())


def _dot(customers_UD: np.ndarray, campaigns_CD: np.ndarray, customers: np.ndarray) -> np.ndarray:
    scores: np.ndarray = customers_UD[customers] @ campaigns_CD.T
    return scores


def _relative(scores_NC: np.ndarray) -> np.ndarray:
    """Divide each customer's scores by their largest: where the scale says nothing, or too much."""
    largest_N1 = np.abs(scores_NC).max(axis=1, keepdims=True, initial=1e-12)
    relative_NC: np.ndarray = scores_NC / largest_N1
    return relative_NC

"""EASE: the item-item weights that best rebuild each customer's purchases from the others.

Steck (2019), Embarrassingly shallow autoencoders for sparse data, equation 8.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy import linalg

from training.peers.history import History
from training.peers.scorers import MatrixScorer
from vitrine.errors import BadInputError

MOST_CAMPAIGNS = 20_000
"""Its matrix is dense: 3.2 GB in float64 at this size, and its inverse takes minutes."""


@dataclass(frozen=True)
class Ease:
    """Purchases fade with age; `half_life_days` of infinity weighs all alike."""

    regularisation: float = 100.0
    half_life_days: float = 90.0

    def fit(self, history: History) -> MatrixScorer:
        """Solve for the weights.

        Raises
        ------
        BadInputError
            If the shop has too many campaigns for a dense matrix.
        """
        if len(history.campaign_ids) > MOST_CAMPAIGNS:
            raise BadInputError(
                f"EASE needs a dense matrix of {len(history.campaign_ids)} campaigns squared;"
                f" it is meant for at most {MOST_CAMPAIGNS}"
            )
        bought = history.by_customer(history.faded(self.half_life_days))
        bought.data = np.sqrt(np.minimum(bought.data, 3.0))
        weights = item_weights(bought, self.regularisation)
        return MatrixScorer(history, lambda customers: bought[customers] @ weights)


def item_weights(bought: sp.csr_matrix, regularisation: float) -> np.ndarray:
    """Return `B[C, C]` with a zero diagonal that minimises ||X - X B||² + regularisation ||B||²."""
    gram = (bought.T @ bought).toarray()
    gram[np.diag_indices_from(gram)] += regularisation
    precision = linalg.inv(gram, overwrite_a=True, check_finite=False)
    weights: np.ndarray = -precision / np.diag(precision)
    weights[np.diag_indices_from(weights)] = 0.0
    return weights

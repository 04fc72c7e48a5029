"""EASE: the item-item weights that best rebuild each customer's purchases from the others.

Steck (2019), Embarrassingly shallow autoencoders for sparse data, equation 8.
"""

from dataclasses import dataclass, field

from training.peers.history import History
from training.peers.item_weights import item_weights, rooted
from training.peers.scorers import MatrixScorer, Terms
from vitrine.errors import BadInputError

MOST_CAMPAIGNS = 20_000
"""Its matrix is dense: 3.2 GB in float64 at this size, and its inverse takes minutes."""


@dataclass(frozen=True)
class Ease:
    """Purchases fade with age; `half_life_days` of infinity weighs all alike.

    Its diagonal is zero, so what the customer bought before is a term of its own.
    """

    regularisation: float = 300.0
    half_life_days: float = 90.0
    terms: Terms = field(default=Terms(own=1.0, prior=0.1))

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
        bought = rooted(history.by_customer(history.faded(self.half_life_days)))
        weights = item_weights(bought, self.regularisation)
        return MatrixScorer(history, lambda customers: bought[customers] @ weights, self.terms)

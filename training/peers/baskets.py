"""Orders beside what their customers had bought before: examples of "what comes next".

Shape legend as in `history`: O orders, C campaigns, P purchases; D whole days before `as_of`.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.peers.history import History
from training.ranker.candidates import ranges

REACH_DAYS = 365.0


@dataclass(frozen=True)
class Baskets:
    """Every order that had one before it, oldest first.

    before_OC, basket_OC: float32; what the customer had bought before, each purchase fading with
    its age at the order, and ones for what the order held. day_O: whole days from the order to
    `as_of`, int64. customer_O: codes of the history.
    """

    before_OC: sp.csr_matrix
    basket_OC: sp.csr_matrix
    day_O: np.ndarray
    customer_O: np.ndarray

    @classmethod
    def of(cls, history: History, half_life_days: float) -> "Baskets":
        """Pair each order with the purchases of its customer in the year before it."""
        by_order = np.argsort(history.order_P, kind="stable")
        age_P, customer_P = history.age_days_P[by_order], history.customer_P[by_order]
        code_O, start_O = np.unique(history.order_P[by_order], return_index=True)
        # Orders are numbered by customer and instant, so what came before is the rows between.
        first_O = np.searchsorted(customer_P, customer_P[start_O])
        order_N = np.repeat(np.arange(len(start_O)), start_O - first_O)
        earlier_N = ranges(first_O, start_O - first_O)
        gap_N = age_P[earlier_N] - age_P[start_O][order_N]
        weight_N = np.where(gap_N <= REACH_DAYS, 0.5 ** (gap_N / half_life_days), 0.0)
        campaign_N = history.campaign_P[by_order][earlier_N]
        shape = (len(start_O), len(history.campaign_ids))
        before_OC = sp.csr_matrix((weight_N.astype(np.float32), (order_N, campaign_N)), shape)
        is_kept_O = start_O > first_O
        kept_O = np.flatnonzero(is_kept_O)[np.argsort(-age_P[start_O][is_kept_O], kind="stable")]
        return cls(
            before_OC[kept_O],
            history.by_order().astype(np.float32)[code_O[kept_O]],
            age_P[start_O][kept_O].astype(np.int64),
            customer_P[start_O][kept_O],
        )

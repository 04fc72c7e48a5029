"""What a fitted model offers: a function from pairs of feature rows to scores."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pandas as pd

ScorePairs = Callable[[np.ndarray, np.ndarray, pd.DataFrame], np.ndarray]


class PairModel(Protocol):
    """What learns from examples: a network, trees, or several of them."""

    def over(self, customers: pd.DataFrame, campaigns: pd.DataFrame) -> ScorePairs:
        """Compute what a customer or a campaign has alone; return what scores pairs of the two.

        The function takes `list_R` and `campaign_R`, positions in the two frames of features, and
        the pairs' own features, and returns `score_R`. It is given whole lists.
        """
        ...

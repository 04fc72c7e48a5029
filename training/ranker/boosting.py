"""Gradient-boosted trees over the same features as the networks: LightGBM on candidates.

Ke et al. (2017), LightGBM: a highly efficient gradient boosting decision tree.

Shape legend: B rows, F numeric features, K categorical ones, R pairs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from training.ranker.columns import Columns
from training.ranker.config import OBJECTIVES
from training.ranker.encoding import Encoder
from training.ranker.pair_model import ScorePairs
from vitrine.errors import BadArgumentError

if TYPE_CHECKING:
    from lightgbm import Booster

    from training.ranker.dataset import ExampleFrame

PAIRS_AT_ONCE = 200_000
TREES = "trees.txt"
TREES_LIKELY_SIZE = 120
"""Rows of a group, those that a network finds likeliest, from which trees beside it learn. On two
earlier weeks 60 gave the same, and rows drawn by chance 4 % less (LOG.md)."""
Encoders = tuple[Encoder, Encoder, Encoder]
"""Of customers, campaigns and pairs."""


@dataclass(frozen=True)
class BoostingConfig:
    """How trees are grown.

    `lambdarank`: Burges (2010), From RankNet to LambdaRank to LambdaMART. `rank_xendcg`: Bruch
    (2021), An alternative cross entropy loss for learning-to-rank.

    Raises
    ------
    BadArgumentError
        If the objective is none of them.
    """

    objective: str = "lambdarank"
    trees: int = 250
    leaves: int = 31
    learning_rate: float = 0.06
    rows_in_leaf: int = 100

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise BadArgumentError(
                f"objective '{self.objective}' is unknown; known: {', '.join(OBJECTIVES)}"
            )

    def fit(self, frame: "ExampleFrame", encoders: Encoders, seed: int) -> "FittedTrees":
        """Grow trees on every example, one group a list."""
        import lightgbm as lgb

        sides = zip((frame.customers, frame.campaigns, frame.pairs), encoders, strict=True)
        customer_GF, campaign_CF, pair_RF = (_matrix(Columns.of(*side)) for side in sides)
        row_RF = np.concatenate(
            [customer_GF[frame.group_R], campaign_CF[frame.campaign_R], pair_RF], axis=1
        )
        data = lgb.Dataset(row_RF, frame.label_R, group=np.bincount(frame.group_R))
        return FittedTrees(*encoders, lgb.train(self._parameters(seed), data, self.trees))

    def _parameters(self, seed: int) -> dict[str, object]:
        return {
            "objective": self.objective,
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.rows_in_leaf,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "lambda_l2": 5.0,
            "max_bin": 127,
            "label_gain": [0, 1],
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": seed,
            "verbose": -1,
        }


@dataclass(frozen=True)
class FittedTrees:
    """Trees, and the encoders whose columns they know in this order."""

    customer: Encoder
    campaign: Encoder
    pair: Encoder
    booster: "Booster"

    def save(self, folder: Path) -> None:
        """Write the trees in LightGBM's own format; who owns the encoders keeps them."""
        self.booster.save_model(folder / TREES)

    @classmethod
    def load(cls, folder: Path, encoders: Encoders) -> "FittedTrees":
        """Read what `save` wrote."""
        import lightgbm as lgb

        return cls(*encoders, lgb.Booster(model_file=folder / TREES))

    def over(self, customers: pd.DataFrame, campaigns: pd.DataFrame) -> ScorePairs:
        """Read both sides once."""
        customer_LF = _matrix(Columns.of(customers, self.customer))
        campaign_CF = _matrix(Columns.of(campaigns, self.campaign))

        def score(list_R: np.ndarray, campaign_R: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
            pair_RF = _matrix(Columns.of(pairs, self.pair))
            score_R = np.empty(len(list_R))
            for first in range(0, len(list_R), PAIRS_AT_ONCE):
                part = slice(first, first + PAIRS_AT_ONCE)
                sides = customer_LF[list_R[part]], campaign_CF[campaign_R[part]], pair_RF[part]
                rows_RF = np.concatenate(sides, axis=1)
                score_R[part] = self.booster.predict(rows_RF, num_threads=1)
            return score_R

        return score


def _matrix(columns: Columns) -> np.ndarray:
    """Put numbers and codes side by side: float32 `[B, F + K]`."""
    return np.concatenate([columns.number_BF, columns.code_BK.astype(np.float32)], axis=1)

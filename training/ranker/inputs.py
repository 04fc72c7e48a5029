"""A seeded sample of the rows behind published scores, for `vitrine prove-time`."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from training.ranker.candidates import Candidates
from training.ranker.features import CLUSTER, FeatureReader
from training.ranker.fitted import FittedRanker
from training.ranker.rankings import Rankings
from vitrine.errors import VitrineError

KEPT_PAIRS = 200
TOLERANCE = 1e-3
"""Of a score, or of 1 where that is more: sums of float32 come in another order."""


class InputSample:
    """Some of the pairs that are published, drawn before the first is ranked.

    The same seed draws the same pairs of the same candidates. Shape legend: T drawn pairs.
    """

    def __init__(
        self, candidates: Candidates, count: int, seed: int, size: int = KEPT_PAIRS
    ) -> None:
        self._candidates = candidates
        total = int(np.minimum(candidates.count_L, count).sum())
        rng = np.random.default_rng(seed)
        self._drawn_T = np.sort(rng.choice(total, min(size, total), replace=False))
        self._found: list[pd.DataFrame] = []

    def watching(self, parts: Iterable[Rankings]) -> Iterator[Rankings]:
        """Hand rankings on, and note the drawn pairs among them."""
        passed = 0
        for part in parts:
            list_R, campaign_R, _, score_R = part.pairs()
            row_T = self._drawn_T[(self._drawn_T >= passed)] - passed
            row_T = row_T[row_T < len(list_R)]
            passed += len(list_R)
            found = {"list": list_R[row_T], "campaign": campaign_R[row_T], "score": score_R[row_T]}
            self._found.append(pd.DataFrame(found))
            yield part

    def rows(self, reader: FeatureReader, ranker: FittedRanker) -> pd.DataFrame:
        """Return customer_id, as_of, campaign_id and all features, one row per drawn pair.

        The features are read once more. That they are those that were scored is held by the scores
        that they give.

        Raises
        ------
        VitrineError
            If a drawn pair was not ranked, or its features give another score than was published.
        """
        found = pd.concat(self._found, ignore_index=True)
        if len(found) != len(self._drawn_T):
            raise VitrineError(f"{len(self._drawn_T)} pairs were drawn, {len(found)} were ranked")
        rows = self._read(reader, found["list"].to_numpy(), found["campaign"].to_numpy())
        _refuse_other_scores(rows, ranker, found["score"].to_numpy())
        return rows

    def _read(
        self, reader: FeatureReader, list_T: np.ndarray, campaign_T: np.ndarray
    ) -> pd.DataFrame:
        lists_L, list_T = np.unique(list_T, return_inverse=True)
        campaigns_C, campaign_T = np.unique(campaign_T, return_inverse=True)
        lists = self._candidates.lists[["customer_id", "as_of"]].iloc[lists_L]
        campaigns = self._candidates.campaigns.iloc[campaigns_C]
        customer_rows, ids = reader.customer_rows(lists), lists["customer_id"].to_numpy()
        cluster_L, cluster_K = pd.factorize(customer_rows[CLUSTER], sort=True)
        asked_X, cluster_T = np.unique(
            cluster_L[list_T] * len(campaigns) + campaign_T, return_inverse=True
        )
        cluster_rows = reader.cluster_rows(
            cluster_K.to_numpy(), campaigns, *np.divmod(asked_X, len(campaigns))
        )
        parts = (
            lists.iloc[list_T],
            campaigns[["campaign_id"]].iloc[campaign_T],
            customer_rows.iloc[list_T],
            reader.campaign_rows(campaigns).iloc[campaign_T],
            reader.pair_rows(ids, campaigns, list_T, campaign_T),
            cluster_rows.take(cluster_T),
        )
        return pd.concat([part.reset_index(drop=True) for part in parts], axis=1)


def _refuse_other_scores(rows: pd.DataFrame, ranker: FittedRanker, score_T: np.ndarray) -> None:
    each = np.arange(len(rows))
    again_T = ranker.over(rows, rows)(each, each, rows)
    is_other_T = np.abs(again_T - score_T) > TOLERANCE * np.maximum(1, np.abs(score_T))
    if is_other_T.any():
        first = rows[["customer_id", "campaign_id"]].iloc[int(is_other_T.argmax())]
        raise VitrineError(
            f"{is_other_T.sum()} of {len(rows)} scores are not those of the published features,"
            f" the first of customer {first['customer_id']} and campaign {first['campaign_id']};"
            " were tables published while they were computed? `vitrine score` computes them again"
        )

"""Ranked lists: any scorer's first k campaigns for each list, in chunks of bounded memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

from training.ranker.candidates import Candidates, top_k
from training.ranker.features import CLUSTER, FeatureReader
from training.ranker.inputs import InputSample
from training.ranker.pair_model import PairModel

MAX_PAIRS = 1_000_000
"""Pairs scored at once: some 500 MB of features."""

ScoreChunk = Callable[[Candidates, np.ndarray, np.ndarray], np.ndarray]


class Scorer(Protocol):
    """Anything that can rank campaigns: the network and the baselines it is compared with."""

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Compute what all lists share; return a function from a chunk's pairs to their scores.

        The function takes a chunk of `candidates`, `list_R` and `campaign_R` (positions in the
        chunk's lists and in `candidates.campaigns`) and returns `score_R`.
        """
        ...


def ranked(
    scorer: Scorer, candidates: Candidates, k: int, max_pairs: int = MAX_PAIRS
) -> pd.DataFrame:
    """Return each list's first k campaigns: customer_id, as_of, rank (from 1), campaign_id, score.

    Lists come in the order of `candidates.lists`; a list has fewer than k rows only where fewer
    campaigns were on sale. Equal scores are ordered by campaign.
    """
    if not candidates.count_L.any():
        return pd.DataFrame(columns=["customer_id", "as_of", "rank", "campaign_id", "score"])
    score_chunk = scorer.prepared(candidates)
    parts = [_ranked_chunk(score_chunk, chunk, k) for chunk in candidates.chunks(max_pairs)]
    return pd.concat(parts, ignore_index=True)


def _ranked_chunk(score_chunk: ScoreChunk, chunk: Candidates, k: int) -> pd.DataFrame:
    list_R, campaign_R = chunk.pairs()
    score_R = score_chunk(chunk, list_R, campaign_R).astype(np.float64)
    row_T, rank_T = top_k(list_R, campaign_R, score_R, k)
    lists = chunk.lists.iloc[list_R[row_T]]
    return pd.DataFrame(
        {
            "customer_id": lists["customer_id"].to_numpy(),
            "as_of": lists["as_of"].array,
            "rank": rank_T.astype(np.int32),
            "campaign_id": chunk.campaigns["campaign_id"].to_numpy()[campaign_R[row_T]],
            "score": score_R[row_T],
        }
    )


@dataclass(frozen=True)
class RankerScorer:
    """A fitted model over features read as of each list's instant.

    `kept` is shown the rows that the model is given; `curves` are its losses by epoch.
    """

    reader: FeatureReader
    model: PairModel
    kept: InputSample | None = None
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Read and compute what customers, campaigns and clusters have alone; pairs remain."""
        if self.kept is not None:
            self.kept.draw(candidates)
        rows = self.reader.customer_rows(candidates.lists)
        campaign_rows = self.reader.campaign_rows(candidates.campaigns)
        score_pairs = self.model.over(rows, campaign_rows)
        cluster_L, cluster_K = pd.factorize(rows[CLUSTER], sort=True)
        count = len(candidates.campaigns)
        clustered = self.reader.cluster_rows(
            cluster_K.to_numpy(),
            candidates.campaigns,
            np.repeat(np.arange(len(cluster_K)), count),
            np.tile(np.arange(count), len(cluster_K)),
        )

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            whole_R = chunk.lists.index.to_numpy()[list_R]
            pairs = self.reader.pair_rows(
                chunk.lists["customer_id"].to_numpy(), chunk.campaigns, list_R, campaign_R
            )
            shared = clustered.take(cluster_L[whole_R] * count + campaign_R)
            together = pd.concat([pairs, shared.reset_index(drop=True)], axis=1)
            if self.kept is not None:
                self.kept.keep(rows, campaign_rows, together, whole_R, campaign_R)
            return score_pairs(whole_R, campaign_R, together)

        return score

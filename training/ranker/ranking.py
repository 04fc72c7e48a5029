"""Ranked lists: any scorer's first k campaigns for each list, in chunks of bounded memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

from training.ranker.candidates import Candidates, top_k
from training.ranker.features import CLUSTER, FeatureReader
from training.ranker.pair_model import PairModel
from training.ranker.rankings import Rankings

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
) -> Iterator[Rankings]:
    """Yield each list's first k campaigns, in parts of lists in their order.

    A list has fewer only where fewer were on sale. Equal scores are ordered by campaign.
    """
    score_chunk = scorer.prepared(candidates)
    for chunk in candidates.chunks(max_pairs):
        list_R, campaign_R = chunk.pairs()
        score_R = score_chunk(chunk, list_R, campaign_R)
        row_T, rank_T = top_k(list_R, campaign_R, score_R, k)
        place_TN = list_R[row_T], rank_T - 1
        campaign_BN = np.full((len(chunk.lists), k), -1, np.int32)
        score_BN = np.full((len(chunk.lists), k), -np.inf)
        campaign_BN[place_TN], score_BN[place_TN] = campaign_R[row_T], score_R[row_T]
        yield Rankings(chunk.lists.index.to_numpy(), campaign_BN, score_BN)


@dataclass(frozen=True)
class RankerScorer:
    """A fitted model over features read as of each list's instant; `curves` are its losses."""

    reader: FeatureReader
    model: PairModel
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Read and compute what customers, campaigns and clusters have alone; pairs remain."""
        rows = self.reader.customer_rows(candidates.lists)
        score_pairs = self.model.over(rows, self.reader.campaign_rows(candidates.campaigns))
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
            return score_pairs(whole_R, campaign_R, together)

        return score

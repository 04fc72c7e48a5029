"""A fitted ranker: encoders, networks and trees that belong together, kept as a folder of files.

`ranker.json` holds the settings and what the encoders learnt, `weights.safetensors` the networks'
weights, `trees.txt` the trees.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from training.ranker.boosting import FittedTrees
from training.ranker.config import RankerConfig
from training.ranker.encoding import Encoder
from training.ranker.model import Ranker, Vectors
from training.ranker.pair_model import ScorePairs
from vitrine.errors import BadInputError

BLOCK = 1 << 15
"""Pairs scored at once: few enough for their vectors to stay in the processor's cache."""
DESCRIPTION, WEIGHTS = "ranker.json", "weights.safetensors"


@dataclass(frozen=True)
class FittedRanker:
    """Everything that turns feature rows into scores: networks, and trees whose score is added.

    Without trees, of which the weight is then 0, the networks are all.
    """

    customer: Encoder
    campaign: Encoder
    pair: Encoder
    config: RankerConfig
    network: Ranker
    trees: FittedTrees | None = None
    trees_weight: float = 0.0

    @property
    def is_streamable(self) -> bool:
        """Whether `streaming` can rank by it: it knows neither trees nor texts of pairs."""
        return self.trees is None and not self.pair.categorical

    def save(self, folder: Path) -> None:
        """Write two files, or with trees three, to a new folder."""
        folder.mkdir(parents=True)
        description = {
            "config": asdict(self.config),
            "customer": self.customer.stored(),
            "campaign": self.campaign.stored(),
            "pair": self.pair.stored(),
            "networks": len(self.network.networks),
            "trees_weight": self.trees_weight,
        }
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
        weights = {k: v.detach().cpu().contiguous() for k, v in self.network.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        if self.trees is not None:
            self.trees.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "FittedRanker":
        """Read what `save` wrote; the networks are on the CPU, in evaluation mode.

        Raises
        ------
        BadInputError
            If another release wrote it, whose network had other layers.
        """
        stored = json.loads((folder / DESCRIPTION).read_text())
        config = RankerConfig.of(stored["config"])
        customer, campaign, pair = (
            Encoder.of(stored[side]) for side in ("customer", "campaign", "pair")
        )
        # The weights of a release that did not count its networks are refused below.
        networks = stored.get("networks", 1)
        network = Ranker.new(customer, campaign, pair, config, networks)
        try:
            network.load_state_dict(load_file(folder / WEIGHTS))
        except RuntimeError as error:
            raise BadInputError(
                f"{folder / WEIGHTS} was written by a release with other layers; `vitrine train"
                " ranker` makes a version that this one reads"
            ) from error
        alone = cls(customer, campaign, pair, config, network.eval())
        weight = stored.get("trees_weight", 0.0)
        if not weight:
            return alone
        trees = FittedTrees.load(folder, (customer, campaign, pair))
        return replace(alone, trees=trees, trees_weight=weight)

    @staticmethod
    def settings_of(folder: Path) -> RankerConfig:
        """Read the settings alone."""
        return RankerConfig.of(json.loads((folder / DESCRIPTION).read_text())["config"])

    @torch.inference_mode()
    def customers(self, rows: pd.DataFrame) -> Vectors:
        """Return the customer tower's vectors, computed once a customer and instant."""
        vectors: Vectors = self.network.customer(self.customer.encode(rows))
        return vectors

    @torch.inference_mode()
    def campaigns(self, rows: pd.DataFrame) -> Vectors:
        """Return the campaign tower's vectors, computed once a campaign and instant."""
        vectors: Vectors = self.network.campaign(self.campaign.encode(rows))
        return vectors

    def over(self, customers: pd.DataFrame, campaigns: pd.DataFrame) -> ScorePairs:
        """Run both towers once; a pair costs the head and the trees."""
        customer_vectors, campaign_vectors = self.customers(customers), self.campaigns(campaigns)
        grown = None if self.trees is None else self.trees.over(customers, campaigns)

        def score(list_R: np.ndarray, campaign_R: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
            score_R = self.scores(customer_vectors, campaign_vectors, list_R, campaign_R, pairs)
            if grown is None:
                return score_R
            added_R: np.ndarray = score_R + self.trees_weight * grown(list_R, campaign_R, pairs)
            return added_R

        return score

    @torch.inference_mode()
    def scores(
        self,
        customers: Vectors,
        campaigns: Vectors,
        customer_R: np.ndarray,
        campaign_R: np.ndarray,
        pairs: pd.DataFrame,
    ) -> np.ndarray:
        """Return the network's float32 `score_R` of the pairs (customer_R[r], campaign_R[r])."""
        score_R = np.empty(len(customer_R), dtype=np.float32)
        for first in range(0, len(score_R), BLOCK):
            part = slice(first, first + BLOCK)
            score_R[part] = self.network(
                customers[torch.from_numpy(customer_R[part])],
                campaigns[torch.from_numpy(campaign_R[part])],
                self.pair.encode(pairs.iloc[part]),
            ).numpy()
        return score_R


def predictor(folder: Path) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a function from rows that hold all features to their scores, for a model server."""
    ranker = FittedRanker.load(folder)

    def predict(rows: pd.DataFrame) -> pd.DataFrame:
        each = np.arange(len(rows))
        return pd.DataFrame({"score": ranker.over(rows, rows)(each, each, rows)})

    return predict

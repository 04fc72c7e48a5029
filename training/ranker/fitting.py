"""The training loop: purchases against negatives drawn anew each epoch, from data to network."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.checkpoint import Checkpoint
from training.ranker import losses
from training.ranker.batches import Batch, batches
from training.ranker.boosting import (
    TREES_LIKELY_SIZE,
    BoostingConfig,
    Encoders,
    FittedTrees,
)
from training.ranker.checkpoint import digest
from training.ranker.config import RankerConfig
from training.ranker.dataset import Dataset, ExampleFrame
from training.ranker.encoding import Encoder, Side
from training.ranker.features import Catalogue
from training.ranker.fitted import FittedRanker
from training.ranker.model import Ranker
from vitrine.affinities import CONTENT
from vitrine.errors import DegenerateModelError


@dataclass(frozen=True)
class Fit:
    """A fitted ranker, and losses after each epoch.

    `train_loss` and `later_loss` are the first network's, on its examples and on later ones;
    `likely_loss` is the second one's, on its own.
    """

    ranker: FittedRanker
    curves: dict[str, list[float]]


def fit(
    frame: ExampleFrame,
    catalogue: Catalogue,
    config: RankerConfig,
    *,
    seed: int,
    device: str = "cpu",
    later: ExampleFrame | None = None,
    checkpoints: Path | None = None,
) -> Fit:
    """Fit encoders and networks to examples; the same seed gives the same weights on a CPU.

    The first network learns from purchases and what was drawn beside them by chance. Few of those
    are hard to tell from a purchase, so a second one learns from the rows that the first finds
    likeliest, and their scores are added. Where that is more than half of all rows, as in a shop of
    few campaigns at a time, there is little to choose among, and one network is all.

    Parameters
    ----------
    later
        Examples after the training interval: their loss is reported, nothing is chosen by it.
    checkpoints
        Folder for the state after each epoch, so that a killed run goes on from there when it is
        started again with the same examples, settings and seed. The caller removes it when what it
        needs the networks for is done.

    Raises
    ------
    DegenerateModelError
        If the loss became NaN, or that of the first network ended where equal scores would leave
        it.
    """
    drawn = frame.thinned(config.uniform_size, seed)
    encoders = encoders_of(drawn, catalogue, with_content=config.embeddings)
    school = _School(encoders, config, seed, torch.device(device), checkpoints)
    if later is not None:
        later = later.thinned(config.uniform_size, seed)
    network, curves, loss_at_the_end = school.taught(drawn, later)
    # Units that are left out at random make equal scores differ: look at the whole network.
    refuse_degenerate([*curves["train_loss"], loss_at_the_end], config)
    ranker = FittedRanker(*school.encoders, config, network)
    score_R = scored(ranker, frame)
    likely = frame.likeliest(score_R, config.likely_size)
    if 0 < 2 * len(likely.label_R) <= len(frame.label_R):
        # Another seed: the same would begin with the same weights.
        second, its, _ = replace(school, seed=seed + 1).taught(likely)
        curves["likely_loss"] = its["train_loss"]
        refuse_infinite(its["train_loss"])
        ranker = replace(ranker, network=network.beside(second))
    if config.trees:
        hard = frame.likeliest(score_R, TREES_LIKELY_SIZE)
        trees = BoostingConfig(trees=config.trees).fit(hard, school.encoders, seed)
        ranker = with_trees(ranker, trees, hard)
    return Fit(ranker, curves)


def scored(ranker: FittedRanker | FittedTrees, frame: ExampleFrame) -> np.ndarray:
    """Return `score_R` of every example."""
    return ranker.over(frame.customers, frame.campaigns)(
        frame.group_R, frame.campaign_R, frame.pairs
    )


@dataclass(frozen=True)
class _School:
    """What the networks of one ranker have in common while they learn."""

    encoders: Encoders
    config: RankerConfig
    seed: int
    device: torch.device
    checkpoints: Path | None

    def taught(
        self, frame: ExampleFrame, later: ExampleFrame | None = None
    ) -> tuple[Ranker, dict[str, list[float]], float]:
        """Return a new network that learnt from a frame, its curves, and its loss at the end."""
        torch.manual_seed(self.seed)
        network = Ranker.new(*self.encoders, self.config).to(self.device)
        data = Dataset.of(frame, *self.encoders, self.device)
        unseen = None
        if later is not None and len(later.as_of_G):
            unseen = Dataset.of(later, *self.encoders, self.device)
        kept = None
        if self.checkpoints is not None:
            key = digest(self.config, self.seed, self.encoders, data, unseen)
            kept = Checkpoint.of(self.checkpoints, key)
        loop = Loop(network, data, unseen, self.config, self.seed)
        curves = loop.run(kept)
        at_the_end = loop.loss_without_training(data)
        return network.cpu().eval(), curves, at_the_end


def encoders_of(
    frame: ExampleFrame, catalogue: Catalogue, *, with_content: bool = True
) -> Encoders:
    """Fit the encoders of customers, campaigns and pairs to examples.

    What embeddings say is left out if it is not asked for, or if most examples know none of it: a
    network that had learnt nothing of it would be misled as soon as it is there.
    """
    if not (with_content and has_content(frame)):
        catalogue = catalogue.without_content()
    return (
        Encoder.fit(catalogue.customer, frame.customers),
        Encoder.fit(catalogue.campaign, frame.campaigns),
        Encoder.fit(catalogue.pair, frame.pairs),
    )


def has_content(frame: ExampleFrame) -> bool:
    """Whether embeddings know something of most groups that words know something of."""
    if CONTENT[0].name not in frame.pairs:
        return False
    by_words, by_content = (
        len(np.unique(frame.group_R[frame.pairs[name].to_numpy() > 0]))
        for name in ("near_words", CONTENT[0].name)
    )
    return 2 * by_content > by_words


def with_trees(ranker: FittedRanker, trees: FittedTrees, frame: ExampleFrame) -> FittedRanker:
    """Let trees have a say that weighs the same as the network's within a list of the examples.

    The weight is the network's deviation within the lists by that of the trees: a number that
    belongs to the model, so that a pair's score depends on no other pair. Trees that had too few
    examples to split say nothing, and are left out.
    """
    by_network, by_trees = (
        deviation(scored(model, frame), frame.group_R) for model in (ranker, trees)
    )
    if not by_trees:
        return ranker
    return replace(ranker, trees=trees, trees_weight=by_network / by_trees)


def deviation(score_R: np.ndarray, group_R: np.ndarray) -> float:
    """Return the standard deviation of scores around the mean of their group."""
    count_G = np.maximum(np.bincount(group_R), 1)
    mean_G = np.bincount(group_R, score_R) / count_G
    return float(np.sqrt(np.mean((score_R - mean_G[group_R]) ** 2)))


def refuse_degenerate(train_loss: list[float], config: RankerConfig) -> None:
    """Raise DegenerateModelError for a loss that is NaN or no better than equal scores give."""
    _, reported = losses.LOSSES[config.loss]
    equal = torch.zeros(1), torch.zeros(1, config.negatives)
    last, stuck = train_loss[-1], float(reported(*equal, config.margin))
    refuse_infinite(train_loss)
    if last > 0.999 * stuck:
        raise DegenerateModelError(
            f"the {config.loss} loss ended at {last:.4f}; equal scores leave it at {stuck:.4f},"
            " so nothing was learnt; look at the examples' features"
        )


def refuse_infinite(train_loss: list[float]) -> None:
    """Raise DegenerateModelError for a loss that ended at no number."""
    if not np.isfinite(train_loss[-1]):
        raise DegenerateModelError(
            f"the training loss became {train_loss[-1]}; lower the learning rate"
        )


class Loop:
    """A network in training: all that changes from epoch to epoch, and how it changes.

    On a GPU the network computes in bfloat16 where that is safe and is compiled, as far as the
    settings allow; on a CPU neither helps at this size.
    """

    def __init__(
        self,
        network: Ranker,
        data: Dataset,
        unseen: Dataset | None,
        config: RankerConfig,
        seed: int,
    ) -> None:
        self.network, self.data, self.unseen = network, data, unseen
        self.config, self.seed = config, seed
        self.curves: dict[str, list[float]] = {"train_loss": []}
        if unseen is not None:
            self.curves["later_loss"] = []
        self._generator = np.random.default_rng(seed)
        steps = -(-len(data.start_G) // config.batch_groups) * config.epochs
        self._optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, config.learning_rate, max(steps, 2)
        )
        is_gpu = data.device.type == "cuda"
        self._scores = (
            torch.compile(_scores, dynamic=True) if config.compiled and is_gpu else _scores
        )
        self._autocast = torch.autocast("cuda", torch.bfloat16, enabled=config.bfloat16 and is_gpu)

    def run(self, kept: Checkpoint | None = None) -> dict[str, list[float]]:
        """Train all epochs that are not done yet, and return the loss after each."""
        if kept is not None and (state := kept.read(self.data.device)) is not None:
            self.restore(state)
        while len(self.curves["train_loss"]) < self.config.epochs:
            self.curves["train_loss"].append(self.epoch())
            if self.unseen is not None:
                self.curves["later_loss"].append(self.loss_without_training(self.unseen))
            if kept is not None:
                kept.write(self.state())
        return self.curves

    def epoch(self) -> float:
        """Go through all groups once in a new order; return the mean loss."""
        self.network.train()
        order_G = self._generator.permutation(len(self.data.start_G))
        total = torch.zeros((), device=self.data.device)
        for batch in self._batches(self.data, order_G, self._generator):
            loss, reported = self._losses(self.data, batch)
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            self._schedule.step()
            total += reported * len(batch.groups_B)
        return float(total) / len(order_G)

    @torch.inference_mode()
    def loss_without_training(self, data: Dataset) -> float:
        """Return the mean loss with no unit left out, against negatives that the seed draws."""
        self.network.eval()
        total = torch.zeros((), device=data.device)
        every_G, fixed = np.arange(len(data.start_G)), np.random.default_rng(self.seed)
        for batch in self._batches(data, every_G, fixed):
            total += self._losses(data, batch)[1] * len(batch.groups_B)
        return float(total) / len(every_G)

    def _batches(
        self, data: Dataset, order_G: np.ndarray, generator: np.random.Generator
    ) -> Iterator[Batch]:
        return batches(data, order_G, self.config.batch_groups, self.config.negatives, generator)

    def _losses(self, data: Dataset, batch: Batch) -> tuple[Tensor, Tensor]:
        """Score every row of the batch once, and compare each purchase with its negatives.

        Returns the loss to learn from and the one to report.
        """
        with self._autocast:
            score_R = self._scores(
                self.network,
                data.customers[batch.groups_B],
                data.campaigns[data.campaign_R[batch.row_R]],
                data.pairs[batch.row_R],
                batch.group_R,
            )
        score_R = score_R.float()
        positive_P, others_PN = score_R[batch.positive_P], score_R[batch.negative_PN]
        learnt, reported = losses.LOSSES[self.config.loss]
        margin = self.config.margin
        learnt_P = learnt(positive_P, others_PN, margin)
        reported_P = reported(positive_P.detach(), others_PN.detach(), margin)
        return learnt_P @ batch.weight_P, reported_P @ batch.weight_P

    def state(self) -> dict[str, Any]:
        """Return all that the next epochs depend on."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "curves": self.curves,
            "torch_generator": torch.get_rng_state(),
            "cuda_generators": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            # As text, for its numbers have 128 bits.
            "generator": json.dumps(self._generator.bit_generator.state),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was asked for."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self.curves = state["curves"]
        torch.set_rng_state(state["torch_generator"].cpu())
        torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda_generators"]])
        self._generator.bit_generator.state = json.loads(state["generator"])


def _scores(
    network: Ranker, customers: Side, campaigns: Side, pairs: Side, group_R: Tensor
) -> Tensor:
    """Run each customer's tower once a group, each campaign's once a row."""
    score_R: Tensor = network(
        network.customer(customers)[group_R], network.campaign(campaigns), pairs
    )
    return score_R

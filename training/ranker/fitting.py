"""The training loop: purchases against negatives drawn anew each epoch, from data to network."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.ranker import losses
from training.ranker.candidates import ranges
from training.ranker.config import RankerConfig
from training.ranker.dataset import Dataset, ExampleFrame
from training.ranker.encoding import Encoder
from training.ranker.features import Catalogue
from training.ranker.fitted import FittedRanker
from training.ranker.model import Ranker
from training.ranker.sampling import epoch_negatives
from vitrine.errors import DegenerateModelError

Loss = Callable[[Tensor, Tensor, float], Tensor]
LEARNT: dict[str, Loss] = {"triplet": losses.violated_triplet, "softmax": losses.sampled_softmax}
REPORTED: dict[str, Loss] = {"triplet": losses.triplet, "softmax": losses.sampled_softmax}
"""The loss over violated triplets need not fall while they become fewer; the one over all does."""


@dataclass(frozen=True)
class Fit:
    """A fitted ranker and its loss after each epoch, on its own examples and on later ones."""

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
) -> Fit:
    """Fit encoders and network to examples; the same seed gives the same weights on a CPU.

    Parameters
    ----------
    later
        Examples after the training interval: their loss is reported, nothing is chosen by it.

    Raises
    ------
    DegenerateModelError
        If the loss became NaN, or ended where equal scores would leave it.
    """
    where = torch.device(device)
    customer = Encoder.fit(catalogue.customer, frame.customers)
    campaign = Encoder.fit(catalogue.campaign, frame.campaigns)
    pair = Encoder.fit(catalogue.pair, frame.pairs)
    torch.manual_seed(seed)
    network = Ranker(customer, campaign, pair, config).to(where)
    data = Dataset.of(frame, customer, campaign, pair, where)
    curves: dict[str, list[float]] = {"train_loss": []}
    unseen = None
    if later is not None and len(later.as_of_G):
        unseen = Dataset.of(later, customer, campaign, pair, where)
        curves["later_loss"] = []
    generator = np.random.default_rng(seed)
    steps = -(-len(data.start_G) // config.batch_groups) * config.epochs
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, max(steps, 2))
    for _ in range(config.epochs):
        curves["train_loss"].append(_epoch(network, data, config, generator, optimizer, schedule))
        if unseen is not None:
            fixed = np.random.default_rng(seed)
            curves["later_loss"].append(_loss_without_training(network, unseen, config, fixed))
    refuse_degenerate(curves["train_loss"], config)
    return Fit(FittedRanker(customer, campaign, pair, config, network.cpu().eval()), curves)


def refuse_degenerate(train_loss: list[float], config: RankerConfig) -> None:
    """Raise DegenerateModelError for a loss that is NaN or no better than equal scores give."""
    equal_scores = {"triplet": config.margin, "softmax": float(np.log1p(config.negatives))}
    last, stuck = train_loss[-1], equal_scores[config.loss]
    if not np.isfinite(last):
        raise DegenerateModelError(f"the training loss became {last}; lower the learning rate")
    if last > 0.999 * stuck:
        raise DegenerateModelError(
            f"the {config.loss} loss ended at {last:.4f}; equal scores leave it at {stuck:.4f},"
            " so nothing was learnt; look at the examples' features"
        )


def _epoch(
    network: Ranker,
    data: Dataset,
    config: RankerConfig,
    generator: np.random.Generator,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> float:
    network.train()
    order = generator.permutation(len(data.start_G))
    total = torch.zeros((), device=data.device)
    for first in range(0, len(order), config.batch_groups):
        groups = order[first : first + config.batch_groups]
        loss, reported = _batch_losses(network, data, groups, config, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += reported * len(groups)
    return float(total) / len(order)


@torch.inference_mode()
def _loss_without_training(
    network: Ranker, data: Dataset, config: RankerConfig, generator: np.random.Generator
) -> float:
    network.eval()
    total, all_groups = 0.0, np.arange(len(data.start_G))
    for first in range(0, len(all_groups), config.batch_groups):
        groups = all_groups[first : first + config.batch_groups]
        _, reported = _batch_losses(network, data, groups, config, generator)
        total += float(reported) * len(groups)
    return total / len(all_groups)


def _batch_losses(
    network: Ranker,
    data: Dataset,
    groups_B: np.ndarray,
    config: RankerConfig,
    generator: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Score every row of B groups once, and compare each purchase with N of its group's pool.

    Returns the loss to learn from and the one to report. A purchase weighs 1 / sqrt(purchases of
    its group), between every purchase alike and every customer alike.
    """
    rows_B, purchases_B = data.rows_G[groups_B], data.purchases_G[groups_B]
    score_R = _scores(network, data, groups_B, rows_B, ranges(data.start_G[groups_B], rows_B))
    first_B = np.cumsum(rows_B) - rows_B
    negative_PN = epoch_negatives(
        np.repeat(first_B + purchases_B, purchases_B),
        np.repeat(rows_B - purchases_B, purchases_B),
        config.negatives,
        generator,
    )
    positive_P = score_R[torch.from_numpy(ranges(first_B, purchases_B)).to(data.device)]
    others_PN = score_R[torch.from_numpy(negative_PN).to(data.device)]
    weight_P = torch.from_numpy(np.repeat(purchases_B**-0.5, purchases_B)).to(positive_P)
    weight_P = weight_P / weight_P.sum()
    learnt_P = LEARNT[config.loss](positive_P, others_PN, config.margin)
    reported_P = REPORTED[config.loss](positive_P.detach(), others_PN.detach(), config.margin)
    return learnt_P @ weight_P, reported_P @ weight_P


def _scores(
    network: Ranker, data: Dataset, groups_B: np.ndarray, rows_B: np.ndarray, rows_R: np.ndarray
) -> Tensor:
    """Run each customer's tower once a group, each campaign's once a row."""
    customers = network.customer(data.customers[torch.from_numpy(groups_B).to(data.device)])
    group_R = torch.from_numpy(np.repeat(np.arange(len(groups_B)), rows_B)).to(data.device)
    row_R = torch.from_numpy(rows_R).to(data.device)
    campaigns = network.campaign(data.campaigns[data.campaign_R[row_R]])
    score_R: Tensor = network(customers[group_R], campaigns, data.pairs[row_R])
    return score_R

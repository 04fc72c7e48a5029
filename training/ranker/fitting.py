"""The training loop: purchases against negatives drawn anew each epoch, from data to network."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.ranker import losses
from training.ranker.config import RankerConfig
from training.ranker.dataset import Dataset, ExampleFrame
from training.ranker.encoding import Encoder
from training.ranker.features import Catalogue
from training.ranker.fitted import FittedRanker
from training.ranker.model import Ranker
from training.ranker.sampling import epoch_negatives
from vitrine.errors import DegenerateModelError

LOSSES = {"triplet": losses.triplet, "softmax": losses.sampled_softmax}


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
    if later is not None and len(later.label_R):
        unseen = Dataset.of(later, customer, campaign, pair, where)
        curves["later_loss"] = []
    generator = np.random.default_rng(seed)
    steps = -(-len(data.purchase_P) // config.batch_size) * config.epochs
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
    order = generator.permutation(len(data.purchase_P))
    total = torch.zeros((), device=data.group_R.device)
    for first in range(0, len(order), config.batch_size):
        batch = order[first : first + config.batch_size]
        loss = _batch_loss(network, data, batch, config, generator)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        total += loss.detach() * len(batch)
    return float(total) / len(order)


@torch.inference_mode()
def _loss_without_training(
    network: Ranker, data: Dataset, config: RankerConfig, generator: np.random.Generator
) -> float:
    network.eval()
    size, total = config.batch_size, 0.0
    for first in range(0, len(data.purchase_P), size):
        batch = np.arange(first, min(first + size, len(data.purchase_P)))
        total += float(_batch_loss(network, data, batch, config, generator)) * len(batch)
    return total / len(data.purchase_P)


def _batch_loss(
    network: Ranker,
    data: Dataset,
    batch: np.ndarray,
    config: RankerConfig,
    generator: np.random.Generator,
) -> Tensor:
    """Score B purchases and their B × N negatives, and compare them."""
    negatives_BN = epoch_negatives(
        data.pool_start_P[batch], data.pool_count_P[batch], config.negatives, generator
    )
    rows_BM = np.concatenate([data.purchase_P[batch][:, None], negatives_BN], axis=1)
    score_BM = _scores(network, data, torch.from_numpy(rows_BM).to(data.group_R.device))
    return LOSSES[config.loss](score_BM[:, 0], score_BM[:, 1:], config.margin)


def _scores(network: Ranker, data: Dataset, rows_BM: Tensor) -> Tensor:
    """Run each customer's tower once a purchase, each campaign's once a row."""
    rows_R = rows_BM.reshape(-1)
    group_B = data.group_R[rows_BM[:, 0]]
    customers = network.customer(data.customers[group_B])
    repeat_R = torch.arange(len(group_B), device=rows_R.device).repeat_interleave(rows_BM.shape[1])
    campaigns = network.campaign(data.campaigns[data.campaign_R[rows_R]])
    score_R: Tensor = network(customers[repeat_R], campaigns, data.pairs[rows_R])
    return score_R.reshape(rows_BM.shape)

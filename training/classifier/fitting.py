"""The training loop: from encoded products to a fitted network and its curves."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from training.classifier.batches import Batch, Example, collate, disturbed
from training.classifier.catalogue import Task
from training.classifier.config import ClassifierConfig
from training.classifier.losses import TaskLoss, TaskWeights
from training.classifier.model import ProductClassifier, new_encoder
from training.classifier.prediction import BATCH_SIZE, chunks
from vitrine.errors import DegenerateModelError

LONGEST_GRADIENT = 5.0
SMALLEST_FALL = 0.001
"""Share of the first epoch's loss that the last one must lie below it."""


def fit(
    config: ClassifierConfig,
    tasks: tuple[Task, ...],
    examples: Sequence[Example],
    tuning: Sequence[Example],
    device: torch.device,
    seed: int,
) -> tuple[ProductClassifier, dict[str, list[float]]]:
    """Train a new network on `examples`; return it ready to predict, and its learning curves.

    The curves have one value an epoch: `loss`, the weighted sum in training, with modalities hidden
    at random; `loss/<task>`, nats; `tuning_loss`, with everything shown, on other products.

    Raises
    ------
    DegenerateModelError
        If the loss is no number, or does not fall.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = ProductClassifier(config, tasks, new_encoder(config)).to(device)
    task_loss, weights = TaskLoss(tasks).to(device), TaskWeights(tasks, config).to(device)
    step_count = config.epochs * _step_count(examples, config)
    optimizer, schedule = _optimizer(model, weights, step_count)
    names = ["loss", *(f"loss/{task.name}" for task in tasks)]
    curves: dict[str, list[float]] = defaultdict(list)
    for epoch in range(config.epochs):
        model.train()
        model.thaw(epoch)
        steps = []
        for batch in _batches(examples, config, rng):
            loss_K, count_K = _losses(model, task_loss, batch.to(device))
            loss = weights(loss_K, count_K)
            _step(model, loss, optimizer)
            schedule.step()
            steps.append(torch.cat([loss.detach()[None], loss_K.detach()]))
        for name, value in zip(names, torch.stack(steps).mean(0).tolist(), strict=True):
            curves[name].append(value)
        curves["tuning_loss"].append(_tuning_loss(model, tuning, task_loss, weights))
        _refuse_nan(curves["loss"])
    _refuse_stuck(curves["loss"])
    return model.eval(), dict(curves)


def _step(model: ProductClassifier, loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), LONGEST_GRADIENT)
    optimizer.step()


@torch.inference_mode()
def _tuning_loss(
    model: ProductClassifier,
    examples: Sequence[Example],
    task_loss: TaskLoss,
    weights: TaskWeights,
) -> float:
    model.eval()
    size, device = model.config.image_size, weights.weight_K.device
    sums, counts = [], []
    for some in chunks(examples, BATCH_SIZE):
        loss_K, count_K = _losses(model, task_loss, collate(some, size).to(device))
        sums.append(loss_K * count_K)
        counts.append(count_K)
    count_K = torch.stack(counts).sum(0)
    return float(weights(torch.stack(sums).sum(0) / count_K.clamp(min=1), count_K))


def _losses(
    model: ProductClassifier, task_loss: TaskLoss, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    device = batch.label_L3.device.type
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        output = model(batch)
    loss_K, count_K = task_loss(output.logits_BS, batch)
    return loss_K, count_K


def _optimizer(
    model: ProductClassifier, weights: TaskWeights, step_count: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.OneCycleLR]:
    config = model.config
    encoder = list(model.encoder.parameters())
    known = {id(parameter) for parameter in encoder}
    others = [parameter for parameter in model.parameters() if id(parameter) not in known]
    others += weights.parameters()
    optimizer = torch.optim.AdamW(
        [{"params": encoder}, {"params": others}], weight_decay=config.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=[config.encoder_learning_rate, config.learning_rate],
        total_steps=step_count,
        pct_start=0.2,
    )
    return optimizer, schedule


def _batches(
    examples: Sequence[Example], config: ClassifierConfig, rng: np.random.Generator
) -> Iterator[Batch]:
    """Give all examples once, shuffled, in batches of nearly the same size."""
    order = rng.permutation(len(examples))
    for rows in np.array_split(order, _step_count(examples, config)):
        yield collate([disturbed(examples[i], config, rng) for i in rows], config.image_size)


def _step_count(examples: Sequence[Example], config: ClassifierConfig) -> int:
    return math.ceil(len(examples) / config.batch_size)


def _refuse_nan(losses: list[float]) -> None:
    if not math.isfinite(losses[-1]):
        raise DegenerateModelError(
            f"classifier: the loss of epoch {len(losses)} is {losses[-1]};"
            " try a lower learning rate"
        )


def _refuse_stuck(losses: list[float]) -> None:
    if len(losses) > 1 and losses[-1] > losses[0] * (1 - SMALLEST_FALL):
        raise DegenerateModelError(
            f"classifier: the loss did not fall ({losses[0]:.4f} to {losses[-1]:.4f});"
            " look at the labels, and at the learning rate"
        )

"""The training loss: cross-entropy of every task, weighted; a missing label costs nothing."""

import math
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from training.classifier.catalogue import MISSING, Task


def task_weights(tasks: tuple[Task, ...]) -> torch.Tensor:
    """Return one weight per task, float32 (K,): 1 / (K ln C).

    Guessing evenly among C classes costs ln C, so every task starts at the same loss, and the
    weighted sum of all tasks starts near 1 whatever their number and size.
    """
    return torch.tensor([1 / (len(tasks) * math.log(len(task.classes))) for task in tasks])


def task_losses(logits: Sequence[torch.Tensor], label_BK: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the labelled rows of each task, nats, float32 (K,).

    A row whose label is MISSING has exactly zero gradient, and a task without any label costs 0:

        logits [[2, 0], [0, 2]], labels [0, MISSING]  ->  ln(1 + e^-2), first row alone
    """
    return torch.stack([_mean_loss(task, label_BK[:, k]) for k, task in enumerate(logits)])


def _mean_loss(logits_BC: torch.Tensor, label_B: torch.Tensor) -> torch.Tensor:
    total = F.cross_entropy(logits_BC, label_B, ignore_index=MISSING, reduction="sum")
    return total / (label_B != MISSING).sum().clamp(min=1)

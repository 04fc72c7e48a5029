"""The training loss: what each task costs, and how the tasks are weighed against each other.

B products, K tasks, S classes of all tasks side by side, L known answers.
"""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from training.classifier.batches import Batch
from training.classifier.catalogue import Task
from training.classifier.config import ClassifierConfig
from vitrine.errors import BadArgumentError


class TaskLoss(nn.Module):
    """What each task costs on a batch; a label that is missing costs nothing and moves nothing.

    A task with one right class costs its cross-entropy, a multi-label one the sum of the binary
    cross-entropies of its classes; both are a normaliser less the logits of what is right, so the
    answers are looked up and nothing of the size B × S is made of the labels:

        one of C:      log sum_c exp(z_c)       - z_right
        multi-label:   sum_c log(1 + exp(z_c))  - sum of z_right over what is right
    """

    start_K: torch.Tensor

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.sizes = [len(task.classes) for task in tasks]
        self.is_multi_label = [task.is_multi_label for task in tasks]
        starts = [sum(self.sizes[:k]) for k in range(len(tasks))]
        self.register_buffer("start_K", torch.tensor(starts), persistent=False)

    def forward(
        self, logits_BS: torch.Tensor, batch: Batch, counts_B: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each task's mean over the products that have its label, nats, float32 (K,).

        The second tensor, float32 (K,), is how many products those are; a task without any
        costs 0. A product counts as often as `counts_B`, float32, says, which is once by default.
        """
        row_L, task_L, class_L = batch.label_L3.T
        right_L = logits_BS[row_L, self.start_K[task_L] + class_L]
        loss_L = batch.share_L * self._normaliser_BK(logits_BS)[row_L, task_L] - right_L
        share_L = batch.share_L
        if counts_B is not None:
            loss_L, share_L = loss_L * counts_B[row_L], share_L * counts_B[row_L]
        zero_K = logits_BS.new_zeros(len(self.sizes))
        count_K = zero_K.index_add(0, task_L, share_L)
        return zero_K.index_add(0, task_L, loss_L) / count_K.clamp(min=1), count_K

    def _normaliser_BK(self, logits_BS: torch.Tensor) -> torch.Tensor:
        of_tasks = zip(logits_BS.split(self.sizes, dim=1), self.is_multi_label, strict=True)
        return torch.stack(
            [F.softplus(z).sum(1) if multi else z.logsumexp(1) for z, multi in of_tasks], dim=1
        )


def even_costs(tasks: Sequence[Task]) -> torch.Tensor:
    """Return what guessing evenly costs each task, nats, float32 (K,): ln C, or C ln 2."""
    return torch.tensor(
        [
            len(task.classes) * math.log(2) if task.is_multi_label else math.log(len(task.classes))
            for task in tasks
        ]
    )


class TaskWeights(nn.Module):
    """One number from the tasks' costs, by the configuration's `task_weighting`.

    `class_count`: each task's cost over what guessing evenly costs it, then the mean. All tasks
    start at 1, whatever their number and size.
    `fixed`: the mean of the costs, each times the weight that was given for its task, or 1.
    `uncertainty`: with a learnt log-variance s of each task, the mean of exp(-s) cost + s / 2
    (Kendall, Gal and Cipolla 2018, equation 10).

    Raises
    ------
    BadArgumentError
        If a weight is given for a task that there is not.
    """

    weight_K: torch.Tensor

    def __init__(self, tasks: Sequence[Task], config: ClassifierConfig) -> None:
        super().__init__()
        weight_K = torch.ones(len(tasks))
        if config.task_weighting == "class_count":
            weight_K = 1 / even_costs(tasks)
        elif config.task_weighting == "fixed":
            given = dict(config.task_weights)
            unknown = given.keys() - {task.name for task in tasks}
            if unknown:
                raise BadArgumentError(
                    f"--task-weight {min(unknown)}: there is no such task;"
                    f" there are {', '.join(task.name for task in tasks)}"
                )
            weight_K = torch.tensor([given.get(task.name, 1.0) for task in tasks])
        self.register_buffer("weight_K", weight_K / len(tasks), persistent=False)
        self.is_learnt = config.task_weighting == "uncertainty"
        if self.is_learnt:
            self.log_variance_K = nn.Parameter(torch.zeros(len(tasks)))

    def forward(self, loss_K: torch.Tensor, count_K: torch.Tensor) -> torch.Tensor:
        """Return the weighted cost; a task that no product of the batch answers has no say."""
        if self.is_learnt:
            log_variance_K = self.log_variance_K
            loss_K = torch.exp(-log_variance_K) * loss_K + log_variance_K / 2
        return (self.weight_K * torch.where(count_K > 0, loss_K, 0)).sum()

"""A training process that lasts for some seconds, to be killed: python -m …long_fit FILE."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tests.training.classifier.conftest import TINY
from training.checkpoint import Checkpoint
from training.classifier.batches import Example
from training.classifier.catalogue import Task
from training.classifier.config import ClassifierConfig
from training.classifier.fitting import Curves, fit
from training.classifier.model import ProductClassifier

TASKS = (Task("brightness", ("dark", "light")), Task("words", ("few", "many")))
CONFIG = replace(TINY, epochs=15, task_weighting="uncertainty")


def examples(count: int, seed: int) -> list[Example]:
    """Draw products whose labels show: one in the photographs, the other in the text."""
    rng = np.random.default_rng(seed)
    return [
        _example(is_light, has_many, rng) for is_light, has_many in rng.integers(0, 2, (count, 2))
    ]


def _example(is_light: int, has_many: int, rng: np.random.Generator) -> Example:
    low = 128 * is_light
    views = tuple(rng.integers(low, low + 128, (16, 16, 3), np.uint8) for _ in range(2))
    return Example(
        views,
        rng.integers(0, 512, 4 + 8 * has_many),
        np.asarray([(0, is_light), (1, has_many)]),
    )


def fitted(
    kept: Checkpoint | None,
    config: ClassifierConfig = CONFIG,
    say: Callable[[str], object] = lambda _: None,
) -> tuple[ProductClassifier, Curves]:
    """Fit on 200 products, in one thread."""
    torch.set_num_threads(1)
    trained_on, tuning = examples(200, 1), examples(40, 2)
    return fit(config, TASKS, trained_on, tuning, torch.device("cpu"), 7, kept, say)


if __name__ == "__main__":
    fitted(Checkpoint(Path(sys.argv[1])))

"""A training process that lasts for some seconds, to be killed: python -m …long_fit FOLDER."""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from tests.training.ranker import planted
from training.ranker.config import RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.fitting import Fit, fit

CONFIG = replace(
    RankerConfig(), epochs=100, batch_groups=32, negatives=10, learning_rate=1e-2, likely_size=6
)


def fitted(checkpoints: Path | None) -> Fit:
    """Fit with losses of later examples, in one thread."""
    torch.set_num_threads(1)
    frame, later = (
        ExampleFrame.of(planted.examples(200, True, seed), planted.CATALOGUE) for seed in (1, 2)
    )
    return fit(frame, planted.CATALOGUE, CONFIG, seed=7, later=later, checkpoints=checkpoints)


if __name__ == "__main__":
    fitted(Path(sys.argv[1]))

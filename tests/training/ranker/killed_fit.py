"""A training process that is killed in the middle of its fourth epoch: python killed_fit.py FOLDER.

The kill is SIGKILL, which nothing can catch: what the run leaves is what it had written by then.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.ranker import planted
from training.ranker.config import RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.fitting import Fit, Loop, fit

CONFIG = replace(
    RankerConfig(), epochs=6, batch_groups=32, negatives=10, learning_rate=1e-2, trees=0
)
KILLED_AT = 4


def fitted(checkpoints: Path | None) -> Fit:
    """Fit with losses of later examples, in one thread."""
    torch.set_num_threads(1)
    frame, later = (
        ExampleFrame.of(planted.examples(200, True, seed), planted.CATALOGUE) for seed in (1, 2)
    )
    return fit(frame, planted.CATALOGUE, CONFIG, seed=7, later=later, checkpoints=checkpoints)


def main() -> None:
    """Fit until the kill."""
    losses, scored = Loop._losses, [0]
    batches = -(-200 // CONFIG.batch_groups)

    def killing(loop: Loop, data, batch):
        scored[0] += data is loop.data
        if scored[0] == (KILLED_AT - 1) * batches + batches // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return losses(loop, data, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "_losses", killing)
        fitted(Path(sys.argv[1]))


if __name__ == "__main__":
    main()

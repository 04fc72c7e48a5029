"""When a stage of training has learnt what it can: the plateau of a loss."""

import math
from dataclasses import dataclass


@dataclass
class Plateau:
    """Looks at the loss after each epoch of a stage, and says when the stage is over.

        patience 2, min_delta 0.1; losses 1.0, 0.8, 0.79, 0.75: over, for neither 0.79 nor 0.75
        is a tenth below 0.8; the lowest is 0.75

    Parameters
    ----------
    patience
        Epochs in a row without progress that end the stage; 0: only `most_epochs` does.
    min_delta
        Progress is a loss that lies below that of the last progress by this share of it.
    most_epochs
        The stage is over after so many epochs in any case.
    """

    patience: int
    min_delta: float
    most_epochs: int
    epochs: int = 0
    since_progress: int = 0
    level: float = math.inf
    """The loss of the last progress."""
    lowest: float = math.inf

    def see(self, loss: float) -> bool:
        """Take in the loss of one more epoch; return whether it is the stage's lowest."""
        self.epochs += 1
        self.since_progress += 1
        # By the size, not the sign: a learnt weighting can bring a loss below zero.
        if self.epochs == 1 or loss < self.level - self.min_delta * abs(self.level):
            self.level, self.since_progress = loss, 0
        is_lowest = loss < self.lowest
        self.lowest = min(loss, self.lowest)
        return is_lowest

    @property
    def is_over(self) -> bool:
        """Whether the stage is over."""
        is_flat = 0 < self.patience <= self.since_progress
        return is_flat or self.epochs >= self.most_epochs

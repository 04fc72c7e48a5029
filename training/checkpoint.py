"""Where a training run stands after an epoch, kept so that a killed run goes on from there.

A checkpoint's name is the digest of what its run depends on, so no run takes up another's; what
that is, `training.ranker.checkpoint` and `training.classifier.checkpoint` know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vitrine.publish import atomic_file


@dataclass(frozen=True)
class Checkpoint:
    """One file: the state of one training run, whole or absent."""

    file: Path

    @classmethod
    def of(cls, folder: Path, key: str) -> "Checkpoint":
        """Say where the run with this digest keeps its state."""
        return cls(folder / f"{key}.pt")

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the kept state at once; it consists of tensors, numbers, text and containers."""
        with atomic_file(self.file) as path:
            torch.save(dict(state), path)

    def read(self, device: torch.device) -> dict[str, Any] | None:
        """Return the kept state with its tensors on the device, or None if there is none."""
        if not self.file.exists():
            return None
        # weights_only: nothing but data is unpickled, whoever wrote the file.
        state: dict[str, Any] = torch.load(self.file, map_location=device, weights_only=True)
        return state

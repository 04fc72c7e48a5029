"""Where a training run stands after an epoch, kept so that a killed run goes on from there.

A checkpoint's name is the digest of all that its run depends on, so no run takes up another's.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.ranker.config import RankerConfig
from training.ranker.dataset import Dataset
from training.ranker.encoding import Encoder
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


def digest(
    config: RankerConfig, seed: int, encoders: tuple[Encoder, ...], *data: Dataset | None
) -> str:
    """Return the SHA-256 of settings, seed, encoders and every encoded example."""
    told = [asdict(config), seed, [encoder.stored() for encoder in encoders], torch.__version__]
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for dataset in data:
        for array in _arrays(dataset) if dataset is not None else ():
            found.update(f"\0{array.dtype}{array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _arrays(data: Dataset) -> Iterator[np.ndarray]:
    for side in (data.customers, data.campaigns, data.pairs):
        yield _on_cpu(side.numeric_BF)
        yield _on_cpu(side.codes_BK)
    yield _on_cpu(data.campaign_R)
    yield from (data.start_G, data.rows_G, data.purchases_G)


def _on_cpu(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.cpu().numpy()
    return array

"""Where a training run stands after an epoch, kept so that a killed run goes on from there.

A checkpoint's name is the digest of a run's settings, products and instant, so no run takes up
another's. Not in it are the pairs that customers made, which the instant decides unless a day of
orders was landed again, and what lies in the folder of a pretrained encoder.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from training.classifier.catalogue import Product, Task
from training.classifier.config import ClassifierConfig
from vitrine.interval import Interval, format_instant
from vitrine.publish import atomic_file

TENSOR = "tensor of this file"
STATE = "state"


@dataclass(frozen=True)
class Checkpoint:
    """One safetensors file: the state of one training run, whole or absent; nothing is pickled."""

    file: Path

    @classmethod
    def of(cls, folder: Path, key: str) -> "Checkpoint":
        """Say where the run with this digest keeps its state."""
        return cls(folder / f"{key}.safetensors")

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the kept state at once: tensors, numbers, text, and containers of them.

        Keys of mappings become text, as in JSON, which holds all but the tensors.
        """
        tensors: dict[str, torch.Tensor] = {}
        plain = _set_aside(dict(state), STATE, tensors)
        with atomic_file(self.file) as path:
            save_file(tensors, path, metadata={STATE: json.dumps(plain)})

    def read(self, device: torch.device) -> dict[str, Any] | None:
        """Return the kept state with its tensors on the device, or None if there is none."""
        if not self.file.exists():
            return None
        with safe_open(self.file, framework="pt", device=str(device)) as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state: dict[str, Any] = _put_back(json.loads(file.metadata()[STATE]), tensors)
        return state


def digest(
    config: ClassifierConfig,
    seed: int,
    tasks: Iterable[Task],
    products: Iterable[Product],
    known: Interval,
) -> str:
    """Return the SHA-256 of settings, seed, tasks, products with their images' hashes, and time."""
    told = [
        config.to_json(),
        seed,
        torch.__version__,
        [asdict(task) for task in tasks],
        [format_instant(known.start), format_instant(known.end)],
    ]
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for product in products:
        images = [image.sha256 for image in product.images]
        row = {**vars(product), "labels": dict(product.labels), "images": images}
        found.update(json.dumps(row, sort_keys=True, default=str).encode())
    return found.hexdigest()


def _set_aside(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Return what JSON can hold of a state, each tensor replaced by its name in `tensors`."""
    if isinstance(value, torch.Tensor):
        # A copy, for the file refuses tensors that lie in the same memory.
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {TENSOR: name}
    if isinstance(value, Mapping):
        return {str(key): _set_aside(v, f"{name}/{key}", tensors) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_set_aside(v, f"{name}/{i}", tensors) for i, v in enumerate(value)]
    return value


def _put_back(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {TENSOR}:
            return tensors[value[TENSOR]]
        return {key: _put_back(v, tensors) for key, v in value.items()}
    return [_put_back(v, tensors) for v in value] if isinstance(value, list) else value

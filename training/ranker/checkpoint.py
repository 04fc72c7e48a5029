"""What a training run's checkpoint is named by: the digest of all that the run depends on."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from training.ranker.config import RankerConfig
from training.ranker.dataset import Dataset
from training.ranker.encoding import Encoder


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

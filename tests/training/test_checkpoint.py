"""A checkpoint holds a state as it was, whole or not at all, and nothing but data."""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training.checkpoint import Checkpoint

CPU = torch.device("cpu")


def test_a_checkpoint_is_whole_or_absent(tmp_path):
    kept = Checkpoint.of(tmp_path, "a" * 64)
    assert kept.read(CPU) is None
    shared = torch.arange(6).reshape(2, 3)
    plain: dict[Any, Any] = {
        "stage": 2,
        "none": None,
        "list": [0.1, math.inf],
        0: "a number as a key",
    }
    generator = np.random.default_rng(1).bit_generator.state
    assert generator["state"]["state"] > 2**64
    kept.write({"weights": {"a": shared, "b": shared.T}, "generator": generator, **plain})
    found: Any = kept.read(CPU)
    weights = found.pop("weights")
    assert torch.equal(weights["a"], shared)
    assert torch.equal(weights["b"], shared.T)
    assert found == {"generator": generator, **plain}


def test_tensors_keep_their_layout_in_memory(tmp_path):
    """On which the order of a sum, and so its last bit, may depend."""
    kept = Checkpoint.of(tmp_path, "b" * 64)
    pixels = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    kept.write({"pixels": pixels})
    found: Any = kept.read(CPU)
    assert torch.equal(found["pixels"], pixels)
    assert found["pixels"].stride() == pixels.stride() != pixels.contiguous().stride()


class Hostile:
    """Touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def test_no_code_is_unpickled(tmp_path):
    kept, touched = Checkpoint.of(tmp_path, "c" * 64), tmp_path / "touched"
    kept.write({"weights": Hostile(touched)})
    with pytest.raises(pickle.UnpicklingError, match=r"[Ww]eights"):
        kept.read(CPU)
    assert not touched.exists()
    torch.load(kept.file, weights_only=False)
    assert touched.exists(), "the file would harm nobody: the test says nothing"

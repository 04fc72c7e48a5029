"""A killed training run goes on from its last whole epoch, and from nobody else's."""

import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.ranker import killed_fit, planted
from training.ranker import fitting
from training.ranker.checkpoint import Checkpoint, digest
from training.ranker.dataset import Dataset, ExampleFrame
from vitrine.settings import REPOSITORY


def trained_epochs(monkeypatch) -> list[float]:
    """Record the loss of every epoch that is trained from here on."""
    known, epoch = [], fitting.Loop.epoch

    def recording(loop: fitting.Loop) -> float:
        known.append(epoch(loop))
        return known[-1]

    monkeypatch.setattr(fitting.Loop, "epoch", recording)
    return known


def test_a_killed_run_goes_on_and_ends_where_an_uninterrupted_one_does(tmp_path, monkeypatch):
    command = [sys.executable, "-m", "tests.training.ranker.killed_fit", str(tmp_path)]
    killed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    (left,) = tmp_path.iterdir()
    assert left.suffix == ".pt"
    epochs = trained_epochs(monkeypatch)
    resumed = killed_fit.fitted(tmp_path)
    assert len(epochs) == killed_fit.CONFIG.epochs - (killed_fit.KILLED_AT - 1)
    whole = killed_fit.fitted(None)
    assert resumed.curves == whole.curves
    assert weights(resumed).keys() == weights(whole).keys()
    for name, values in weights(whole).items():
        assert torch.equal(values, weights(resumed)[name]), name
    # What is left is the finished state: the same question again trains nothing.
    del epochs[:]
    assert killed_fit.fitted(tmp_path).curves == whole.curves
    assert epochs == []


def weights(fit: fitting.Fit) -> dict[str, torch.Tensor]:
    return fit.ranker.network.state_dict()


def test_the_digest_depends_on_settings_seed_and_every_example():
    config, frame = killed_fit.CONFIG, planted_frame()
    encoders, data = encoded(frame)
    same = digest(config, 7, encoders, data, None)
    assert same == digest(config, 7, *encoded(planted_frame()), None)
    numbers = data.pairs.numeric_BF.clone()
    numbers[5, 0] += 1e-3
    others = {
        "seed": digest(config, 8, encoders, data, None),
        "settings": digest(replace(config, margin=0.9), 7, encoders, data, None),
        "later": digest(config, 7, encoders, data, data),
        "examples": digest(
            config, 7, encoders, replace(data, pairs=replace(data.pairs, numeric_BF=numbers)), None
        ),
        "purchases": digest(
            config, 7, encoders, replace(data, purchases_G=data.purchases_G + 1), None
        ),
        "encoders": digest(config, 7, encoders[::-1], data, None),
    }
    assert len({same, *others.values()}) == len(others) + 1


def planted_frame() -> ExampleFrame:
    return ExampleFrame.of(planted.examples(20, True, 1), planted.CATALOGUE)


def encoded(frame: ExampleFrame) -> tuple[Any, Dataset]:
    customer, campaign, pair = fitting.encoders_of(frame, planted.CATALOGUE)
    data = Dataset.of(frame, customer, campaign, pair, torch.device("cpu"))
    return (customer, campaign, pair), data


def test_a_checkpoint_is_whole_or_absent_and_no_code_is_unpickled(tmp_path):
    kept = Checkpoint.of(tmp_path, "a" * 64)
    assert kept.read(torch.device("cpu")) is None
    kept.write({"weights": torch.arange(3), "curves": {"loss": [0.5]}})
    found: Any = kept.read(torch.device("cpu"))
    assert found["weights"].tolist() == [0, 1, 2]
    assert found["curves"] == {"loss": [0.5]}
    torch.save({"anything": np.random.default_rng(1)}, kept.file)
    with pytest.raises(Exception, match=r"[Ww]eights"):
        kept.read(torch.device("cpu"))

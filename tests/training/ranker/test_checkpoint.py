"""A killed training run goes on from its last whole epoch, and from nobody else's."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tests.training.ranker import long_fit, planted
from training.checkpoint import Checkpoint
from training.ranker import fitting
from training.ranker.checkpoint import digest
from training.ranker.dataset import Dataset, ExampleFrame
from vitrine.settings import REPOSITORY

CPU = torch.device("cpu")
KEPT = "[0-9a-f]*.pt"


def killed_in_network(number: int, folder: Path) -> int:
    """Let a process train, and kill it when its n-th network has kept an epoch; return its code."""
    command = [sys.executable, "-m", "tests.training.ranker.long_fit", str(folder)]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE) as training:
        while training.poll() is None and len(list(folder.glob(KEPT))) < number:
            time.sleep(0.002)
        training.kill()
    return training.returncode


def test_a_killed_run_goes_on_and_ends_where_an_uninterrupted_one_does(tmp_path):
    folder, marked = tmp_path / "killed", tmp_path / "marked"
    folder.mkdir()
    assert killed_in_network(1, folder) == -signal.SIGKILL
    (left,) = folder.glob(KEPT)
    state: Any = Checkpoint(left).read(CPU)
    done = len(state["curves"]["train_loss"])
    assert 0 < done < long_fit.CONFIG.epochs
    # Losses that no training gives show which epochs were taken from the file.
    marks = {name: [-1.0] * done for name in state["curves"]}
    marked.mkdir()
    Checkpoint(marked / left.name).write({**state, "curves": marks})
    whole, resumed = long_fit.fitted(None), long_fit.fitted(folder)
    assert long_fit.fitted(marked).curves == whole.curves | {
        name: marks[name] + whole.curves[name][done:] for name in marks
    }
    assert resumed.curves == whole.curves
    assert weights(resumed).keys() == weights(whole).keys()
    for name, values in weights(whole).items():
        assert torch.equal(values, weights(resumed)[name]), name
    # What is left is the finished state: the same question again trains and writes nothing.
    finished = left.stat()
    assert long_fit.fitted(folder).curves == whole.curves
    assert (left.stat().st_ino, left.stat().st_mtime_ns) == (finished.st_ino, finished.st_mtime_ns)


def test_one_killed_in_its_second_network_does_not_train_the_first_anew(tmp_path):
    assert killed_in_network(2, tmp_path) == -signal.SIGKILL
    first, second = sorted(tmp_path.glob(KEPT), key=lambda file: file.stat().st_mtime_ns)
    done: Any = Checkpoint(second).read(CPU)
    assert 0 < len(done["curves"]["train_loss"]) < long_fit.CONFIG.epochs
    finished = first.stat().st_mtime_ns
    whole, resumed = long_fit.fitted(None), long_fit.fitted(tmp_path)
    assert first.stat().st_mtime_ns == finished < second.stat().st_mtime_ns
    assert resumed.curves == whole.curves
    for name, values in weights(whole).items():
        assert torch.equal(values, weights(resumed)[name]), name


def weights(fit: fitting.Fit) -> dict[str, torch.Tensor]:
    return fit.ranker.network.state_dict()


def test_the_digest_depends_on_settings_seed_and_every_example():
    config, frame = long_fit.CONFIG, planted_frame()
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
    data = Dataset.of(frame, customer, campaign, pair, CPU)
    return (customer, campaign, pair), data

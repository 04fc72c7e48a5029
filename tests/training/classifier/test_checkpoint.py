"""A killed training run goes on from its last whole epoch, and from nobody else's."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.classifier import long_fit
from training.checkpoint import Checkpoint
from training.classifier.catalogue import Product, Task
from training.classifier.checkpoint import digest
from training.classifier.fitting import Curves
from training.classifier.images import ImageFile
from training.classifier.model import ProductClassifier, new_encoder
from vitrine.interval import Interval, parse_instant
from vitrine.settings import REPOSITORY

CPU = torch.device("cpu")


class KilledError(Exception):
    """Ends a run where a power cut would."""


@pytest.fixture(scope="module")
def whole() -> tuple[ProductClassifier, Curves]:
    return long_fit.fitted(None)


def test_a_killed_run_goes_on_and_ends_where_an_uninterrupted_one_does(tmp_path, whole):
    kept = Checkpoint.of(tmp_path, "a" * 64)
    command = [sys.executable, "-m", "tests.training.classifier.long_fit", str(kept.file)]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE) as training:
        while training.poll() is None and not kept.file.exists():
            time.sleep(0.002)
        training.kill()
    assert training.returncode == -signal.SIGKILL
    state: Any = kept.read(CPU)
    done = len(state["curves"]["loss"])
    assert 0 < done < long_fit.CONFIG.epochs
    # Losses that no training gives show which epochs were taken from the file.
    marks = {name: [9.0] * done for name in state["curves"]}
    kept.write({**state, "curves": marks})
    said: list[str] = []
    model, curves = long_fit.fitted(kept, say=said.append)
    assert said[0] == f"going on after epoch {done}, which a killed run had reached"
    assert len(said) == 1 + long_fit.CONFIG.epochs - done
    assert curves == {name: marks[name] + values[done:] for name, values in whole[1].items()}
    assert_same(model, whole[0])
    # What is left is the finished state: the same question again trains and writes nothing.
    finished = kept.file.stat()
    assert_same(long_fit.fitted(kept)[0], model)
    assert kept.file.stat() == finished


@pytest.mark.parametrize("last", [2, 5])
def test_it_goes_on_in_the_stage_in_which_a_pretrained_encoder_was(tmp_path, last):
    torch.manual_seed(3)
    new_encoder(long_fit.CONFIG).save_pretrained(tmp_path / "encoder")
    config = replace(long_fit.CONFIG, pretrained=str(tmp_path / "encoder"), epochs=2, patience=1)
    kept = Checkpoint.of(tmp_path, "b" * 64)

    def cut(line: str) -> None:
        if len(kept.read(CPU)["curves"]["loss"]) == last:  # type: ignore[index]
            raise KilledError(line)

    with pytest.raises(KilledError):
        long_fit.fitted(kept, config, cut)
    model, curves = long_fit.fitted(kept, config)
    there, expected = long_fit.fitted(None, config)
    assert curves == expected
    assert_same(model, there)


def assert_same(one: ProductClassifier, other: ProductClassifier) -> None:
    assert one.state_dict().keys() == other.state_dict().keys()
    for name, values in one.state_dict().items():
        assert torch.equal(values, other.state_dict()[name]), name


def test_the_digest_depends_on_all_that_the_training_does():
    known = Interval(parse_instant("2026-01-01"), parse_instant("2026-01-02"))
    later = Interval(known.start, parse_instant("2026-01-03"))
    shirt = Product("p", "shirt", (ImageFile(Path("a.jpg"), "1"),), {"colour": "red"})
    tasks = (Task("colour", ("blue", "red")),)
    config = long_fit.CONFIG
    same = digest(config, 7, tasks, [shirt], known)
    assert same == digest(replace(config), 7, tasks, [replace(shirt)], known)
    others = [
        digest(replace(config, dropout=0.2), 7, tasks, [shirt], known),
        digest(config, 8, tasks, [shirt], known),
        digest(config, 7, (replace(tasks[0], is_multi_label=True),), [shirt], known),
        digest(config, 7, tasks, [shirt, shirt], known),
        digest(config, 7, tasks, [replace(shirt, text="boot")], known),
        digest(config, 7, tasks, [replace(shirt, category="wear")], known),
        digest(config, 7, tasks, [replace(shirt, labels={"colour": "blue"})], known),
        digest(config, 7, tasks, [replace(shirt, images=(ImageFile(Path("a.jpg"), "2"),))], known),
        digest(config, 7, tasks, [shirt], later),
    ]
    assert len({same, *others}) == len(others) + 1

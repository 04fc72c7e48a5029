"""Whoever follows a run sees each task once, how many there are, and the log of a failure."""

from dataclasses import dataclass, field
from typing import cast

import pytest

from vitrine.errors import VitrineError
from vitrine.operations.airflow import Airflow, TaskState
from vitrine.operations.progress import Progress

RUN = ("daily_features", "demo")


@dataclass
class Recorded:
    """An Airflow that shows one look after the other, and the last one for ever."""

    looks: list[dict[str, str]]
    _seen: int = field(default=0)

    def runs(self) -> dict[tuple[str, str], str]:
        look = self._look()
        self._seen += 1
        return {RUN: "success" if set(look.values()) <= {"success", "skipped"} else "running"}

    def tasks(self, dag: str, run: str) -> list[TaskState]:
        look = self.looks[min(self._seen - 1, len(self.looks) - 1)]
        return [TaskState(dag, run, task, state, 1, 2.5) for task, state in look.items()]

    def log(self, task: TaskState) -> list[str]:
        return [f"vitrine: {task.task} skipped: no orders"]

    def _look(self) -> dict[str, str]:
        return self.looks[min(self._seen, len(self.looks) - 1)]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("vitrine.operations.progress.POLL_S", 0.0)


def follow(*looks: dict[str, str]) -> tuple[Progress, list[str]]:
    lines: list[str] = []
    progress = Progress(cast("Airflow", Recorded(list(looks))), lines.append)
    progress.follow(*RUN)
    return progress, lines


def test_each_task_is_told_once_with_its_number_and_the_total():
    _, lines = follow(
        {"land": "success", "spark": "running", "build": "waiting"},
        {"land": "success", "spark": "success", "build": "running"},
        {"land": "success", "spark": "success", "build": "success"},
    )
    assert [line.split()[2:4] for line in lines] == [
        ["land", "success"],
        ["spark", "success"],
        ["build", "success"],
    ]
    assert [line[-6:] for line in lines] == ["1 of 3", "2 of 3", "3 of 3"]


def test_a_skipped_task_says_why():
    progress, _ = follow({"land": "success", "spark": "skipped"})
    assert progress.skipped() == ["daily_features.spark: spark skipped: no orders"]


def test_a_failure_ends_the_following_with_its_log():
    with pytest.raises(
        VitrineError, match=r"land failed in run demo; the end of its log:\nvitrine"
    ):
        follow({"land": "failed", "spark": "waiting"})

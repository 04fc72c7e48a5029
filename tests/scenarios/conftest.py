"""A month of a small shop, run from first to last in the order of time and never killed."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.scenarios import runs


@dataclass
class Straight:
    """A home and how long each of its commands took."""

    home: Path
    seconds: dict[tuple[str, ...], float] = field(default_factory=dict)

    def run(self, command: list[str]) -> None:
        """Run a command and remember its time."""
        self.seconds[tuple(command[:4])] = runs.run(self.home, command)

    def usual_s(self, command: list[str]) -> float:
        """Return how long a command, or one of the same kind, took."""
        return self.seconds[tuple(command[:4])]


@pytest.fixture(scope="session")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Straight:
    """The month landed, counted, built and published; tests read it, or go on from it."""
    made = Straight(tmp_path_factory.mktemp("straight") / "home")
    made.run(runs.SIMULATE)
    made.run(["land", *runs.MONTH])
    for job in runs.SPARK:
        made.run([*job, *runs.MONTH])
    for database in ("daily", "intraday"):
        *build, publish = runs.build(database, runs.MONTH)
        for command in build:
            made.run(command)
        made.run(publish)
    return made

"""A night's commands under real kills: nobody is lost, nobody is in the list twice."""

import hashlib
import json
import multiprocessing
import random
import signal
from collections import Counter

import pyarrow.parquet as pq
import pytest

from tests.email_lists import nights
from tests.email_lists.homes import AS_OF
from vitrine.publish import TEMPORARY

KILLS = {nights.BUILD: 24, nights.CHECK: 2, nights.PUBLISH: 74}


class Commands:
    """Runs commands of a home's night in processes of their own, some of them to the end."""

    def __init__(self, paths):
        self.paths = paths
        # Processes start from one that has loaded what commands need.
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(list(nights.LOADED))
        self.dice = random.Random(6)
        self.usual = {}
        """Of a command: its changes of files, and the processor's seconds."""

    def run(self, *commands, kills=None):
        """Start commands at the same moment, with the kills of each; return their exit codes."""
        at_once, home = self.context.Barrier(len(commands)), str(self.paths.home)
        told = [self.context.RawArray("d", 2) for _ in commands]
        processes = [
            self.context.Process(
                target=nights.run,
                args=(home, str(self.paths.landing), command, at_once, kill, figures),
            )
            for command, kill, figures in zip(
                commands, kills or [nights.NEVER] * len(commands), told, strict=True
            )
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if kills is None:
            self.usual |= {c: (f[0], f[1]) for c, f in zip(commands, told, strict=True)}
        return [process.exitcode for process in processes]

    def kill(self, *commands):
        """Kill commands that started together, before a change of a file or at any moment."""
        return self.run(*commands, kills=[self._kill(command) for command in commands])

    def _kill(self, command):
        changes, seconds = self.usual[command]
        if self.dice.random() < 0.3:
            return nights.Kill(at_change=self.dice.randint(1, int(changes)))
        return nights.Kill(after_s=seconds * self.dice.uniform(0.01, 1))

    def partners(self, command):
        """Return what runs at once: the command alone, twice, or beside one that it meets."""
        met = {nights.PUBLISH: nights.BUILD}.get(command, command)
        return self.dice.choice([(command,), (command, command), (command, met)])


def published(paths):
    """Read who is on the visible list, if any: whole as its manifest says, one row per person."""
    folder = paths.published_list("daily", AS_OF.date()) / "current"
    if not folder.exists():
        return None
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, told in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == told["sha256"]
    rows = [row for f in folder.glob("lists/*.parquet") for row in pq.read_table(f).to_pylist()]
    listed = [row["customer_id"] for row in rows]
    letters = pq.read_table(folder / "letters.parquet")["customer_id"].to_pylist()
    left_out = pq.read_table(folder / "exclusions.parquet")["customer_id"].to_pylist()
    assert sorted(letters) == sorted(listed)
    assert sorted([*listed, *left_out]) == list(nights.NAMES)
    return {*listed}


def versions(paths):
    return list((paths.published_list("daily", AS_OF.date()) / "versions").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_kills_of_a_nights_commands_lose_and_double_nobody(paths):
    nights.prepare(paths)
    nights.decide(paths, "anna")
    commands, everybody = Commands(paths), {*nights.NAMES}
    killed: Counter[tuple[str, str]] = Counter()
    for command, times in ((nights.BUILD, 1), (nights.CHECK, 1), (nights.PUBLISH, 2)):
        assert commands.run(*[command] * times) == [0] * times
    [only] = versions(paths)
    assert commands.run(nights.PUBLISH) == [0]
    assert versions(paths) == [only]
    assert published(paths) == everybody - {"anna"}

    suppressed, left = "ben", "anna"
    for command in KILLS:
        while killed[command] < KILLS[command]:
            # Each time there is something else to write: another policy, or somebody who left.
            if command == nights.BUILD:
                nights.decide(paths, commands.dice.choice(nights.NAMES))
            if command == nights.PUBLISH:
                left = commands.dice.choice(nights.NAMES)
                nights.withdraw(paths, left)
            before, together = published(paths), commands.partners(command)
            for of, code in zip(together, commands.kill(*together), strict=True):
                assert code in (0, nights.REFUSED, -signal.SIGKILL, -signal.SIGPROF)
                killed[of] += code < 0
            assert published(paths) in (before, everybody - {suppressed, left})
        # What was killed is typed again, as Airflow does.
        nights.decide(paths, suppressed)
        assert commands.run(command) == [0]
    assert killed.total() >= 100
    assert commands.run(nights.PUBLISH, nights.PUBLISH) == [0, 0]
    assert published(paths) == everybody - {suppressed, left}
    assert not [version for version in versions(paths) if version.name.startswith(TEMPORARY)]

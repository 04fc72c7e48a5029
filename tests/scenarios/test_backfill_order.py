"""Thirty days in random order, with tasks killed and run again, end like the days in order.

What is run: `land` for each of the thirty days alone, in random order, three of them killed and run
again; each Spark job for the end of the month before its beginning, cut anywhere, the first of them
killed and run again (a job for each day would start Java sixty times); then both warehouses as a
chain of three increments, of which every layer of the last daily one, the last intraday one, and
the publication of both are killed and run again. What it is compared with is the month landed,
counted and built in one command each, by the hash of every file and of every published table and
view.
"""

import json
import random
import shutil
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.scenarios import runs

DAYS = [date(2026, 3, 9) + timedelta(days=n) for n in range(30)]
SPARK_STRETCHES, KILLED = 2, 3
CHAIN = [(runs.START, "2026-03-28"), ("2026-03-28", "2026-03-30"), ("2026-03-30", runs.END)]
"""What is built on what; the clocks change in the middle one."""


def typed(start: str, end: str) -> list[str]:
    return ["--start", start, "--end", end]


def stretches(count: int, dice: random.Random) -> list[list[str]]:
    """Cut the month into stretches of days, in any order but the days'."""
    cuts = sorted(dice.sample(range(1, len(DAYS)), count - 1))
    ends = [*(DAYS[cut] for cut in cuts), DAYS[-1] + timedelta(days=1)]
    pieces = [
        typed(start.isoformat(), end.isoformat())
        for start, end in zip([DAYS[0], *ends[:-1]], ends, strict=True)
    ]
    while pieces == sorted(pieces):
        dice.shuffle(pieces)
    return pieces


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [SPARK_STRETCHES, len(DAYS)])
def test_the_stretches_are_the_month_in_another_order(count, seed):
    pieces = stretches(count, random.Random(seed))
    assert [piece[1] for piece in pieces] != sorted(piece[1] for piece in pieces)
    in_order = sorted(pieces)
    assert (in_order[0][1], in_order[-1][3]) == (runs.START, runs.END)
    assert len(in_order) == count
    assert all(a[3] == b[1] for a, b in pairwise(in_order))


def land(home: Path, straight, dice: random.Random) -> None:
    # A day takes about as long as the month: to start costs more than to land.
    usual_s = straight.usual_s(["land", *runs.MONTH])
    commands = [["land", *day] for day in stretches(len(DAYS), dice)]
    for command in commands[:KILLED]:
        runs.run_killed(home, command, usual_s, dice)
    runs.run_in_turn(home, commands[KILLED:])


def count(home: Path, straight, dice: random.Random) -> None:
    for job in runs.SPARK:
        first, *others = stretches(SPARK_STRETCHES, dice)
        runs.run_killed(home, [*job, *first], straight.usual_s([*job, *runs.MONTH]), dice)
        for piece in others:
            runs.run(home, [*job, *piece])


def build(home: Path, straight, dice: random.Random) -> None:
    for database in ("daily", "intraday"):
        *earlier, last = (typed(*ends) for ends in CHAIN)
        steps = [[step, database, *piece] for piece in earlier for step in ("build", "publish")]
        runs.run_in_turn(home, steps)
        for command, like in zip(
            runs.build(database, last), runs.build(database, runs.MONTH), strict=True
        ):
            runs.run_killed(home, command, straight.usual_s(like), dice)


def begun_anew(home: Path) -> list[str]:
    """Name the ends of the builds that went on from no other."""
    records = (json.loads(file.read_text()) for file in sorted((home / "runs").glob("*.json")))
    return [
        record["interval_end_at"]
        for record in records
        if "it begins anew" in record["figures"].get("begins", "")
    ]


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_backfill_in_random_order_ends_like_the_days_in_order(straight, tmp_path):
    dice = random.Random(20260309)
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(straight.home / "landing", home / "landing")
    land(home, straight, dice)
    count(home, straight, dice)
    build(home, straight, dice)
    assert begun_anew(home) == [f"{CHAIN[0][1]}T00:00:00Z"] * 2
    expected, found = runs.data(straight.home), runs.data(home)
    assert len(expected) > 500
    assert "daily.marts.customer_features" in expected  # a view
    assert runs.differing(expected, found) == set()
    left = {file.name for file in (home / "staging" / "warehouse").rglob("*.*") if file.is_file()}
    assert left == {".lock", "dbt.log", "increment.json", "progress.json"}

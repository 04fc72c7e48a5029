"""Thirty days in random order, with tasks killed and run again, end like the days one by one."""

import random
import shutil
from datetime import date, timedelta
from itertools import pairwise

import pytest

from tests.scenarios import runs

DAYS = [date(2026, 3, 9) + timedelta(days=n) for n in range(30)]
STRETCHES, SPARK_STRETCHES, KILLED = 8, 2, 3


def stretches(count: int, dice: random.Random) -> list[list[str]]:
    """Cut the month into stretches of days, and shuffle them."""
    cuts = sorted(dice.sample(range(1, len(DAYS)), count - 1))
    ends = [*(DAYS[cut] for cut in cuts), DAYS[-1] + timedelta(days=1)]
    pieces = [
        ["--start", start.isoformat(), "--end", end.isoformat()]
        for start, end in zip([DAYS[0], *ends[:-1]], ends, strict=True)
    ]
    dice.shuffle(pieces)
    return pieces


def test_the_stretches_are_the_month():
    pieces = stretches(STRETCHES, random.Random(1))
    assert [piece[1] for piece in pieces] != sorted(piece[1] for piece in pieces)
    in_order = sorted(pieces)
    assert (in_order[0][1], in_order[-1][3]) == (runs.START, runs.END)
    assert all(a[3] == b[1] for a, b in pairwise(in_order))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_backfill_in_random_order_ends_like_the_days_in_order(straight, tmp_path):
    dice = random.Random(20260309)
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(straight.home / "landing", home / "landing")
    for number, piece in enumerate(stretches(STRETCHES, dice)):
        command = ["land", *piece]
        if number < KILLED:
            # A stretch takes about as long as the month: to start costs more than to land.
            usual_s = straight.usual_s(["land", *runs.MONTH])
            runs.run_killed(home, command, usual_s, dice)
        else:
            runs.run(home, command)
    for job in runs.SPARK:
        first, *others = stretches(SPARK_STRETCHES, dice)
        runs.run_killed(home, [*job, *first], straight.usual_s([*job, *runs.MONTH]), dice)
        for piece in others:
            runs.run(home, [*job, *piece])
    for database in ("daily", "intraday"):
        for command in runs.build(database):
            if database == "daily" or command[0] == "publish":
                runs.run_killed(home, command, straight.usual_s(command), dice)
            else:
                runs.run(home, command)
    expected, found = runs.data(straight.home), runs.data(home)
    assert len(expected) > 500
    assert runs.differing(expected, found) == set()

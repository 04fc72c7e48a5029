from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from email_lists.audience.caps import exceeded
from vitrine.contracts import INSTANT
from vitrine.interval import DAY, parse_instant
from vitrine.list_policy import Cap, Caps, local_day

NIGHT = date(2026, 3, 28)
FIRST = date(2026, 3, 22)
PEOPLE = pa.schema(
    {
        "customer_id": pa.string(),
        "timezone": pa.string(),
        "send_at": INSTANT,
        "strategy": pa.string(),
    }
)
LETTERS = pa.schema(
    {
        "customer_id": pa.string(),
        "list": pa.string(),
        "night": pa.date32(),
        "send_at": INSTANT,
        "strategy": pa.string(),
    }
)


def table(schema, *rows):
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def reason(caps, *letters, at="2026-03-28T06:30:00Z", strategy="popular", zone="Europe/Paris"):
    """Say which cap keeps anna from a letter, after what she was promised already."""
    wanted = table(PEOPLE, ("anna", zone, parse_instant(at), strategy))
    found = exceeded(wanted, table(LETTERS, *letters), caps, "daily", NIGHT)
    [row] = found.to_pylist()
    assert row["customer_id"] == "anna"
    return row["exclusion"]


def letter(at, strategy="popular", name="daily", night=None, who="anna"):
    instant = parse_instant(at)
    return (who, name, night or instant.date(), instant, strategy)


DAILY = Caps(per_day=1, per_week=None, by_strategy={})
WEEKLY = Caps(per_day=None, per_week=2, by_strategy={})


def test_a_second_letter_of_a_day_is_one_too_many():
    assert reason(DAILY) is None
    assert reason(DAILY, letter("2026-03-28T18:00:00Z", name="weekend")) == "cap_per_day"
    assert reason(DAILY, letter("2026-03-28T18:00:00Z", name="weekend", who="ben")) is None


def test_the_letter_that_is_made_again_does_not_count():
    assert reason(DAILY, letter("2026-03-28T06:30:00Z")) is None
    assert reason(DAILY, letter("2026-03-28T06:30:00Z", night=date(2026, 3, 27))) == "cap_per_day"


def test_what_the_shop_sent_by_itself_counts():
    newsletter = ("anna", None, None, parse_instant("2026-03-28T05:45:00Z"), None)
    assert reason(DAILY, newsletter) == "cap_per_day"


def test_a_letter_counts_on_the_day_it_went_and_on_the_day_it_is_promised_for():
    """It was sent on the 27th; its list was made anew since, for the 28th."""
    of = {"name": "weekend", "night": date(2026, 3, 27)}
    sent, promised = letter("2026-03-27T06:30:00Z", **of), letter("2026-03-28T06:30:00Z", **of)
    for day in ("2026-03-27T12:00:00Z", "2026-03-28T12:00:00Z"):
        assert reason(DAILY, sent, promised, at=day) == "cap_per_day"
    same_day = letter("2026-03-28T06:31:00Z", **of)
    twice = Caps(per_day=2, per_week=None, by_strategy={})
    assert reason(twice, promised, same_day) is None, "one letter, promised and sent"
    own = ("anna", None, None, parse_instant("2026-03-28T05:45:00Z"), None)
    assert reason(twice, own, own) == "cap_per_day"


def test_days_are_the_customers_own():
    late = letter("2026-03-27T23:30:00Z", night=date(2026, 3, 27))
    assert reason(DAILY, late) == "cap_per_day", "half past midnight in Paris"
    assert reason(DAILY, late, zone="Europe/London") is None


@pytest.mark.parametrize(
    ("before", "caps", "expected"),
    [
        # The day that the clocks go forward is 23 hours long, and begins an hour earlier after it.
        ("2026-03-28T23:30:00Z", DAILY, "cap_per_day"),
        ("2026-03-29T21:59:59Z", DAILY, "cap_per_day"),
        ("2026-03-29T22:00:00Z", DAILY, None),
        ("2026-03-28T22:59:59Z", DAILY, None),
    ],
)
def test_a_day_on_which_the_clocks_change_is_a_day(before, caps, expected):
    sent = letter(before, name="weekend")
    assert reason(caps, sent, at="2026-03-29T12:00:00Z") == expected


def test_a_week_is_any_seven_days_in_a_row_on_both_sides():
    days = {n: letter(f"2026-03-{n}T06:30:00Z") for n in range(20, 32)}
    april = letter("2026-04-03T06:30:00Z")
    assert reason(WEEKLY, days[22], days[25]) == "cap_per_week"
    assert reason(WEEKLY, days[21], days[22]) is None, "the 21st is seven days before"
    assert reason(WEEKLY, days[25], days[31]) == "cap_per_week", "the 25th to the 31st"
    assert reason(WEEKLY, days[24], days[31]) is None, "never three in seven days"
    assert reason(WEEKLY, days[31], april) == "cap_per_week", "a night that is made afterwards"


def test_a_strategy_has_caps_of_its_own():
    caps = Caps(per_day=None, per_week=None, by_strategy={"win_back": Cap(per_week=1)})
    before = letter("2026-03-24T06:30:00Z", "win_back")
    assert reason(caps, before, strategy="win_back") == "cap_of_strategy_per_week"
    assert reason(caps, before, strategy="popular") is None
    assert reason(caps, letter("2026-03-24T06:30:00Z"), strategy="win_back") is None


def test_the_weightiest_cap_is_named():
    all_caps = Caps(per_day=1, per_week=1, by_strategy={"premium": Cap(per_day=1, per_week=1)})
    same_day = letter("2026-03-28T06:30:00Z", "premium", name="weekend")
    day_before = letter("2026-03-27T06:30:00Z", "premium")
    assert reason(all_caps, same_day, strategy="premium") == "cap_per_day"
    assert reason(all_caps, day_before, strategy="premium") == "cap_per_week"
    own = all_caps.model_copy(update={"per_day": None, "per_week": None})
    assert reason(own, same_day, strategy="premium") == "cap_of_strategy_per_day"


def test_a_cap_of_nothing_lets_nobody_through_and_none_everybody():
    assert reason(Caps(per_day=0)) == "cap_per_day"
    assert reason(Caps(per_day=None, per_week=0)) == "cap_per_week"
    none = Caps(per_day=None, per_week=None, by_strategy={})
    assert reason(none, *(letter("2026-03-28T06:30:00Z", name=f"l{n}") for n in range(9))) is None


def test_nobody_at_all_is_fine():
    assert exceeded(table(PEOPLE), table(LETTERS), Caps(), "daily", NIGHT).num_rows == 0


@pytest.mark.parametrize("seed", range(2))
def test_caps_hold_whatever_is_made_in_whatever_order(seed):
    """A fortnight of two lists for a hundred people, made in any order, some nights again."""
    draws = np.random.default_rng(seed)
    zones = ["Europe/Paris", "Pacific/Auckland", "Australia/Lord_Howe"]
    caps = Caps(per_day=1, per_week=3, by_strategy={"premium": Cap(per_week=1)})
    nights = [(name, n) for name in ("daily", "weekend") for n in range(14)]
    order = [nights[n] for n in [*draws.permutation(28), *draws.integers(0, 28, 10)]]
    wanted = {
        (name, n): [
            (f"c{who:02}", zones[who % 3], at, ("popular", "premium")[hour % 2])
            for who, hour in enumerate(draws.integers(0, 24, 100))
            for at in [datetime.combine(FIRST + n * DAY, time(hour, 30), ZoneInfo(zones[who % 3]))]
        ]
        for name, n in nights
    }
    promised: dict[Any, Any] = {}
    for name, n in order:
        night, people = FIRST + n * DAY, wanted[name, n]
        letters = [letter for made in promised.values() for letter in made]
        found = exceeded(table(PEOPLE, *people), table(LETTERS, *letters), caps, name, night)
        allowed = [
            person
            for person, reason in zip(people, found["exclusion"].to_pylist(), strict=True)
            if reason is None
        ]
        promised[name, n] = [(who, name, night, at, kind) for who, _, at, kind in allowed]
    for who in {row[0] for row in people}:
        got = [row for made in promised.values() for row in made if row[0] == who]
        zone = zones[int(who[1:]) % 3]
        assert most([local_day(at, zone) for *_, at, _ in got], 1) == 1
        assert most([local_day(at, zone) for *_, at, _ in got], 7) == 3
        assert most([local_day(at, zone) for *_, at, kind in got if kind == "premium"], 7) <= 1


def most(days, within):
    """Count the most of some days that lie within so many in a row."""
    return max((sum(0 <= (d - first).days < within for d in days) for first in days), default=0)

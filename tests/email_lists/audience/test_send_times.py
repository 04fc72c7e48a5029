from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_lists.audience.send_times import send_at, send_times
from vitrine.contracts import INSTANT
from vitrine.interval import DAY, EPOCH, parse_instant
from vitrine.list_policy import SendTimes

AS_OF = parse_instant("2026-03-02T03:30:00Z")
DEFAULTS = SendTimes()
HALF_PAST_SEVEN = time(7, 30)
ALWAYS = SendTimes(quiet_from=time(0), quiet_until=time(0))


@pytest.mark.parametrize(
    ("as_of", "timezone", "expected"),
    [
        ("2026-03-02T03:30:00Z", "Europe/Paris", "2026-03-02T06:30:00Z"),
        ("2026-03-02T03:30:00Z", "Europe/London", "2026-03-02T07:30:00Z"),
        ("2026-03-02T06:30:00Z", "Europe/Paris", "2026-03-02T06:30:00Z"),
        ("2026-03-02T06:30:01Z", "Europe/Paris", "2026-03-03T06:30:00Z"),
        ("2026-03-29T00:30:00Z", "Europe/Paris", "2026-03-29T05:30:00Z"),
        ("2026-10-25T00:30:00Z", "Europe/Paris", "2026-10-25T06:30:00Z"),
        ("2026-03-02T03:30:00Z", "Australia/Sydney", "2026-03-02T20:30:00Z"),
        ("2026-03-02T03:30:00Z", "America/New_York", "2026-03-02T12:30:00Z"),
    ],
)
def test_the_first_half_past_seven_in_the_customers_zone(as_of, timezone, expected):
    found = send_at(parse_instant(as_of), timezone, HALF_PAST_SEVEN, SendTimes())
    assert found == parse_instant(expected)


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_an_unknown_zone_has_no_send_time(timezone):
    assert send_at(AS_OF, timezone, HALF_PAST_SEVEN, SendTimes()) is None


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"),  # 02:30 is left out: 03:30 it is
        ("2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"),  # 02:30 comes twice: the first
        ("2026-10-25T00:31:00Z", "2026-10-26T01:30:00Z"),
    ],
)
def test_an_hour_that_the_clocks_leave_out_or_repeat(as_of, expected):
    found = send_at(parse_instant(as_of), "Europe/Paris", time(2, 30), ALWAYS)
    assert found == parse_instant(expected)


def test_an_hour_that_the_clocks_move_into_the_quiet_ones_waits_a_day():
    rules = SendTimes(quiet_from=time(3), quiet_until=time(4))
    found = send_at(parse_instant("2026-03-29T00:00:00Z"), "Europe/Paris", time(2, 30), rules)
    assert found == parse_instant("2026-03-30T00:30:00Z")


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.sampled_from(["Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.integers(0, 23),
    st.integers(0, 23),
    st.integers(0, 23),
)
@settings(max_examples=150, deadline=None)
def test_nobody_is_written_to_before_the_run_nor_in_the_quiet_hours(as_of, zone, at, since, until):
    rules = SendTimes.model_construct(quiet_from=time(since), quiet_until=time(until))
    run = as_of.replace(tzinfo=EPOCH.tzinfo)
    found = send_at(run, zone, time(at), rules)
    if found is None:
        assert rules.is_quiet(time(at))
    else:
        assert run <= found <= run + 2 * DAY + timedelta(hours=1)
        assert not rules.is_quiet(found.astimezone(ZoneInfo(zone)).time())


@pytest.fixture
def when():
    """Say when anna (in Paris), ben (in London) and zoe (nowhere) are written to, by hour."""

    def run(opens=(), rules=DEFAULTS):
        zones = {"anna": "Europe/Paris", "ben": "Europe/London", "zoe": "Mars/Olympus"}
        customers = pa.table({"customer_id": list(zones), "timezone": list(zones.values())})
        table = pa.table(
            {
                "customer_id": pa.array([c for c, _ in opens], pa.string()),
                "opened_at": pa.array([parse_instant(at) for _, at in opens], INSTANT),
            }
        )
        found = send_times(customers, table, AS_OF, rules).to_pylist()
        assert [row["customer_id"] for row in found] == list(zones)
        assert found[2]["send_at"] is None
        assert found[2]["local_day"] is None
        return [row["send_at"].strftime("%H:%M") for row in found[:2]]

    return run


def opened(who, time_of_day, *days):
    return [(who, f"2026-02-{day:02}T{time_of_day}:00Z") for day in days]


def test_who_opens_at_one_hour_is_written_to_then_by_their_own_clock(when):
    at_six = opened("anna", "17:20", 3, 4, 20) + opened("ben", "17:40", 3, 4, 20)
    assert when(at_six) == ["17:00", "17:00"]


def test_too_few_opens_at_an_hour_leave_the_default(when):
    spread = opened("anna", "17:20", 3, 4) + opened("anna", "11:00", 5) + opened("ben", "9:00", 6)
    spread = [(who, at.replace("T9", "T09")) for who, at in spread]
    assert when(spread) == ["06:30", "07:30"]
    assert when(spread, SendTimes(least_opens=2)) == ["17:00", "07:30"]
    assert when(spread, SendTimes(least_opens=1, is_personal=False)) == ["06:30", "07:30"]


def test_the_hour_is_that_of_the_clock_before_and_after_it_changed(when):
    # 09:10 in Paris: 07:10 UTC in the summer, 08:10 in the winter.
    autumn = [("anna", f"2025-12-{day:02}T08:10:00Z") for day in (10, 11, 12)]
    assert when(autumn) == ["08:00", "07:30"]


def test_opens_at_night_and_of_long_ago_say_nothing(when):
    night = opened("anna", "22:10", 1, 2, 3, 4) + opened("anna", "11:10", 1, 2, 3)
    assert when(night) == ["11:00", "07:30"]
    old = [("anna", f"2025-11-{day:02}T11:10:00Z") for day in (10, 11, 12)]
    assert when(old) == ["06:30", "07:30"]


def test_of_hours_that_are_as_frequent_the_earliest_counts(when):
    both = opened("anna", "15:10", 1, 2, 3) + opened("anna", "11:10", 4, 5, 6)
    assert when(both) == ["11:00", "07:30"]


def test_the_day_is_the_customers_own():
    customers = pa.table({"customer_id": ["kim"], "timezone": ["Pacific/Auckland"]})
    nothing = pa.table(
        {"customer_id": pa.array([], pa.string()), "opened_at": pa.array([], INSTANT)}
    )
    [row] = send_times(customers, nothing, AS_OF, SendTimes()).to_pylist()
    assert row["send_at"] == parse_instant("2026-03-02T18:30:00Z")
    assert row["local_day"].isoformat() == "2026-03-03"

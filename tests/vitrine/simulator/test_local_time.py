from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.simulator.local_time import instant_at, instants, local_text

ZONES = st.sampled_from(["Europe/Paris", "Europe/Madrid", "Europe/London"])
INSTANTS = st.lists(st.integers(1_700_000_000, 1_900_000_000), max_size=20)


@given(INSTANTS, ZONES)
def test_text_is_what_the_wall_clock_shows(seconds, zone):
    expected = [
        datetime.fromtimestamp(s, UTC).astimezone(ZoneInfo(zone)).isoformat() for s in seconds
    ]
    assert local_text(np.array(seconds, np.int64), zone).to_pylist() == expected


@given(INSTANTS, ZONES)
def test_text_reads_back_as_the_instant(seconds, zone):
    texts = local_text(np.array(seconds, np.int64), zone).to_pylist()
    assert [int(datetime.fromisoformat(t).timestamp()) for t in texts] == seconds


@pytest.mark.parametrize(("day", "hours"), [(27, 24), (28, 23), (29, 24)])
def test_seven_o_clock_comes_an_hour_earlier_when_clocks_go_forward(day, hours):
    today, tomorrow = (instant_at(date(2026, 3, d), 7, "Europe/Paris") for d in (day, day + 1))
    assert tomorrow - today == 3600 * hours


def test_seconds_after_midnight_follow_the_clock_over_the_change():
    second_N = np.array([3600, 2 * 3600 + 60, 3 * 3600, 25 * 3600])
    texts = local_text(instants(date(2026, 3, 29), second_N, "Europe/Paris"), "Europe/Paris")
    assert texts.to_pylist() == [
        "2026-03-29T01:00:00+01:00",
        "2026-03-29T03:01:00+02:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T01:00:00+02:00",
    ]

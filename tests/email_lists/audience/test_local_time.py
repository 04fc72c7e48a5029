from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from email_lists.audience.local_time import offsets, zone_named
from vitrine.interval import Interval, parse_instant


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_a_zone_that_does_not_exist_is_none(name):
    assert zone_named(name) is None


def test_offsets_change_in_the_quarter_when_the_clocks_do():
    night = Interval.parse("2026-03-29T00:40:00Z", "2026-03-29T01:20:00Z")
    rows = offsets(["Europe/Paris", "Mars/Olympus", "Asia/Kathmandu", "UTC"], night).to_pylist()
    change = parse_instant("2026-03-29T01:00:00Z")
    spans = [(r["timezone"], r["since"], r["until"], r["offset_us"] / 3_600e6) for r in rows]
    assert spans == [
        ("Asia/Kathmandu", night.start, night.end, 5.75),
        ("Europe/Paris", night.start, change, 1),
        ("Europe/Paris", change, night.end, 2),
        ("UTC", night.start, night.end, 0),
    ]


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca"])
def test_every_hour_of_a_year_has_the_offset_that_the_zone_says(zone):
    year = Interval.parse("2026-01-01", "2027-01-01")
    spans = offsets([zone], year).to_pylist()
    for hour in year.split(timedelta(hours=1)):
        [of] = [s["offset_us"] for s in spans if s["since"] <= hour.start < s["until"]]
        assert timedelta(microseconds=of) == hour.start.astimezone(ZoneInfo(zone)).utcoffset()

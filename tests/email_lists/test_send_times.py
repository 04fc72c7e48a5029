import pytest

from email_lists.send_times import send_at, send_times
from vitrine.interval import parse_instant


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
    assert send_at(parse_instant(as_of), timezone) == parse_instant(expected)


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_an_unknown_zone_has_no_send_time(timezone):
    assert send_at(parse_instant("2026-03-02"), timezone) is None


def test_one_row_per_zone():
    table = send_times(
        ["Europe/Paris", "Mars/Olympus", "Europe/Paris"], parse_instant("2026-03-02")
    )
    assert table["timezone"].to_pylist() == ["Europe/Paris", "Mars/Olympus"]
    assert table["send_at"].null_count == 1

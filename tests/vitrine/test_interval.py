from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.errors import BadArgumentError
from vitrine.interval import DAY, QUARTER_HOUR, Interval, floor, format_instant, parse_instant

instants = st.datetimes(
    datetime(1971, 1, 1),
    datetime(2100, 1, 1),
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2011-10-24", "2011-10-24T00:00:00Z"),
        ("2011-10-24T01:30:00Z", "2011-10-24T01:30:00Z"),
        ("2011-10-24T01:30:00+01:00", "2011-10-24T00:30:00Z"),
        ("20111024T0130", "2011-10-24T01:30:00Z"),
    ],
)
def test_an_instant_is_read_as_utc(text, expected):
    assert format_instant(parse_instant(text)) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2011-13-01", "24.10.2011"])
def test_what_is_no_instant_is_refused_with_an_example(text):
    with pytest.raises(BadArgumentError, match="2011-10-24T00:00:00Z"):
        parse_instant(text)


def test_an_interval_that_ends_before_it_starts_is_refused():
    with pytest.raises(BadArgumentError, match="must lie after"):
        Interval.parse("2011-10-24", "2011-10-24")


def test_an_interval_without_a_zone_is_refused():
    with pytest.raises(BadArgumentError, match="time zone"):
        Interval(datetime(2011, 1, 1), datetime(2011, 1, 2))


def test_the_end_does_not_belong_to_the_interval():
    day = Interval.of_day(date(2012, 2, 29))
    assert day.start in day
    assert day.end not in day
    assert day.days() == [date(2012, 2, 29)]


@given(start=instants, minutes=st.integers(1, 3 * 24 * 60))
def test_the_parts_of_a_split_make_up_the_whole(start, minutes):
    whole = Interval(start, start + timedelta(minutes=minutes))
    parts = list(whole.split(QUARTER_HOUR))
    assert parts[0].start == whole.start
    assert parts[-1].end == whole.end
    assert all(a.end == b.start for a, b in pairwise(parts))
    assert all(floor(part.start, QUARTER_HOUR) + QUARTER_HOUR >= part.end for part in parts)


@given(start=instants, minutes=st.integers(1, 5 * 24 * 60))
def test_days_are_those_that_hold_an_instant_of_it(start, minutes):
    whole = Interval(start, start + timedelta(minutes=minutes))
    obvious = {
        (start + timedelta(days=n)).date()
        for n in range(8)
        if Interval.of_day((start + n * DAY).date()).overlaps(whole)
    }
    assert set(whole.days()) == obvious

"""Customers' own clocks: which zones there are, and how far each is from UTC at an instant."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from vitrine.contracts import INSTANT
from vitrine.interval import DAY, QUARTER_HOUR, Interval

SPANS = pa.schema(
    {"timezone": pa.string(), "since": INSTANT, "until": INSTANT, "offset_us": pa.int64()}
)


@cache
def zone_named(timezone: str) -> ZoneInfo | None:
    """Return the IANA zone of a name, or None for no such zone.

    >>> zone_named("Mars/Olympus") is None
    True
    """
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def offsets(timezones: Iterable[str], instants: Interval) -> pa.Table:
    """Tabulate every zone's distance from UTC; zones that do not exist have no rows.

    Returns
    -------
    pyarrow.Table
        timezone, since and until (UTC instants: the distance holds for since <= t < until),
        offset_us (int64: to be added to UTC). A zone's spans cover the interval, one after another.
    """
    zones = {name: zone_named(name) for name in sorted(set(timezones))}
    spans = [
        {"timezone": name, "since": since, "until": until, "offset_us": offset_us}
        for name, zone in zones.items()
        if zone
        for since, until, offset_us in _spans(zone, instants)
    ]
    return pa.Table.from_pylist(spans, SPANS)


def _spans(zone: ZoneInfo, instants: Interval) -> Iterator[tuple[datetime, datetime, int]]:
    for offset_us, alike in groupby(_pieces(zone, instants), lambda p: _offset_us(zone, p.start)):
        held = list(alike)
        yield held[0].start, held[-1].end, offset_us


def _pieces(zone: ZoneInfo, instants: Interval) -> Iterator[Interval]:
    """Cut an interval so finely that no clock changes within a piece."""
    for day in instants.split(DAY):
        if _offset_us(zone, day.start) == _offset_us(zone, day.end):
            yield day
        else:
            # No zone in use changes its clocks within a quarter of an hour of UTC.
            yield from day.split(QUARTER_HOUR)


def _offset_us(zone: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) * 1_000_000 if offset else 0

"""When each customer is written to: half an hour after the morning's sales open, local time."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from vitrine.contracts import INSTANT
from vitrine.interval import EPOCH

SEND_TIME = time(7, 30)


def send_at(as_of: datetime, timezone: str) -> datetime | None:
    """Return the first 07:30 of `timezone` at or after `as_of`, in UTC; None for no such zone.

    >>> from vitrine.interval import parse_instant
    >>> send_at(parse_instant("2026-03-02T03:30:00Z"), "Europe/Paris").isoformat()
    '2026-03-02T06:30:00+00:00'
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    today = as_of.astimezone(zone).date()
    mornings = (datetime.combine(today + timedelta(days=n), SEND_TIME, zone) for n in (0, 1))
    return min(m.astimezone(EPOCH.tzinfo) for m in mornings if m >= as_of)


def send_times(timezones: Iterable[str], as_of: datetime) -> pa.Table:
    """Return timezone (string) and send_at (UTC instant or null), one row per distinct zone."""
    zones = sorted(set(timezones))
    instants = pa.array([send_at(as_of, zone) for zone in zones], INSTANT)
    return pa.table({"timezone": pa.array(zones, pa.string()), "send_at": instants})

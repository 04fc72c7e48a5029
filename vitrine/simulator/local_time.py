"""Between the wall clocks of the markets and UTC, for whole arrays; right on days of change.

Instants are int64 seconds since 1970-01-01T00:00Z.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

HOUR = 3_600
DAY = 24 * HOUR


def instant_at(day: date, hour: int, timezone: str) -> int:
    """Return the instant when the clocks of `timezone` show `hour`:00 on `day`.

    >>> instant_at(date(2026, 3, 29), 7, "Europe/Paris") - instant_at(
    ...     date(2026, 3, 28), 7, "Europe/Paris"
    ... )
    82800
    """
    return int(datetime.combine(day, time(hour), ZoneInfo(timezone)).timestamp())


def instants(day: date, second_N: np.ndarray, timezone: str) -> np.ndarray:
    """Turn seconds on the wall clock since midnight into instants.

    Seconds may reach beyond the day. An hour that the clocks skip is read as the hour after it, one
    that they repeat as its first.
    """
    hours, inverse = np.unique(second_N // HOUR, return_inverse=True)
    starts = [
        instant_at(day + timedelta(days=int(hour) // 24), int(hour) % 24, timezone)
        for hour in hours
    ]
    return np.array(starts, np.int64)[inverse] + second_N % HOUR


def local_days(instant_N: np.ndarray, timezone: str) -> np.ndarray:
    """Return the days, datetime64[D], that the market's clocks show at instants."""
    hours, inverse = np.unique(instant_N // HOUR, return_inverse=True)
    offset_H = np.array([_offset(int(hour), timezone) for hour in hours], np.int64)
    return (instant_N + offset_H[inverse]).astype("datetime64[s]").astype("datetime64[D]")


def local_text(instant_N: np.ndarray, timezone: str) -> pa.Array:
    """Write instants as the market's clocks show them: `2026-03-29T07:00:00+02:00`."""
    hours, inverse = np.unique(instant_N // HOUR, return_inverse=True)
    offset_H = np.array([_offset(int(hour), timezone) for hour in hours], np.int64)
    local_N = (instant_N + offset_H[inverse]).astype("datetime64[s]")
    suffixes = [f"{'+' if o >= 0 else '-'}{abs(o) // HOUR:02d}:00" for o in offset_H]
    clock = pa.array(np.datetime_as_string(local_N).tolist(), pa.string())
    suffix = pa.array(suffixes, pa.string()).take(pa.array(inverse, pa.int64()))
    return pc.binary_join_element_wise(clock, suffix, "")


@cache
def _offset(hour: int, timezone: str) -> int:
    """Return the seconds that the zone is ahead of UTC in an hour since 1970."""
    offset = datetime.fromtimestamp(hour * HOUR, UTC).astimezone(ZoneInfo(timezone)).utcoffset()
    return int((offset or timedelta(0)).total_seconds())

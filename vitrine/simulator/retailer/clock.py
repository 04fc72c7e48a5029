"""When within a UTC day things happen, and how instants are written; for whole arrays.

The shop writes UTC (`2026-03-29T05:00:00Z`). Customers live by their own clocks: who shops after a
local midnight is counted on the same UTC day.
"""

from datetime import date, datetime, time
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrine.simulator.retailer.vocabulary import MARKETS

DAY = 86_400
_ONLINE = (3, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 10, 11, 10, 10, 10, 11, 12, 14, 17, 19, 18, 12, 6)
_STORE = (0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 7, 9, 11, 11, 11, 12, 13, 13, 10, 6, 1, 0, 0, 0)
"""Weight of each local hour."""


def seconds(
    luck_L: np.ndarray, in_store_L: np.ndarray, market_L: np.ndarray, on: date
) -> np.ndarray:
    """Turn luck in [0, 1) into seconds since the UTC midnight, int64, by the local hours."""
    local_L = np.where(in_store_L, _inverse(_STORE, luck_L), _inverse(_ONLINE, luck_L))
    return (local_L.astype(np.int64) - offsets(on)[market_L]) % DAY


def _inverse(weights: tuple[int, ...], luck_L: np.ndarray) -> np.ndarray:
    share = np.r_[0.0, np.cumsum(weights)] / sum(weights)
    return np.minimum(np.interp(luck_L, share, np.arange(25) * 3_600), DAY - 1)


@cache
def offsets(on: date) -> np.ndarray:
    """Return the seconds that each market's clock is ahead of UTC at a day's noon."""
    noon = datetime.combine(on, time(12))
    zones = (ZoneInfo(m.timezone) for m in MARKETS)
    gaps = (noon.replace(tzinfo=zone).utcoffset() for zone in zones)
    return np.array([int(gap.total_seconds()) for gap in gaps if gap is not None])


def instant_text(instant_L: np.ndarray) -> pa.Array:
    """Write int64 seconds since 1970 as text, through a table of the days that occur."""
    day_L, second_L = np.divmod(np.asarray(instant_L, np.int64), DAY)
    days, place_L = np.unique(day_L, return_inverse=True)
    dates = pa.array(np.datetime_as_string(days.astype("datetime64[D]")).tolist(), pa.string())
    return pc.binary_join_element_wise(
        dates.take(pa.array(place_L)), _clock_faces().take(pa.array(second_L)), "T"
    )


@cache
def _clock_faces() -> pa.Array:
    return pa.array(
        [f"{s // 3_600:02d}:{s // 60 % 60:02d}:{s % 60:02d}Z" for s in range(DAY)], pa.string()
    )

"""How many letters a customer may get: counted by the customer's own calendar days.

A cap holds in any seven local days in a row that a new letter falls into, so later letters count
too: a night that is made after the nights that follow it (a backfill) breaks no cap either.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from email_lists.audience.local_time import offsets
from email_lists.frames import select
from vitrine.interval import DAY, Interval, midnight
from vitrine.list_policy import Cap, Caps

WEEK_DAYS = 7
REACH = timedelta(days=WEEK_DAYS + 1)
"""How far from a night letters can share seven local days with its own: zones add one."""
_DAYS = 2 * WEEK_DAYS - 1

_COUNTED = f"""
with wanted as (
    select
        customer_id,
        timezone,
        (send_at + to_microseconds(offset_us))::date as local_day,
        strategy,
        row_number() over (order by customer_id) - 1 as place
    from people
    join offsets using (timezone)
    where send_at >= since and send_at < until
),
dated as (
    select
        place,
        letters.list,
        letters.night,
        ((letters.send_at + to_microseconds(offset_us))::date - wanted.local_day)
            + {WEEK_DAYS - 1} as day,
        coalesce(letters.strategy = wanted.strategy, false) as is_same_strategy
    from letters
    join wanted using (customer_id)
    join offsets
        on wanted.timezone = offsets.timezone
        and letters.send_at >= since
        and letters.send_at < until
    where letters.list is distinct from $list or letters.night is distinct from $night
),
counted as (
    from dated where list is null
    union all
    -- A list has one letter a customer and night: it may be promised and sent on the same day.
    (select distinct * from dated where list is not null)
),
final as (
    select place * {_DAYS} + day as cell, is_same_strategy, count(*) as letter_count
    from counted
    where day between 0 and {_DAYS - 1}
    group by all
)
select * from final order by cell, is_same_strategy
"""

_PRECEDING = """
with told as (
    select *, bool_or(is_gone) over (partition by customer_id, list, night) as has_gone
    from letters
),
final as (
    select told.* exclude (has_gone)
    from told
    join people using (customer_id)
    where
        has_gone
        or (told.send_at, coalesce(list_position($lists, told.list), len($lists) + 1), told.night)
            < (people.send_at, list_position($lists, $list), $night)
)
select * from final order by customer_id, send_at, list, night, is_gone
"""


def around(night: date) -> Interval:
    """Return the instants at which a letter can count for a cap of a night's letters."""
    return Interval(midnight(night) - REACH, midnight(night) + REACH + DAY)


def preceding(
    people: pa.Table, letters: pa.Table, lists: Sequence[str], list_name: str, night: date
) -> pa.Table:
    """Leave out promises that give way to letters which are due now.

    A letter that has not gone gives way to one that was promised for an earlier time, on a list
    before its own, or for an earlier night: else two that a cap allows no more to go both, since
    their accounts share a mailbox by now or the cap is lower, would keep each other from going.

    Parameters
    ----------
    people
        customer_id, send_at: the letters that are due, one a customer.
    letters
        As for `exceeded`, and is_gone: whether it went then.
    lists
        The policy's, in its order; a list that it does not name any more comes last.

    Returns
    -------
    pyarrow.Table
        Rows and columns of `letters`, those of people alone.
    """
    order = {"lists": list(lists), "list": list_name, "night": night}
    return select(_PRECEDING, order, people=people, letters=letters)


def exceeded(
    people: pa.Table, letters: pa.Table, caps: Caps, list_name: str, night: date
) -> pa.Table:
    """Find who would get more letters than a cap allows, were they written to.

    Parameters
    ----------
    people
        customer_id, timezone, send_at, strategy: the letters that are wanted, one a customer, in
        zones that exist, within two days of the night's first instant.
    letters
        customer_id, list, night, send_at, strategy: what was promised within `REACH` of the night,
        and when it went; rows of the same list, night and local day are one letter. List, night and
        strategy are null for what the shop sent by itself. Letters of this very
        list and night do not count: they are what is being made.
    night
        The night of the wanted letters.

    Returns
    -------
    pyarrow.Table
        customer_id, exclusion (cap_per_day, cap_per_week, cap_of_strategy_per_day,
        cap_of_strategy_per_week; the first that holds, or null), one row per person by customer_id.
    """
    people = people.sort_by("customer_id")
    counted = select(
        _COUNTED,
        {"list": list_name, "night": night},
        people=people,
        letters=letters,
        offsets=offsets(people["timezone"].unique().to_pylist(), around(night)),
    )
    all_ND = _matrix(counted, people.num_rows)
    same_ND = _matrix(counted.filter(counted["is_same_strategy"]), people.num_rows)
    strategy_N = np.asarray(people["strategy"].to_pylist(), object)
    reason_N = np.full(people.num_rows, None, object)
    for strategy, cap in sorted(caps.by_strategy.items(), reverse=True):
        _note(reason_N, same_ND, cap, "cap_of_strategy", strategy_N == strategy)
    _note(reason_N, all_ND, caps, "cap", np.ones(people.num_rows, bool))
    return pa.table(
        {"customer_id": people["customer_id"], "exclusion": pa.array(reason_N, pa.string())}
    )


def _matrix(counted: pa.Table, people_count: int) -> np.ndarray:
    """Spread counts over people and days around the wanted letter's: int64 of shape (N, 13)."""
    cells, counts = (counted[name].to_numpy() for name in ("cell", "letter_count"))
    flat = np.bincount(cells, counts, people_count * _DAYS)
    return flat.astype(np.int64).reshape(people_count, _DAYS)


def _note(
    reason_N: np.ndarray, count_ND: np.ndarray, cap: Cap, name: str, concerned_N: np.ndarray
) -> None:
    """Write a cap's reasons over those of lesser rank."""
    if cap.per_week is not None:
        weeks_NW = np.lib.stride_tricks.sliding_window_view(count_ND, WEEK_DAYS, axis=1)
        fullest_N = weeks_NW.sum(axis=2).max(axis=1)
        reason_N[concerned_N & (fullest_N >= cap.per_week)] = f"{name}_per_week"
    if cap.per_day is not None:
        reason_N[concerned_N & (count_ND[:, WEEK_DAYS - 1] >= cap.per_day)] = f"{name}_per_day"

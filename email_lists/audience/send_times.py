"""When each customer is written to: at the hour when they open, by their own clock.

Who has not opened enough letters at one hour is written to at the policy's default, and nobody in
the policy's quiet hours.
"""

from datetime import datetime, time

import pyarrow as pa

from email_lists.audience.local_time import offsets, zone_named
from email_lists.frames import select
from vitrine.contracts import INSTANT
from vitrine.interval import DAY, EPOCH, Interval
from vitrine.list_policy import SendTimes, local_day

OPENS_LOOK_BACK = 90 * DAY
"""Opens from before say nothing any more about when a customer opens."""

_HOURS = """
with timed as (
    select
        customer_id,
        extract(hour from opened_at + to_microseconds(offset_us)) as local_hour
    from opens
    join customers using (customer_id)
    join offsets
        on customers.timezone = offsets.timezone
        and opened_at >= since
        and opened_at < until
),
counted as (
    select customer_id, local_hour, count(*) as open_count
    from timed
    semi join allowed using (local_hour)
    group by all
),
final as (
    select customer_id, local_hour
    from counted
    where open_count >= $least_opens
    qualify row_number() over (
        partition by customer_id order by open_count desc, local_hour
    ) = 1
)
select customer_id, local_hour from final order by customer_id
"""

_KINDS = """
with kinds as (
    select distinct timezone, local_hour from customers left join hours using (customer_id)
)
select timezone, local_hour from kinds order by timezone, local_hour
"""

_FINAL = """
select customer_id, send_at, local_day
from customers
left join hours using (customer_id)
join times
    on customers.timezone = times.timezone
    and hours.local_hour is not distinct from times.local_hour
order by customer_id
"""


def send_at(as_of: datetime, timezone: str, at: time, rules: SendTimes) -> datetime | None:
    """Return the first instant at or after `as_of` when a zone's clock shows `at`, in UTC.

    Of an hour that comes twice the first counts, an hour that is left out counts as the one after
    it. None for a zone that does not exist, and where all of that lies in the quiet hours.

    >>> from vitrine.interval import parse_instant
    >>> as_of = parse_instant("2026-03-02T03:30:00Z")
    >>> send_at(as_of, "Europe/Paris", time(7, 30), SendTimes()).isoformat()
    '2026-03-02T06:30:00+00:00'
    """
    zone = zone_named(timezone)
    if zone is None:
        return None
    today = as_of.astimezone(zone).date()
    asked = (datetime.combine(today + n * DAY, at, zone) for n in range(3))
    instants = (moment.astimezone(EPOCH.tzinfo) for moment in asked)
    return next(
        (i for i in instants if i >= as_of and not rules.is_quiet(i.astimezone(zone).time())), None
    )


def opening_hours(
    customers: pa.Table, opens: pa.Table, as_of: datetime, rules: SendTimes
) -> pa.Table:
    """Find the hour of the day at which each customer opens most.

    Opens in the quiet hours count for nothing. Of hours that are as frequent the earliest counts.

    Parameters
    ----------
    customers
        customer_id and timezone.
    opens
        customer_id and opened_at (UTC instant), one row per opened letter; those within
        `OPENS_LOOK_BACK` of `as_of` count.

    Returns
    -------
    pyarrow.Table
        customer_id and local_hour (int64, 0 to 23), of those who opened at least
        `rules.least_opens` letters at that hour; nobody where `rules.is_personal` is false.
    """
    is_asked = rules.is_personal
    allowed = [hour for hour in range(24) if is_asked and not rules.is_quiet(time(hour))]
    zones = customers["timezone"].unique().to_pylist()
    return select(
        _HOURS,
        {"least_opens": rules.least_opens},
        customers=customers,
        opens=opens,
        allowed=pa.table({"local_hour": pa.array(allowed, pa.int64())}),
        offsets=offsets(zones, Interval(as_of - OPENS_LOOK_BACK, as_of)),
    )


def send_times(customers: pa.Table, opens: pa.Table, as_of: datetime, rules: SendTimes) -> pa.Table:
    """Say when each customer is written to, if at all.

    Parameters
    ----------
    customers, opens
        As `opening_hours` takes them.

    Returns
    -------
    pyarrow.Table
        customer_id, send_at (UTC instant) and local_day (date, by the customer's clock), one row
        per customer; both are null for a zone that does not exist.
    """
    hours = opening_hours(customers, opens, as_of, rules)
    kinds = select(_KINDS, customers=customers, hours=hours)
    return select(_FINAL, customers=customers, hours=hours, times=_times(kinds, as_of, rules))


def _times(kinds: pa.Table, as_of: datetime, rules: SendTimes) -> pa.Table:
    zones, hours = (kinds[name].to_pylist() for name in ("timezone", "local_hour"))
    asked = [rules.default if hour is None else time(hour) for hour in hours]
    instants = [send_at(as_of, *of, rules) for of in zip(zones, asked, strict=True)]
    days = [i and local_day(i, zone) for i, zone in zip(instants, zones, strict=True)]
    send_at_K, local_day_K = pa.array(instants, INSTANT), pa.array(days, pa.date32())
    return kinds.append_column("send_at", send_at_K).append_column("local_day", local_day_K)

"""Which interval or instant a DAG run works on: computed here from one instant, and nowhere else.

Airflow's own data intervals differ between scheduled, manual and asset-triggered runs, so they are
not used. A run's one instant is, in this order: what it was told by hand (`conf`), what the assets
that triggered it say (`extra`), the tick of its clock.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from vitrine.errors import BadArgumentError
from vitrine.interval import DAY, QUARTER_HOUR, Interval, floor, format_instant, parse_instant

NEVER = "never"
SEND_DECISION = timedelta(hours=3, minutes=30)
"""From the end of the last day of features to the instant that the nightly lists are made for."""


WINDOWS_CLOCK = {
    # how often the shop delivers: when its windows are computed
    QUARTER_HOUR: "*/15 * * * *",
    # Before daily_features, so that both warehouses end with the same day when lists are made.
    DAY: "30 1 * * *",
}
DELIVERY_CLOCK = "*/15 * * * *"
"""When letters that are due go to the mail server: customers are written to at their own hours."""


class AssetEvent(Protocol):
    """What Airflow passes on of an asset event."""

    extra: dict[str, Any]


class DagRun(Protocol):
    """What is read of an Airflow run; `logical_date` is None for asset-triggered runs."""

    conf: dict[str, Any] | None
    logical_date: datetime | None
    run_after: datetime
    consumed_asset_events: Iterable[AssetEvent]


def run_interval(run: DagRun, step: timedelta | None) -> Interval:
    """Return the interval of a run: `conf` {"start", "end"}, else the last whole `step`.

    The last whole step before 09:17 is [09:00, 09:15) for a step of 15 minutes; before 02:00 it is
    yesterday for a step of a day.

    Raises
    ------
    BadArgumentError
        If `conf` names one end only or something else, or names none where `step` is None.
    """
    told = _told(run, {"start", "end", "build_until"})
    if "start" in told and "end" in told:
        return Interval.parse(told["start"], told["end"])
    if told:
        raise BadArgumentError('give both ends: {"start": "2011-10-24", "end": "2011-10-25"}')
    if step is None:
        raise BadArgumentError(
            'this DAG is started by hand with {"start": "2011-10-01", "end": "2011-10-30"}'
        )
    end = floor(_tick(run), step)
    return Interval(end - step, end)


def build_interval(run: DagRun, step: timedelta | None) -> Interval:
    """Return what the warehouse is built for: the run's interval, or longer for a backfill.

    A backfilled day is old, but what is published afterwards must know everything that was
    published before: `conf` {"build_until"} says up to when.
    """
    interval = run_interval(run, step)
    until = (run.conf or {}).get("build_until") or NEVER
    return interval if until == NEVER else Interval(interval.start, parse_instant(until))


def builds(run: DagRun) -> bool:
    """Tell whether a run builds and publishes; of a backfill's runs only the last one does."""
    return (run.conf or {}).get("build_until") != NEVER


def run_as_of(run: DagRun, after: timedelta = timedelta()) -> datetime:
    """Return the instant of a run: `conf` {"as_of"}, else `after` the newest end of its assets.

    Asset events pile up while a DAG is busy or paused; one run then answers for all of them, and
    the newest decides. A run by the clock takes the midnight before its tick as that end.

    Raises
    ------
    BadArgumentError
        If `conf` holds anything but `as_of`.
    """
    told = _told(run, {"as_of"})
    if told:
        return parse_instant(told["as_of"])
    ends = [parse_instant(event.extra["end"]) for event in run.consumed_asset_events]
    return max(ends, default=floor(_tick(run), DAY)) + after


def interval_options(interval: Interval) -> str:
    """Write an interval as the command line reads it: `--start … --end …`."""
    return f"--start {format_instant(interval.start)} --end {format_instant(interval.end)}"


def macros(step: timedelta | None = None, after: timedelta = timedelta()) -> dict[str, Any]:
    """Return what the templates of a DAG may call, each with `dag_run` as its argument.

    `start`, `end` and `interval` (as options), and for the warehouse `builds`, `build_interval` (as
    options) and `build_end`, for a DAG with a step; `as_of` for one with an instant, which lies
    `after` the end of the features that triggered it.
    """
    return {
        "builds": builds,
        "build_interval": lambda run: interval_options(build_interval(run, step)),
        "build_end": lambda run: format_instant(build_interval(run, step).end),
        "start": lambda run: format_instant(run_interval(run, step).start),
        "end": lambda run: format_instant(run_interval(run, step).end),
        "interval": lambda run: interval_options(run_interval(run, step)),
        "as_of": lambda run: format_instant(run_as_of(run, after)),
    }


def _told(run: DagRun, known: set[str]) -> Mapping[str, str]:
    told = {name: value for name, value in (run.conf or {}).items() if value is not None}
    if not set(told) <= known:
        raise BadArgumentError(
            f"the run's conf has {sorted(told)}; this DAG knows {sorted(known)} alone"
        )
    return told


def _tick(run: DagRun) -> datetime:
    return run.logical_date or run.run_after

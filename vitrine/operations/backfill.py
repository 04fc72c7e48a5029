"""Run a DAG over past intervals through Airflow, then look for the partitions themselves.

A backfill can be called complete while partitions are missing; so what counts is what lies on disk.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import click

from vitrine import deltas, lake
from vitrine.errors import BadArgumentError, MachineError, VitrineError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant
from vitrine.landing import drops
from vitrine.operations import local_stack
from vitrine.operations.airflow import DAGS, Airflow
from vitrine.operations.progress import Progress
from vitrine.operations.schedule import NEVER
from vitrine.paths import Paths, interval_stamp

DATABASES = {
    # DAG: the warehouses that it builds
    "history_load": ("daily", "intraday"),
    "daily_features": ("daily",),
    "campaign_performance": ("intraday",),
}


@dataclass(frozen=True)
class Missing:
    """A piece of a table that no file owns."""

    table: str
    interval: Interval

    def __str__(self) -> str:
        return f"{self.table} {self.interval}"


def run(installation: Installation, dag: str, interval: Interval) -> None:
    """Run `dag` for each of its intervals in a stretch, oldest first, and verify its partitions.

    Raises
    ------
    BadArgumentError
        For a DAG that has no partitions to fill, or one of days whose stretch is not of days.
    MachineError
        If Airflow does not run.
    VitrineError
        If a run fails, or partitions are missing afterwards: each is named.
    """
    pieces = intervals(installation, dag, interval)
    if not local_stack.is_running(installation):
        raise MachineError("a backfill runs in Airflow, which is not running; type: make up")
    client = Airflow.of(installation.settings)
    if client.is_paused(dag):
        raise MachineError(f"{dag} is paused, so its runs would wait; switch it on in Airflow")
    _run_all(client, dag, pieces, _newest_end(installation.paths, dag, interval))
    absent = list(missing(installation, dag, interval))
    if absent:
        raise VitrineError(
            f"{len(absent)} partitions are missing after the backfill of {dag}:\n"
            + "\n".join(f"  {piece}" for piece in absent)
        )
    click.echo(f"{dag} {interval}: {len(pieces)} runs; every partition is there")


def intervals(installation: Installation, dag: str, interval: Interval) -> list[Interval]:
    """Cut a stretch into a DAG's runs: days; the drops as delivered; or all in one.

    Raises
    ------
    BadArgumentError
        For a DAG that has no partitions to fill, or one of days whose stretch is not of days.
    """
    if dag not in DATABASES:
        reason = (
            "makes something for one instant; start it in Airflow with"
            ' {"as_of": "2026-03-16T03:30:00Z"}'
            if dag in DAGS
            else "is no DAG"
        )
        raise BadArgumentError(f"'{dag}' {reason}; backfills: {', '.join(DATABASES)}")
    if "daily" in DATABASES[dag]:
        _refuse_parts_of_days(dag, interval)
    if dag == "history_load":
        return [interval]
    if dag == "daily_features":
        return list(interval.split(DAY))
    return list(_as_delivered(installation, interval))


def _refuse_parts_of_days(dag: str, interval: Interval) -> None:
    if drops.whole_days(interval) != interval:
        raise BadArgumentError(
            f"{dag} works on whole UTC days, {interval} does not; give two midnights"
        )


def _as_delivered(installation: Installation, interval: Interval) -> Iterator[Interval]:
    """Yield the drops, and in one piece each day in which something was not delivered.

    Landing a day, or a part of it with a drop, lands empty what was not delivered; a quarter of an
    hour alone, in which nothing came, would be skipped.
    """
    delivered = installation.shop.drops(installation.paths.landing, interval)
    gaps = drops.gaps(interval, delivered)
    for day in interval.split(DAY):
        if any(day.overlaps(gap) for gap in gaps):
            yield day
        else:
            yield from sorted({drop.interval for drop in delivered if day.covers(drop.interval)})


def missing(installation: Installation, dag: str, interval: Interval) -> Iterator[Missing]:
    """Yield each piece of `interval` that a table of the DAG has no file for."""
    paths, shop = installation.paths, installation.shop
    for table in sorted(shop.provides):
        yield from (Missing(table, gap) for gap in lake.uncovered(paths.lake, table, interval))
    if "orders" in shop.provides:  # as the Spark jobs require
        for database in DATABASES[dag]:
            made = deltas.made(database, interval, installation.settings.intraday_history_days)
            for delta in deltas.BY_DATABASE[database]:
                gaps = lake.uncovered(paths.deltas, delta.name, made)
                yield from (Missing(delta.name, gap) for gap in gaps)


def _run_all(client: Airflow, dag: str, pieces: list[Interval], until: datetime) -> None:
    # A run's name is taken for ever, and a backfill may be repeated.
    prefix = f"backfill-{time.time_ns()}-"
    progress = Progress(client, click.echo, prefix)
    for piece in pieces:
        name = f"{prefix}{interval_stamp(piece)}"
        # One build at the end sees what all runs brought, so the others leave it out.
        build_until = format_instant(until) if piece == pieces[-1] else NEVER
        conf = {"start": format_instant(piece.start), "end": format_instant(piece.end)}
        client.trigger(dag, conf | {"build_until": build_until}, name)
        progress.follow(dag, name)


def _newest_end(paths: Paths, dag: str, interval: Interval) -> datetime:
    """Return up to when the warehouses know things that must not be lost, or the stretch's end."""
    from vitrine.transform.publication import published_end

    ends = (published_end(paths.warehouse / f"{name}.duckdb") for name in DATABASES[dag])
    return max([interval.end, *(end for end in ends if end is not None)])

"""Run a DAG over past intervals through Airflow, then look for the partitions themselves.

A backfill can be called complete while partitions are missing; so what counts is what lies on disk.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from vitrine import lake
from vitrine.errors import BadArgumentError, MachineError, VitrineError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant
from vitrine.operations import local_stack
from vitrine.operations.airflow import DAGS, Airflow
from vitrine.operations.progress import Progress
from vitrine.operations.schedule import NEVER
from vitrine.paths import Paths, interval_stamp

DAY_TABLES = ("user_days", "user_sector_days", "product_days")
WINDOW_TABLES = ("campaign_windows",)
DELTAS = {
    # DAG: the deltas that it writes, beside the lake's own tables
    "history_load": DAY_TABLES + WINDOW_TABLES,
    "daily_features": DAY_TABLES,
    "campaign_performance": WINDOW_TABLES,
}
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
        For a DAG that has no partitions to fill.
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
        For a DAG that has no partitions to fill.
    """
    if dag not in DELTAS:
        reason = (
            "makes something for one instant; start it in Airflow with"
            ' {"as_of": "2026-03-16T03:30:00Z"}'
            if dag in DAGS
            else "is no DAG"
        )
        raise BadArgumentError(f"'{dag}' {reason}; backfills: {', '.join(DELTAS)}")
    if dag == "history_load":
        return [interval]
    if dag == "daily_features":
        return list(interval.split(DAY))
    drops = installation.shop.drops(installation.paths.landing, interval)
    return sorted({drop.interval for drop in drops}) or [interval]


def missing(installation: Installation, dag: str, interval: Interval) -> Iterator[Missing]:
    """Yield each piece of `interval` that a table of the DAG has no file for."""
    paths, shop = installation.paths, installation.shop
    for table in sorted(shop.provides):
        yield from _uncovered(paths.lake, table, interval)
    if "orders" in shop.provides:  # as the Spark jobs require
        for table in DELTAS[dag]:
            yield from _uncovered(paths.deltas, table, interval)


def _uncovered(root: Path, table: str, interval: Interval) -> Iterator[Missing]:
    start = interval.start
    for owned in map(lake.file_interval, lake.files(root, table, interval)):
        if owned.start > start:
            yield Missing(table, Interval(start, owned.start))
        start = max(start, owned.end)
    if start < interval.end:
        yield Missing(table, Interval(start, interval.end))


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

"""Whether a warehouse would be whole: everything that it is built from lies there without a gap."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from vitrine import deltas, lake
from vitrine.errors import GateError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, floor, format_instant

DAGS = {"daily": "daily_features", "intraday": "campaign_performance"}
SHOWN = 3


def require_whole(installation: Installation, database: str, end: datetime) -> None:
    """Refuse to build from nothing, and from tables with gaps between first landed day and `end`.

    History begins where the shop's first file landed. A day that landed empty is there; so is a
    part of a day in which nothing was delivered, once a longer interval around it was landed.

    Raises
    ------
    GateError
        If nothing had landed by `end`, or a part of a table is missing: the first ones are named,
        and what to type.
    """
    first = _first_landed(installation)
    if first is None or first >= end:
        raise GateError(_nothing(installation, database, first, end))
    history_days = installation.settings.intraday_history_days
    history = deltas.made(database, Interval(first, end), history_days)
    missing = sorted(
        (piece, table)
        for root, table in _inputs(installation, database)
        for piece in lake.uncovered(root, table, history)
    )
    if not missing:
        return
    shown = "; ".join(f"{table} {piece}" for piece, table in missing[:SHOWN])
    raise GateError(
        f"{database} was not built: {len(missing)} parts of its tables are missing, first {shown};"
        f" run `vitrine backfill {DAGS[database]} {_whole_days(missing, end)}`"
    )


def _nothing(
    installation: Installation, database: str, first: datetime | None, end: datetime
) -> str:
    root, until = installation.paths.lake, format_instant(end)
    what = f"{database} was not built: {root} holds nothing that was received before {until}"
    if first is not None:
        return f"{what}; its first data are of {format_instant(first)}: give an --end after that"
    return f"{what}; run `vitrine backfill {DAGS[database]} --start … --end {until}`"


def _first_landed(installation: Installation) -> datetime | None:
    root = installation.paths.lake
    firsts = [
        file
        for table in installation.shop.provides
        for day in lake.days(root, table)[:1]
        for file in lake.partition_files(installation.paths.partition(root, table, day))
    ]
    return min((lake.file_interval(file).start for file in firsts), default=None)


def _inputs(installation: Installation, database: str) -> Iterator[tuple[Path, str]]:
    """Yield root and name of each table that must be there."""
    paths, provides = installation.paths, installation.shop.provides
    if database == "daily":
        yield from ((paths.lake, table) for table in sorted(provides))
    if "orders" in provides:  # as the Spark jobs require
        yield from ((paths.deltas, table.name) for table in deltas.BY_DATABASE[database])


def _whole_days(missing: list[tuple[Interval, str]], end: datetime) -> str:
    # A quarter of an hour without a drop lands only together with its neighbours.
    start = floor(missing[0][0].start, DAY)
    last = max(piece.end for piece, _ in missing)
    stop = min(last if floor(last, DAY) == last else floor(last, DAY) + DAY, end)
    return f"--start {format_instant(start)} --end {format_instant(stop)}"

"""Merge the many small files of finished days; who reads them meanwhile sees every row once.

A quarter of an hour that is landed again cuts its day into its parts, and a day may have become
whole only after its night. So whoever compacts looks back a week.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vitrine import contracts, deltas, lake
from vitrine.interval import DAY, Interval
from vitrine.paths import Paths

LOOK_BACK = 7 * DAY


@dataclass(frozen=True)
class Merged:
    """One day's files of a table that became one file."""

    table: str
    interval: Interval
    file_count: int


def compact(paths: Paths, interval: Interval) -> Iterator[Merged]:
    """Merge the files of each table and UTC day of an interval and of the week before it.

    Yields what was merged. A day of which a part is missing is left as it is, and so is one that
    is merged already.
    """
    for day in Interval(interval.start - LOOK_BACK, interval.end).days():
        for root, table in _tables(paths):
            count = lake.merge(root, table, day)
            if count:
                yield Merged(table, Interval.of_day(day), count)


def _tables(paths: Paths) -> Iterator[tuple[Path, str]]:
    yield from ((paths.lake, table) for table in contracts.TABLES)
    yield from ((paths.deltas, table) for table in deltas.TABLES)
    yield from ((folder.parent, folder.name) for folder in (paths.quarantine, paths.keys))

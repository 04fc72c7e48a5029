"""Merge the many small files of finished days; who reads them meanwhile sees every row once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vitrine import contracts, deltas, lake
from vitrine.errors import BadArgumentError
from vitrine.interval import DAY, Interval, floor
from vitrine.paths import Paths


@dataclass(frozen=True)
class Merged:
    """One day's files of a table that became one file."""

    table: str
    interval: Interval
    file_count: int


def compact(paths: Paths, interval: Interval) -> Iterator[Merged]:
    """Merge the files of each table and whole UTC day; yield what was merged.

    A day of which a part is missing is left as it is, and so is one that is merged already.

    Raises
    ------
    BadArgumentError
        If the interval does not begin and end at midnight.
    """
    if any(floor(end, DAY) != end for end in (interval.start, interval.end)):
        raise BadArgumentError(f"{interval} does not begin and end at a UTC midnight; give two")
    for day in interval.days():
        for root, table in _tables(paths):
            count = lake.merge(root, table, day)
            if count:
                yield Merged(table, Interval.of_day(day), count)


def _tables(paths: Paths) -> Iterator[tuple[Path, str]]:
    yield from ((paths.lake, table) for table in contracts.TABLES)
    yield from ((paths.deltas, table) for table in deltas.TABLES)
    yield from ((folder.parent, folder.name) for folder in (paths.quarantine, paths.keys))

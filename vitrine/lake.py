"""The lake: one Parquet file per table and drop under `<root>/<table>/ds=<day>/`.

A file's name is the interval of receipt that it owns, so a run that comes again replaces exactly
its own file in one step, and a directory listing shows what is there. The layout is shared by the
contract tables (`Paths.lake`) and the Spark outputs (`Paths.deltas`).
"""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrine.errors import BadInputError
from vitrine.interval import DAY, Interval, parse_instant
from vitrine.paths import interval_stamp
from vitrine.publish import TEMPORARY, atomic_file

NO_DAY = date(1970, 1, 1)


def write_partition(root: Path, table: str, interval: Interval, rows: pa.Table) -> Path:
    """Replace what `interval` (within one UTC day) owns of a table; return the file.

    Raises
    ------
    BadInputError
        If another file of that day overlaps the interval without being the same.
    """
    target = _partition(root, table, interval)
    refuse_overlap(target.parent, interval)
    with atomic_file(target) as path:
        pq.write_table(rows, path, compression="zstd")
    return target


def _partition(root: Path, table: str, interval: Interval) -> Path:
    day = interval.start.date().isoformat()
    return root / table / f"ds={day}" / f"{interval_stamp(interval)}.parquet"


def refuse_overlap(folder: Path, interval: Interval) -> None:
    """Raise BadInputError if a file of `folder` owns a part of `interval`, but not all the same."""
    if interval.end > Interval.of_day(interval.start.date()).end:
        raise BadInputError(f"{interval} spans more than one UTC day; split it at midnight")
    for file in partition_files(folder):
        other = file_interval(file)
        if other != interval and other.overlaps(interval):
            raise BadInputError(
                f"{file} already owns {other}, which overlaps {interval};"
                " land the day with the same drops as before, or remove that file first"
            )


def ensure_table(root: Path, table: str, schema: pa.Schema) -> None:
    """Make sure that a table can be scanned: write a file without rows for a day without data."""
    target = root / table / f"ds={NO_DAY.isoformat()}" / "empty.parquet"
    if not target.exists() or pq.read_schema(target) != schema:
        with atomic_file(target) as path:
            pq.write_table(schema.empty_table(), path)


def files(root: Path, table: str, interval: Interval) -> list[Path]:
    """List a table's files whose interval lies within `interval`, in the order of time."""
    found: list[Path] = []
    for day in interval.days():
        folder = root / table / f"ds={day.isoformat()}"
        found += [f for f in partition_files(folder) if interval.covers(file_interval(f))]
    return found


def read(root: Path, table: str, interval: Interval, columns: list[str] | None = None) -> pa.Table:
    """Read a table's rows received in `interval`; the empty table if there are none."""
    paths: Iterable[Path] = files(root, table, interval)
    tables = [pq.ParquetFile(path).read(columns=columns) for path in paths]
    if tables:
        return pa.concat_tables(tables)
    empty = root / table / f"ds={NO_DAY.isoformat()}" / "empty.parquet"
    return pq.ParquetFile(empty).read(columns=columns)


def find(root: Path, table: str, interval: Interval) -> pa.Table | None:
    """Read the rows that exactly this interval owns; None if no file says that it owns them."""
    file = _partition(root, table, interval)
    return pq.ParquetFile(file).read() if file.exists() else None


def days(root: Path, table: str) -> list[date]:
    """List the UTC days of receipt that a table has files of."""
    found = (date.fromisoformat(f.name.removeprefix("ds=")) for f in (root / table).glob("ds=*"))
    return sorted(day for day in found if day != NO_DAY)


def partition_files(folder: Path) -> list[Path]:
    """List the visible Parquet files of one partition, in the order of time."""
    return sorted(
        f
        for f in folder.glob("*.parquet")
        if not f.name.startswith(TEMPORARY) and f.stem != "empty"
    )


def file_interval(path: Path) -> Interval:
    """Read the interval that a file owns from its name."""
    start, end = path.stem.split("-")
    return Interval(parse_instant(start), parse_instant(end))


def covered_days(root: Path, table: str, interval: Interval) -> list[date]:
    """List the days of `interval` of which every instant is owned by a file of the table."""
    return [day for day in interval.days() if _is_covered(root, table, day)]


def uncovered(root: Path, table: str, interval: Interval) -> Iterator[Interval]:
    """Yield the pieces of `interval` that no file of the table owns, in the order of time."""
    start = interval.start
    for owned in map(file_interval, files(root, table, interval)):
        if owned.start > start:
            yield Interval(start, owned.start)
        start = max(start, owned.end)
    if start < interval.end:
        yield Interval(start, interval.end)


def _is_covered(root: Path, table: str, day: date) -> bool:
    owned = sum(
        (
            i.end - i.start
            for i in map(file_interval, partition_files(root / table / f"ds={day.isoformat()}"))
        ),
        start=DAY * 0,
    )
    return owned == DAY

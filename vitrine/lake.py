"""The lake: one Parquet file per table and drop under `<root>/<table>/ds=<day>/`.

A file's name is the interval of receipt that it owns, so a run that comes again replaces exactly
its own file in one step, and a directory listing shows what is there. The layout is shared by the
contract tables (`Paths.lake`) and the Spark outputs (`Paths.deltas`).

A finished day's files may be merged into one (docs/adr/0017). Of two files that own the same
instants the wider one counts, so everybody finds files through this module. Writing a part of a
merged day cuts it into its parts again first.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrine.errors import BadInputError
from vitrine.interval import DAY, Interval, format_instant, parse_instant
from vitrine.paths import interval_stamp
from vitrine.publish import TEMPORARY, atomic_file

NO_DAY = date(1970, 1, 1)
_PARTS = b"vitrine.parts"


def write_partition(root: Path, table: str, interval: Interval, rows: pa.Table) -> Path:
    """Replace what `interval` (within one UTC day) owns of a table; return the file.

    Raises
    ------
    BadInputError
        If another file of that day overlaps the interval without being the same.
    """
    target = _partition(root, table, interval)
    # Writers share: each replaces its own file; only merging and cutting needs the table alone.
    with _holding(root / table, fcntl.LOCK_SH):
        is_merged = bool(_merged_with(target.parent, interval))
        if not is_merged:
            _replace(target, interval, rows)
    if is_merged:
        with _holding(root / table, fcntl.LOCK_EX):
            _cut(target.parent, interval)
            _replace(target, interval, rows)
    return target


def _replace(target: Path, interval: Interval, rows: pa.Table) -> None:
    refuse_overlap(target.parent, interval)
    _write(target, rows)


def _write(target: Path, rows: pa.Table, changed_at_ns: int | None = None) -> None:
    with atomic_file(target) as path:
        pq.write_table(rows, path, compression="zstd")
        if changed_at_ns is not None:
            os.utime(path, ns=(changed_at_ns, changed_at_ns))


def _partition(root: Path, table: str, interval: Interval) -> Path:
    day = interval.start.date().isoformat()
    return root / table / f"ds={day}" / f"{interval_stamp(interval)}.parquet"


def merge(root: Path, table: str, day: date) -> int:
    """Make one file of a whole day's files; return how many were merged, 0 if nothing was to do.

    The file keeps its parts' rows in their order, their intervals, and the time of the newest
    change. Readers see the parts or the merged file; a merge that was killed is finished by the
    next one.
    """
    folder = root / table / f"ds={day.isoformat()}"
    # Most days are merged already: nobody need wait for those.
    if len(_all_files(folder)) < 2:
        return 0
    with _holding(root / table, fcntl.LOCK_EX):
        found = _counted(folder)
        is_finished = len(found) > 1 and _is_whole(found)
        if is_finished:
            newest = max(file.stat().st_mtime_ns for file in found)
            _write(_partition(root, table, Interval.of_day(day)), _joined(found), newest)
        for file in set(_all_files(folder)) - set(_counted(folder)):
            file.unlink()
    return len(found) if is_finished else 0


def _joined(found: list[Path]) -> pa.Table:
    return _together([file.stem for file in found], [_read(file) for file in found])


def _together(names: list[str], tables: list[pa.Table]) -> pa.Table:
    parts = [[name, rows.num_rows] for name, rows in zip(names, tables, strict=True)]
    metadata = tables[0].schema.metadata or {}
    return pa.concat_tables(tables).replace_schema_metadata(
        metadata | {_PARTS: json.dumps(parts).encode()}
    )


def rewrite(file: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Replace the rows of a file by what `change` makes of them, drop by drop of a merged one.

    Nobody else lists or changes the table meanwhile. The file counts as changed now, so builds do
    not go on from what was made of it.
    """
    with _holding(file.parent.parent, fcntl.LOCK_EX):
        if not file.exists():
            return
        names = [name for name, _ in _parts(file)]
        pieces = [_read(file)] if len(names) == 1 else [rows for _, rows in _pieces(file)]
        changed = [change(rows) for rows in pieces]
        _write(file, changed[0] if len(names) == 1 else _together(names, changed))


def parts(file: Path) -> list[Interval]:
    """List the intervals of the drops that a file holds: of a merged one several."""
    return [file_interval(Path(f"{name}.parquet")) for name, _ in _parts(file)]


def _parts(file: Path) -> list[tuple[str, int]]:
    given = (pq.read_schema(file).metadata or {}).get(_PARTS)
    return json.loads(given) if given else [(file.stem, -1)]


def _merged_with(folder: Path, interval: Interval) -> list[Path]:
    """Find the merged file that holds `interval` as one of its parts."""
    wider = [f for f in _counted(folder) if file_interval(f) != interval]
    return [f for f in wider if file_interval(f).covers(interval) and interval in parts(f)]


def _cut(folder: Path, interval: Interval) -> None:
    """Cut the merged file that holds `interval` into its parts again, as they were."""
    for file in _merged_with(folder, interval):
        changed_at_ns = file.stat().st_mtime_ns
        for name, rows in _pieces(file):
            _write(folder / f"{name}.parquet", rows, changed_at_ns)
        # Until here the wider file counts, from here on its parts do.
        file.unlink()


def _pieces(file: Path) -> Iterator[tuple[str, pa.Table]]:
    rows, start = _read(file), 0
    for name, count in _parts(file):
        yield name, rows.slice(start, count)
        start += count


def _read(file: Path, columns: list[str] | None = None) -> pa.Table:
    """Read rows as they were written: without a list of parts, maps with their usual names."""
    rows = pq.ParquetFile(file).read(columns=columns)
    fields = [
        field.with_type(pa.map_(field.type.key_type, field.type.item_type))
        if pa.types.is_map(field.type)
        else field
        for field in rows.schema
    ]
    metadata = {k: v for k, v in (rows.schema.metadata or {}).items() if k != _PARTS}
    return rows.cast(pa.schema(fields, metadata or None))


@contextmanager
def _holding(table: Path, how: int) -> Iterator[None]:
    """Wait for others that list (shared) or change (alone) a table's files, then keep them out."""
    table.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(table, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        # The system lets go of it when the folder is closed, also for a process that is killed.
        os.close(descriptor)


def refuse_overlap(folder: Path, interval: Interval) -> None:
    """Raise BadInputError if a file of `folder` owns a part of `interval`, but not all the same."""
    if interval.end > Interval.of_day(interval.start.date()).end:
        raise BadInputError(f"{interval} spans more than one UTC day; split it at midnight")
    for file in _counted(folder):
        other = file_interval(file)
        if other != interval and other.overlaps(interval):
            # A merged file holds more than what is in the way.
            or_remove = "" if len(_parts(file)) > 1 else ", or remove that file first"
            raise BadInputError(
                f"{file} already owns {other}, which overlaps {interval};"
                f" land the day with the same drops as before{or_remove}"
            )


def ensure_table(root: Path, table: str, schema: pa.Schema) -> None:
    """Make sure that a table can be scanned: write a file without rows for a day without data."""
    target = root / table / f"ds={NO_DAY.isoformat()}" / "empty.parquet"
    if not target.exists() or pq.read_schema(target) != schema:
        with atomic_file(target) as path:
            pq.write_table(schema.empty_table(), path)


def files(root: Path, table: str, interval: Interval) -> list[Path]:
    """List a table's files whose interval lies within `interval`, in the order of time.

    Raises
    ------
    BadInputError
        If a part of a merged day is asked for.
    """
    found: list[Path] = []
    for day in interval.days():
        for file in partition_files(root / table / f"ds={day.isoformat()}"):
            if interval.covers(file_interval(file)):
                found.append(file)
            elif file_interval(file).overlaps(interval) and len(_parts(file)) > 1:
                raise BadInputError(
                    f"{file} holds all of {day}, merged by `vitrine compact`, and {interval} is a"
                    f" part of it; ask for whole days, or first land it again:"
                    f" `vitrine land --start {format_instant(interval.start)}"
                    f" --end {format_instant(interval.end)}`"
                )
    return found


def read(root: Path, table: str, interval: Interval, columns: list[str] | None = None) -> pa.Table:
    """Read a table's rows received in `interval`; the empty table if there are none."""
    with _holding(root / table, fcntl.LOCK_SH):
        tables = [_read(path, columns) for path in files(root, table, interval)]
    if tables:
        return pa.concat_tables(tables)
    empty = root / table / f"ds={NO_DAY.isoformat()}" / "empty.parquet"
    return pq.ParquetFile(empty).read(columns=columns)


@contextmanager
def held(root: Path, table: str) -> Iterator[list[Path]]:
    """List all of a table's files, and let nobody merge or change them meanwhile.

    For whoever reads a part of each: a few columns, or few rows.
    """
    with _holding(root / table, fcntl.LOCK_SH):
        folders = (root / table / f"ds={day.isoformat()}" for day in days(root, table))
        yield [file for folder in folders for file in _counted(folder)]


def find(root: Path, table: str, interval: Interval) -> pa.Table | None:
    """Read the rows that exactly this interval owns; None if no file says that it owns them."""
    target = _partition(root, table, interval)
    with _holding(root / table, fcntl.LOCK_SH):
        if target.exists():
            return _read(target)
        for file in _merged_with(target.parent, interval):
            return dict(_pieces(file))[target.stem]
    return None


def days(root: Path, table: str) -> list[date]:
    """List the UTC days of receipt that a table has files of."""
    found = (date.fromisoformat(f.name.removeprefix("ds=")) for f in (root / table).glob("ds=*"))
    return sorted(day for day in found if day != NO_DAY)


def received_until(root: Path) -> datetime | None:
    """Return the end of the newest UTC day of receipt that any table has files of; None without."""
    newest = [day for table in root.glob("*") for day in days(root, table.name)[-1:]]
    return Interval.of_day(max(newest)).end if newest else None


def partition_files(folder: Path) -> list[Path]:
    """List the Parquet files of one partition that count, in the order of time.

    Those that lie within a wider one were merged into it, and are about to be removed.
    """
    if not folder.is_dir():
        return []
    with _holding(folder.parent, fcntl.LOCK_SH):
        return _counted(folder)


def _counted(folder: Path) -> list[Path]:
    # Of two that begin together the wider one comes first.
    found = [(file_interval(file), file) for file in _all_files(folder)]
    found.sort(key=lambda owned: (owned[0].start, -owned[0].end.timestamp()))
    counted: list[tuple[Interval, Path]] = []
    for interval, file in found:
        if not counted or not counted[-1][0].covers(interval):
            counted.append((interval, file))
    return [file for _, file in counted]


def _all_files(folder: Path) -> list[Path]:
    found = folder.glob("*.parquet")
    return sorted(f for f in found if not f.name.startswith(TEMPORARY) and f.stem != "empty")


def file_interval(path: Path) -> Interval:
    """Read the interval that a file owns from its name."""
    start, end = path.stem.split("-")
    return Interval(parse_instant(start), parse_instant(end))


def covered_days(root: Path, table: str, interval: Interval) -> list[date]:
    """List the days of `interval` of which every instant is owned by a file of the table."""
    return [
        day
        for day in interval.days()
        if _is_whole(partition_files(root / table / f"ds={day.isoformat()}"))
    ]


def uncovered(root: Path, table: str, interval: Interval) -> Iterator[Interval]:
    """Yield the pieces of `interval` that no file of the table owns, in the order of time."""
    start = interval.start
    days_files = (partition_files(root / table / f"ds={d.isoformat()}") for d in interval.days())
    owners = (file_interval(file) for found in days_files for file in found)
    for owned in (owner for owner in owners if owner.overlaps(interval)):
        if owned.start > start:
            yield Interval(start, owned.start)
        start = max(start, owned.end)
    if start < interval.end:
        yield Interval(start, interval.end)


def _is_whole(found: list[Path]) -> bool:
    owned = [file_interval(file) for file in found]
    return sum((i.end - i.start for i in owned), start=DAY * 0) == DAY

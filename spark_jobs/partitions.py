"""Which files a job owns, what it reads for them, and how they are put in place.

One output file per UTC day of receipt (or per given interval within a day), named by the interval
that it owns, as in the lake.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from itertools import groupby, pairwise
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.activity import QUARTER_HOUR_US
from vitrine import lake
from vitrine.contracts import Table
from vitrine.errors import BadArgumentError
from vitrine.interval import DAY, EPOCH, QUARTER_HOUR, Interval, floor
from vitrine.paths import Paths

MICROSECOND = timedelta(microseconds=1)
FACTS = ("orders", "events")
FILES_A_TASK = 16
LEAST_TASKS = 8


def by_day(interval: Interval) -> list[Interval]:
    """Cut an interval at midnight: the files of the day tables."""
    _refuse_odd_ends(interval)
    return list(interval.split(DAY))


def by_drop(root: Path, interval: Interval) -> list[Interval]:
    """Cut an interval like the drops of facts in the lake: the files of the window tables.

    A day that came in one drop, or not at all, is one file. A day that came in quarters of an hour
    is one file for each, whether they are worked on one by one or all at once, so both leave the
    same files behind; a gap between drops is cut at the quarters too.
    """
    return [piece for day in by_day(interval) for piece in _like_drops(root, day)]


def _like_drops(root: Path, day: Interval) -> list[Interval]:
    found = (file for table in FACTS for file in lake.files(root, table, day))
    drops = {drop for file in found for drop in lake.parts(file)}
    if not drops or day in drops:
        return [day]
    cuts = {piece.start for piece in day.split(QUARTER_HOUR)}
    for drop in drops:
        _refuse_odd_ends(drop)
        cuts = {c for c in cuts if not drop.start < c < drop.end} | {drop.start, drop.end}
    ends = sorted(cuts | {day.end})
    return [Interval(a, b) for a, b in pairwise(ends)]


def refuse_cut_drops(root: Path, interval: Interval) -> None:
    """Raise BadArgumentError if a file of facts lies only partly in `interval`."""
    whole = Interval(floor(interval.start, DAY), floor(interval.end - MICROSECOND, DAY) + DAY)
    for table in FACTS:
        for file in lake.files(root, table, whole):
            drop = lake.file_interval(file)
            if drop.overlaps(interval) and not interval.covers(drop):
                raise BadArgumentError(
                    f"{interval} cuts the drop {drop} of {table} ({file});"
                    " give an interval that holds the whole drop"
                )


def facts(spark: SparkSession, root: Path, table: str, interval: Interval) -> DataFrame:
    """Read a lake table's rows received in `interval`."""
    return _read(spark, root, table, lake.files(root, table, interval))


def catalogue(spark: SparkSession, root: Path, table: str, interval: Interval) -> DataFrame:
    """Read every version of a catalogue table that was received before the interval's end."""
    return _read(spark, root, table, versions(root, table, interval))


def versions(root: Path, table: str, interval: Interval) -> list[Path]:
    """List the files of a catalogue table that were received before the interval's end."""
    known = lake.days(root, table)
    if not known or known[0] > (interval.end - MICROSECOND).date():
        return []
    return lake.files(root, table, Interval(Interval.of_day(known[0]).start, interval.end))


def _read(spark: SparkSession, root: Path, table: str, files: list[Path]) -> DataFrame:
    # The table without rows comes first: it gives the schema where there is nothing else.
    empty = root / table / f"ds={lake.NO_DAY.isoformat()}" / "empty.parquet"
    return spark.read.parquet(*[str(file) for file in [empty, *files]])


def days_owned(spark: SparkSession, files: list[Interval]) -> DataFrame:
    """Say of each UTC day of receipt which file owns it.

    Returns
    -------
    DataFrame
        ds date, file bigint, known_at timestamp: the file's place in `files`, and the end of its
        interval, up to which the catalogue is read for its rows.
    """
    return _owned(spark, files).select(F.to_date("_start").alias("ds"), "file", "known_at")


def windows_owned(spark: SparkSession, files: list[Interval]) -> DataFrame:
    """Say of each 15-minute window of receipt which file owns it.

    Returns
    -------
    DataFrame
        received_window_start_at timestamp, file bigint, known_at timestamp: the file's place in
        `files`, and the end of the window, up to which the catalogue is read for its rows. What a
        file says of a window does not depend on how much later the file ends.
    """
    step = F.expr("interval 15 minutes")
    ends = F.explode(F.sequence(F.col("_start") + step, "known_at", step))
    windows = _owned(spark, files).select("file", ends.alias("known_at"))
    return windows.select(
        (F.col("known_at") - step).alias("received_window_start_at"), "file", "known_at"
    )


def _owned(spark: SparkSession, files: list[Interval]) -> DataFrame:
    # Instants travel as integers, so that no local time zone of Python can touch them.
    rows = [
        (number, (file.start - EPOCH) // MICROSECOND, (file.end - EPOCH) // MICROSECOND)
        for number, file in enumerate(files)
    ]
    owned = spark.createDataFrame(rows, "file long, _start_us long, _end_us long")
    return F.broadcast(
        owned.select(
            "file",
            F.timestamp_micros("_start_us").alias("_start"),
            F.timestamp_micros("_end_us").alias("known_at"),
        )
    )


def gather(rows: DataFrame, owned: DataFrame, files: list[Interval], key: str) -> DataFrame:
    """Add `file` and `known_at`, and bring rows that are counted together into one task.

    Of many files a task gets whole ones: what is grouped or sorted by `file` first then stays where
    it is, so the facts travel between tasks once, and a task holds the rows of few files, however
    long the interval is. The rows of few files are spread by `key` too, by which they are grouped
    next, so that a night's day occupies every core; Spark sees to the number of tasks.
    """
    tagged = rows.join(owned, owned.columns[0])
    if _are_few(files):
        return tagged.repartition("file", key)
    return tagged.repartition(max(LEAST_TASKS, len(files) // FILES_A_TASK), "file")


def _are_few(files: list[Interval]) -> bool:
    return len(files) < LEAST_TASKS


def replace(paths: Paths, table: Table, rows: DataFrame, files: list[Interval]) -> int:
    """Replace the files of a delta table with `rows` (`gather`ed, with `file`); count them.

    Spark sorts the rows into the staging folder; then the driver cuts them into the lake's files
    and puts these in place one by one, each atomically. A file per day written by Spark itself
    would cost far more than the computation. Written by the lake's own writer the files carry the
    table's descriptions and required columns, and their bytes depend on the rows alone, not on
    Spark's version or number of tasks. Where there was nothing a file without rows is written.
    """
    left, written = set(files), 0
    if _are_few(files):
        rows = rows.repartition(len(files), "file")
    with _staging(paths.staging / "spark", table.name) as folder:
        staged = folder / "parts"
        (
            rows.select("file", *[column.name for column in table.columns])
            .sortWithinPartitions("file", *table.key)
            .write.parquet(str(staged))
        )
        for part in sorted(staged.glob("*.parquet")):
            for number, rows_of_file in _cut(part):
                content = table.conform(rows_of_file)
                lake.write_partition(paths.deltas, table.name, files[number], content)
                left.remove(files[number])
                written += content.num_rows
    for interval in sorted(left):
        lake.write_partition(paths.deltas, table.name, interval, table.empty())
    return written


@contextmanager
def _staging(root: Path, name: str) -> Iterator[Path]:
    """Give a job a folder of its own, and remove those of its like that were killed."""
    root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        # No other job may look between the making of a folder and its lock.
        with _alone(root):
            for left in root.glob(f"{name}-*"):
                # A job that ends meanwhile removes its own.
                with suppress(BlockingIOError, FileNotFoundError), _alone(left, fcntl.LOCK_NB):
                    shutil.rmtree(left)
            folder = root / f"{name}-{uuid4().hex}"
            folder.mkdir()
            held.enter_context(_alone(folder))
        held.callback(shutil.rmtree, folder)
        yield folder


@contextmanager
def _alone(folder: Path, how: int = 0) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        yield
    finally:
        # The system lets go of it when the folder is closed, also for a process that is killed.
        os.close(descriptor)


def _cut(part: Path) -> Iterator[tuple[int, pa.Table]]:
    """Yield the rows of each file from a part that is sorted by `file`, one file in memory."""
    pieces = (piece for batch in pq.ParquetFile(part).iter_batches() for piece in _runs(batch))
    for number, same in groupby(pieces, key=lambda piece: piece["file"][0].as_py()):
        yield number, pa.Table.from_batches(list(same)).drop_columns(["file"])


def _runs(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch where `file` changes."""
    ends = np.flatnonzero(np.diff(batch["file"].to_numpy(), append=-1)) + 1
    for start, end in pairwise([0, *ends.tolist()]):
        yield batch.slice(start, end - start)


def _refuse_odd_ends(interval: Interval) -> None:
    for end in (interval.start, interval.end):
        if floor(end, QUARTER_HOUR) != end:
            raise BadArgumentError(
                f"{interval} does not begin and end at a quarter of an hour;"
                f" windows are {QUARTER_HOUR_US // 60_000_000} minutes long"
            )

"""What every job does around its transforms: read its arguments, start Spark, keep the record."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import click
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from spark_jobs.partitions import FACTS, refuse_cut_drops, versions
from spark_jobs.submission import SQL_CONF
from vitrine import deltas, lake, process, runlog
from vitrine.errors import VitrineError
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import interval_options
from vitrine.paths import Paths
from vitrine.sources import require


@dataclass(frozen=True)
class Job:
    """What a job works on."""

    paths: Paths
    interval: Interval
    intraday_history_days: int


def main(
    name: str, run: Callable[[SparkSession, Job], dict[str, int]], catalogue: tuple[str, ...]
) -> None:
    """Run a job as `spark-submit` starts it: `--start` and `--end` are instants of receipt.

    `catalogue` names the tables of which the job reads every version.
    The settings come from the environment and the home, as for every command. A failure that a
    person can act on is one line and the exception's exit code.
    """

    @click.command(name=name)
    @interval_options
    def submitted(interval: Interval) -> None:
        _run(name, run, catalogue, interval)

    try:
        submitted()
    except VitrineError as error:
        click.echo(f"vitrine: {error}", err=True)
        sys.exit(error.exit_code)


def session(name: str) -> SparkSession:
    """Start or join a session; master and memory come from `spark-submit`."""
    builder = SparkSession.builder.appName(f"vitrine {name}")
    for key, value in SQL_CONF.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _run(
    name: str,
    run: Callable[[SparkSession, Job], dict[str, int]],
    catalogue: tuple[str, ...],
    interval: Interval,
) -> None:
    installation = Installation.load()
    paths = installation.paths
    with runlog.record(paths, f"spark {name}", interval) as record:
        for table in deltas.TABLES.values():
            lake.ensure_table(paths.deltas, table.name, table.schema)
        require(installation.shop, f"spark {name}", "orders")
        refuse_cut_drops(paths.lake, interval)
        click.echo(f"{name}: {interval}, {len(interval.days())} days of receipt")
        spark = session(name)
        try:
            history_days = installation.settings.intraday_history_days
            rows = run(spark, Job(paths, interval, history_days))
            record.note(**{f"{table}_rows": n for table, n in rows.items()}, **_of_the_jvm(spark))
            read = rows_read(paths, interval, catalogue)
            record.note(rows_in=read, rows_out=sum(rows.values()))
        finally:
            spark.stop()
    for name_of_table, count in rows.items():
        click.echo(f"{name_of_table}: {count:,} rows")


def rows_read(paths: Paths, interval: Interval, catalogue: tuple[str, ...]) -> int:
    """Count the rows of the files that a job opens, by what each file says of itself.

    These are the facts of the interval, and every version of the catalogue tables before its end.
    """
    files = [file for table in FACTS for file in lake.files(paths.lake, table, interval)]
    files += [file for table in catalogue for file in versions(paths.lake, table, interval)]
    return sum(pq.read_metadata(file).num_rows for file in files)


def _of_the_jvm(spark: SparkSession) -> dict[str, int]:
    """Say what Spark's driver took, as far as the system tells (Linux): the run log's figures."""
    assert spark.sparkContext._jvm is not None
    pid = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
    peak, moved = process.peak_memory_bytes_of(pid), process.transfer(pid)
    return ({"jvm_peak_memory_bytes": peak} if peak else {}) | (
        {"jvm_bytes_read": moved.bytes_read, "jvm_bytes_written": moved.bytes_written}
        if moved
        else {}
    )

"""The run log as a table of the warehouse: `operations.marts.rpt_runs`.

It lies in a published file of its own, since what a run cost depends on the clock: the files of
`daily` and `intraday` hold the same whenever they are built (docs/adr/0018).
"""

from pathlib import Path
from typing import NamedTuple

import duckdb

from vitrine import publish, runlog
from vitrine.paths import Paths

DATABASE = "operations"
TABLE = "rpt_runs"
DESCRIPTION = (
    "One row per run of a stage, as far as the newest publication knows: what it did, for which"
    f" interval, and what it cost. The newest {runlog.RECENT_MONTHS} months; runs/months in the"
    " home holds all."
)


class Column(NamedTuple):
    """A column of the table; `sql` finds its value in `run_id` and `record`, the record's text."""

    name: str
    data_type: str
    sql: str
    description: str


COLUMNS = (
    Column("run_id", "varchar", "run_id", "When it started, which stage, which interval."),
    Column("stage", "varchar", "record ->> 'stage'", "The command, such as build daily marts."),
    Column("outcome", "varchar", "record ->> 'outcome'", "succeeded, failed or skipped."),
    Column(
        "interval_start_at",
        "timestamptz",
        "record ->> 'interval_start_at'",
        "First instant of the interval that it worked on.",
    ),
    Column(
        "interval_end_at",
        "timestamptz",
        "record ->> 'interval_end_at'",
        "First instant after the interval that it worked on.",
    ),
    Column(
        "started_at", "timestamptz", "record ->> 'started_at'", "When it started, by the clock."
    ),
    Column("elapsed_s", "double", "record ->> 'elapsed_s'", "How long it took, seconds."),
    Column(
        "rows_in",
        "bigint",
        "record -> 'figures' ->> 'rows_in'",
        "Rows that it read; null where it did not count them.",
    ),
    Column(
        "rows_out",
        "bigint",
        "record -> 'figures' ->> 'rows_out'",
        "Rows that it wrote, or that a built layer holds; null where it did not count them.",
    ),
    Column(
        "bytes_read",
        "bigint",
        "list_sum(cast([record ->> 'bytes_read', record -> 'figures' ->> 'jvm_bytes_read']"
        " as bigint[]))",
        "Bytes read, from disk or memory, with children, the JVM and program files; null where the"
        " system does not count them.",
    ),
    Column(
        "bytes_written",
        "bigint",
        "list_sum(cast([record ->> 'bytes_written', record -> 'figures' ->> 'jvm_bytes_written']"
        " as bigint[]))",
        "Bytes written, with children and the JVM; null where the system does not count them.",
    ),
    Column(
        "peak_memory_bytes",
        "bigint",
        "record ->> 'peak_memory_bytes'",
        "Largest resident size of its process or of one child.",
    ),
    Column(
        "jvm_peak_memory_bytes",
        "bigint",
        "record -> 'figures' ->> 'jvm_peak_memory_bytes'",
        "Largest resident size of Spark's driver, beside the above; null without Spark.",
    ),
    Column(
        "vitrine_version",
        "varchar",
        "record ->> 'vitrine_version'",
        "Version of Vitrine that ran.",
    ),
    Column(
        "error",
        "varchar",
        "record -> 'figures' ->> 'error'",
        "Why it failed or was skipped; null where it succeeded.",
    ),
    Column(
        "figures",
        "varchar",
        "record ->> 'figures'",
        "Everything that it noted, as JSON text; figures ->> 'rows_in' reads one.",
    ),
)


def publish_runs(paths: Paths, keep_versions: int, most_files: int = runlog.MOST_FILES) -> Path:
    """Publish the run log as it stands now, and return the new file.

    More records than `most_files` are gathered by month before.
    """
    runlog.gather(paths, most_files)
    with publish.alone(paths.runs):
        records = runlog.read_records(paths, runlog.RECENT_MONTHS)
        file = paths.staging / "warehouse" / f"{DATABASE}.duckdb"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        _write(file, records)
        newest = max(records, default="none").partition("-")[0][:13]
        return publish.publish_file(file, paths.warehouse, newest, keep_versions)


def _write(file: Path, records: dict[str, str]) -> None:
    import pyarrow as pa

    columns = {"run_id": list(records), "record": list(records.values())}
    texts = pa.table(columns, schema=pa.schema({"run_id": pa.string(), "record": pa.string()}))
    selected = ", ".join(f"cast({c.sql} as {c.data_type}) as {c.name}" for c in COLUMNS)
    table = f"{DATABASE}.marts.{TABLE}"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        # Analysts' tools may still carry an older DuckDB than the one that writes.
        connection.execute(f"attach '{file}' as {DATABASE} (storage_version 'v1.4.0')")
        connection.execute(f"create schema {DATABASE}.marts")
        connection.register("texts", texts)
        connection.execute(f"create table {table} as select {selected} from texts order by run_id")
        connection.execute(f"comment on table {table} is {_quoted(DESCRIPTION)}")
        for c in COLUMNS:
            connection.execute(f"comment on column {table}.{c.name} is {_quoted(c.description)}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

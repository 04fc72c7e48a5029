"""What the pipeline did, as tables of the warehouse: a published file of its own.

What a run cost and when a champion was chosen depends on the clock; the files of `daily` and
`intraday` hold the same whenever they are built (docs/adr/0018).
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb

from vitrine import publish, runlog
from vitrine.champions import Ledger
from vitrine.errors import MachineError
from vitrine.installation import Installation
from vitrine.paths import Paths
from vitrine.transform import champion_table, run_table
from vitrine.transform.record_table import Table

DATABASE = "operations"
TABLES = (run_table.TABLE, champion_table.TABLE)


def publish_records(paths: Paths, keep_versions: int, most_files: int = runlog.MOST_FILES) -> Path:
    """Publish the run log and the ledger of champions as they stand now; return the new file.

    More records of runs than `most_files` are gathered by month before.
    """
    runlog.gather(paths, most_files)
    with publish.alone(paths.runs):
        records = runlog.read_records(paths, runlog.RECENT_MONTHS)
        file = paths.staging / "warehouse" / f"{DATABASE}.duckdb"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        decisions = Ledger.of(paths).texts()
        _write(file, {run_table.TABLE: records, champion_table.TABLE: decisions})
        newest = max(records, default="none").partition("-")[0][:13]
        return publish.publish_file(file, paths.warehouse, newest, keep_versions)


def bring_up_to_date(installation: Installation, most_files: int = runlog.MOST_FILES) -> None:
    """Publish the records; where that fails what was done holds with or without its row."""
    try:
        publish_records(installation.paths, installation.settings.keep_versions, most_files)
    except (OSError, MachineError, duckdb.Error) as error:
        print(f"warning: the table of the run log stays as it was: {error}", file=sys.stderr)


def _write(file: Path, texts: Mapping[Table, Mapping[str, str]]) -> None:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        # Analysts' tools may still carry an older DuckDB than the one that writes.
        connection.execute(f"attach '{file}' as {DATABASE} (storage_version 'v1.4.0')")
        connection.execute(f"create schema {DATABASE}.marts")
        for table, records in texts.items():
            _write_table(connection, table, records)


def _write_table(
    connection: duckdb.DuckDBPyConnection, table: Table, records: Mapping[str, str]
) -> None:
    import pyarrow as pa

    columns = {"id": list(records), "record": list(records.values())}
    texts = pa.table(columns, schema=pa.schema({"id": pa.string(), "record": pa.string()}))
    selected = ", ".join(f"cast({c.sql} as {c.data_type}) as {c.name}" for c in table.columns)
    name = f"{DATABASE}.marts.{table.name}"
    connection.register("texts", texts)
    connection.execute(f"create table {name} as select {selected} from texts order by id")
    connection.execute(f"comment on table {name} is {_quoted(table.description)}")
    for c in table.columns:
        connection.execute(f"comment on column {name}.{c.name} is {_quoted(c.description)}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

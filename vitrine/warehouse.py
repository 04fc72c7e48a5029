"""Read the published warehouse: one in-memory DuckDB connection over the published files.

`daily` and `intraday` are attached read-only under those names, so a query of a published macro
resolves the same tables as it did where dbt built it.
"""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from vitrine.errors import NotPublishedError
from vitrine.paths import Paths

DATABASES = ("daily", "intraday")
SCHEMAS = ("marts", "features", "intermediate", "staging")
SORT_AS_OF_JOINS = "set asof_loop_join_threshold = 0"
"""Where DuckDB expects few questions it goes through them in a loop, which takes far longer than a
sort when there are more than it guessed, such as all campaigns of a large shop."""


def published_file(paths: Paths, database: str) -> Path:
    """Return the version of `daily` or `intraday` that is published now.

    Raises
    ------
    NotPublishedError
        If it was never published.
    """
    link = paths.warehouse / f"{database}.duckdb"
    if not link.exists():
        raise NotPublishedError(
            f"the {database} warehouse is not published yet ({link});"
            " run `make demo`, or the DAG history_load, first"
        )
    return link.resolve()


def connect(paths: Paths, databases: tuple[str, ...] = DATABASES) -> duckdb.DuckDBPyConnection:
    """Open the published files read-only; unqualified names are looked up in marts first."""
    connection = duckdb.connect()
    # As an option of connect() it comes before the extension that knows time zones.
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(SORT_AS_OF_JOINS)
    for database in databases:
        file = str(published_file(paths, database)).replace("'", "''")
        connection.execute(f"attach '{file}' as {database} (read_only)")
    existing = {
        tuple(row)
        for row in connection.execute(
            "select catalog_name, schema_name from information_schema.schemata"
        ).fetchall()
    }
    path = [f"{d}.{s}" for s in SCHEMAS for d in databases if (d, s) in existing]
    connection.execute(f"set search_path = '{','.join(['memory.main', *path])}'")
    return connection


def query(
    warehouse: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any] | None = None
) -> pa.Table:
    """Run one query over a connection and return its rows; their order is what `sql` says."""
    return warehouse.sql(sql, params=parameters or {}).to_arrow_table()

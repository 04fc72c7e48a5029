"""Read the rows that a suite checks: DuckDB over Parquet files or one database, read-only."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd


def connect(database: Path | None = None, name: str | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory connection in UTC, with a database file attached read-only.

    The file's stem is its name there, unless another is given.
    """
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    if database is not None:
        file = str(database).replace("'", "''")
        connection.execute(f"attach '{file}' as {name or database.stem} (read_only)")
    return connection


def parquet(files: Sequence[Path]) -> str:
    """Write a table expression over Parquet files, without columns made from folder names."""
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    return f"read_parquet([{listed}], hive_partitioning=false)"


def frame(query: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Run a query with its named parameters and return its rows."""
    with connect() as connection:
        return connection.execute(query, dict(parameters or {})).df()

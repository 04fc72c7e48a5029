"""Read the rows that a suite checks: DuckDB over Parquet files or one database, read-only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from vitrine.interval import format_instant
from vitrine.warehouse import SORT_AS_OF_JOINS

MEMORY = "1200MB"
"""So much a gate's queries take; what does not fit goes to disk."""


def connect(
    database: Path | None = None, name: str | None = None, spill: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory connection in UTC, with a database file attached read-only.

    The file's stem is its name there, unless another is given. `spill` is the folder for what does
    not fit in memory; DuckDB chooses one without it.
    """
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(SORT_AS_OF_JOINS)
    connection.execute(f"set memory_limit = '{MEMORY}'")
    if spill is not None:
        connection.execute(f"set temp_directory = {text(str(spill))}")
    if database is not None:
        file = text(str(database))
        connection.execute(f"attach {file} as {name or database.stem} (read_only)")
    return connection


def text(value: str) -> str:
    """Write text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def instant(value: datetime) -> str:
    """Write an instant as SQL."""
    return f"timestamptz '{format_instant(value)}'"


def paths(files: Sequence[Path]) -> str:
    """Write paths as a list in SQL."""
    return f"[{', '.join(text(str(file)) for file in files)}]"


def parquet(files: Sequence[Path]) -> str:
    """Write a table expression over Parquet files, without columns made from folder names."""
    return f"read_parquet({paths(files)}, hive_partitioning=false)"


def frame(query: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Run a query with its named parameters and return its rows."""
    with connect() as connection:
        return connection.execute(query, dict(parameters or {})).df()

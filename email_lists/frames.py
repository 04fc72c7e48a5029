"""One way to transform frames: SQL in, Arrow out. Nothing here reads or writes files."""

from functools import cache
from typing import Any

import duckdb
import pyarrow as pa


def select(sql: str, parameters: dict[str, Any] | None = None, **tables: pa.Table) -> pa.Table:
    """Run one query over named Arrow tables and return its rows.

    Instants are UTC. A query whose order matters says `order by`: DuckDB keeps no other.

    >>> select("select max(n) as n from t", t=pa.table({"n": [1, 3, 2]})).to_pylist()
    [{'n': 3}]
    """
    with _engine().cursor() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(sql, params=parameters or {}).to_arrow_table()


def empty(**columns: pa.DataType) -> pa.Table:
    """Return a table without rows.

    >>> empty(product_id=pa.string()).num_rows
    0
    """
    return pa.schema(list(columns.items())).empty_table()


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """Return the process's one empty database: opening one costs more than a small query."""
    engine = duckdb.connect()
    engine.execute("set global TimeZone = 'UTC'")
    return engine

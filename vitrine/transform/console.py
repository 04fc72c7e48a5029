"""Ask the published warehouse from a terminal."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import duckdb

from vitrine.errors import BadArgumentError
from vitrine.paths import Paths
from vitrine.warehouse import DATABASES, connect, published_file

SHOWN_ROWS = 40


@contextmanager
def open_warehouse(paths: Paths) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open whichever databases are published; at least `daily` must be.

    Raises
    ------
    NotPublishedError
        If `daily` was never published.
    """
    published_file(paths, DATABASES[0])
    there = tuple(d for d in DATABASES if (paths.warehouse / f"{d}.duckdb").exists())
    with connect(paths, there) as connection:
        # What is asked reads the warehouse; it neither writes files nor reads others.
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        yield connection


def show(connection: duckdb.DuckDBPyConnection, query: str, as_csv: bool = False) -> None:
    """Print a query's result as a table with its count of rows, or as CSV.

    Raises
    ------
    BadArgumentError
        If DuckDB refuses the query.
    """
    try:
        relation = connection.sql(query)
        if relation is None:
            raise BadArgumentError("the query gives no rows; type one, such as: show all tables")
        if as_csv:
            relation.df().to_csv(sys.stdout, index=False)
        else:
            relation.show(max_rows=SHOWN_ROWS, max_width=shutil.get_terminal_size().columns)
            click.echo(_row_count(len(relation)))
    except duckdb.Error as error:
        said = " ".join(str(error).partition("\n\n")[0].split())
        raise BadArgumentError(f"the query was refused: {said}") from None


def prompt(connection: duckdb.DuckDBPyConnection) -> None:
    r"""Read queries, each ended by `;`, until `\q` or the end of input."""
    click.echo("One query at a time, ended by ; — \\q ends. Try: show all tables;")
    lines: list[str] = []
    for line in iter(_ask, None):
        if line.strip() in ("\\q", "exit", "quit"):
            return
        lines.append(line)
        if line.rstrip().endswith(";"):
            _answer(connection, "\n".join(lines))
            lines.clear()


def _answer(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    try:
        show(connection, query)
    except BadArgumentError as error:
        click.echo(str(error), err=True)


def _ask() -> str | None:
    try:
        return input("vitrine> ")
    except EOFError:
        return None


def _row_count(count: int) -> str:
    shown = f", {SHOWN_ROWS} are shown" if count > SHOWN_ROWS else ""
    return f"({count} row{'' if count == 1 else 's'}{shown})"

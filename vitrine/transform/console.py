r"""Ask the published warehouse from a terminal.

Besides SQL it knows what `psql` users type: `\d` lists what there is, `\d NAME` describes one
table, `\x` turns rows into pages with a line per column, `\q` ends.
"""

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import click
import duckdb

from vitrine.errors import BadArgumentError
from vitrine.paths import Paths
from vitrine.publish import age
from vitrine.transform import evaluation_tables, list_tables, operations, product_tables
from vitrine.warehouse import DATABASES, connect, published_file

SHOWN_ROWS = 40
SHOWN_LINES = 120
"""As many, at most, when each column takes a line."""
BANNER = r"One query at a time, ended by ; — \d lists tables, \d NAME describes one, \q ends."
LISTING = re.compile(r"(show\s+(all\s+)?tables|\\d)\s*;?", re.IGNORECASE)
_CHANGES = (duckdb.StatementType.CREATE, duckdb.StatementType.INSERT, duckdb.StatementType.SET)
DESCRIBING = re.compile(r"\\d\s+(?P<name>[\w.]+)\s*;?")


@contextmanager
def open_warehouse(paths: Paths) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open whichever databases are published; at least `daily` must be.

    The published Parquet files, and the refused rows, stand beside them as tables.

    Raises
    ------
    NotPublishedError
        If `daily` was never published.
    """
    published_file(paths, DATABASES[0])
    wanted = (*DATABASES, operations.DATABASE)
    there = tuple(d for d in wanted if (paths.warehouse / f"{d}.duckdb").exists())
    with connect(paths, there) as connection:
        _register_files(connection, paths)
        # What is asked reads the warehouse; it neither writes files nor reads others. Folders
        # cannot be allowed for reading alone: DuckDB would then write to them, too.
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        yield connection


def show(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    as_csv: bool = False,
    is_expanded: bool = False,
) -> None:
    r"""Print a query's result with its count of rows: a table, pages where it is too wide, or CSV.

    `\d` lists the tables and functions, `\d NAME` describes one. Of several queries, each ended
    by `;`, every result is printed.

    Raises
    ------
    BadArgumentError
        If DuckDB refuses a query, none gives rows, or CSV of several is asked for.
    """
    try:
        sql, is_described = _translated(query)
        results = list(_results(connection, sql))
        if not results:
            raise BadArgumentError(r"the query gives no rows; type one, or \d for what there is")
        if as_csv and len(results) > 1:
            raise BadArgumentError(
                f"--csv prints one table, and {len(results)} queries were given; ask one at a time"
            )
        for relation in results:
            if as_csv:
                relation.df().to_csv(sys.stdout, index=False)
            elif is_described:
                _describe(relation)
            else:
                _print(relation, is_expanded)
    except duckdb.PermissionException:
        raise BadArgumentError(
            r"the query was refused: files are neither read nor written here; \d lists the tables,"
            " the published Parquet files among them, and --csv writes to another program"
        ) from None
    except duckdb.Error as error:
        said = " ".join(str(error).partition("\n\n")[0].split())
        raise BadArgumentError(f"the query was refused: {said}") from None


def prompt(connection: duckdb.DuckDBPyConnection) -> None:
    r"""Read queries, each ended by `;`, until `\q` or the end of input."""
    with suppress(ImportError):
        import_module("readline")  # input() then edits its line and knows the ones before
    click.echo(BANNER)
    lines: list[str] = []
    is_expanded = False
    for line in iter(_ask, None):
        word = line.strip().rstrip(";")
        if word in ("\\q", "exit", "quit"):
            return
        if word == "\\x":
            is_expanded = not is_expanded
            click.echo(f"a line per column: {'always' if is_expanded else 'where it must be'}")
            continue
        lines.append(line)
        if line.rstrip().endswith(";") or line.startswith("\\"):
            _answer(connection, "\n".join(lines), is_expanded)
            lines.clear()


def _register_files(connection: duckdb.DuckDBPyConnection, paths: Paths) -> None:
    """Make tables of the published files that are there: each read when it is asked for."""
    from pyarrow import dataset

    places = {
        "campaign_scores": paths.scores / "current" / "campaign_scores.parquet",
        **{
            table.name: paths.embeddings / "current" / f"{table.name}.parquet"
            for table in product_tables.TABLES
        },
        "training_examples": max(paths.examples.glob("[0-9]*.parquet"), default=Path("nowhere")),
        "quarantine": paths.quarantine,
        "quarantined_images": paths.quarantined_images,
        **{
            name: paths.evaluations / "current" / f"{name}.parquet"
            for name in ("leaderboard", "model_costs", "learning_curves")
        },
        **{
            name: paths.classifier_evaluations / "current" / f"{name}.parquet"
            for name in ("classifier_scores", "classifier_mistakes")
        },
    }
    for name, place in places.items():
        if place.exists():
            connection.register(name, dataset.dataset(place.resolve(), format="parquet"))
    for table in list_tables.TABLES:
        if files := sorted(paths.list_reports.glob(f"*/current/{table.name}.parquet")):
            every = dataset.dataset([str(file.resolve()) for file in files], format="parquet")
            connection.register(table.name, every)
    kept = {
        "leaderboard": paths.evaluations,
        "classifier_scores": paths.classifier_evaluations,
    }
    for name, root in kept.items():
        if files := _evaluations(root, name):
            every = dataset.dataset([str(file) for file in files], format="parquet")
            connection.register(f"{name}_history", every)
    _describe_files(connection)


def _describe_files(connection: duckdb.DuckDBPyConnection) -> None:
    """Comment on what is there; an older version may lack some columns."""
    of_files = (*product_tables.TABLES, *list_tables.TABLES)
    tables = evaluation_tables.TABLES | {t.name: t.description for t in of_files}
    columns = evaluation_tables.COLUMNS | {
        t.name: {c.name: c.description for c in t.columns} for t in of_files
    }
    there = connection.execute(
        "select table_name, column_name from duckdb_columns() where table_name in ?",
        [list(tables)],
    ).fetchall()
    for table, column in there:
        said = columns[table].get(column, "").replace("'", "''")
        connection.execute(f"comment on column {table}.{column} is '{said}'")
    for table in {table for table, _ in there}:
        connection.execute(f"comment on view {table} is '{tables[table]}'")


def _evaluations(root: Path, name: str) -> list[Path]:
    """Return a table's kept files, newest first: one of each run, also of those kept aside."""
    versions = f"versions/[0-9]*/{name}.parquet"
    files = [*root.glob(versions), *root.glob(f"aside/{versions}")]
    # What was published again unchanged is `<run>.2`; the first file gives the table its columns.
    runs = {file.parent.name.partition(".")[0]: file for file in sorted(files, key=age)}
    return list(reversed(runs.values()))


def _translated(query: str) -> tuple[str, bool]:
    """Return the query, and whether its last column is a text to be wrapped, not cut."""
    if LISTING.fullmatch(query.strip()):
        return _LISTING_SQL, True
    if asked := DESCRIBING.fullmatch(query.strip()):
        return _DESCRIPTION_SQL.format(name=asked["name"].rpartition(".")[2]), True
    return query, False


# A bare name is found in marts first; one that occurs twice is written out.
_LISTING_SQL = """
    with relations as (
        select database_name as database, schema_name as schema, table_name as name, comment
        from duckdb_tables() where not internal
        union all
        select database_name, schema_name, view_name, comment
        from duckdb_views() where not internal and database_name != 'temp'
        union all
        select
            database_name, 'files', view_name,
            coalesce(comment, 'Published files, or refused rows, of the home.')
        from duckdb_views() where not internal and database_name = 'temp'
        union all
        select distinct database_name, schema_name, function_name || '(''spine'')', comment
        from duckdb_functions() where not internal and function_type = 'table_macro'
    )
    select
        if(count(*) over (partition by name) > 1, database || '.' || schema || '.', '') || name
            as name,
        regexp_extract(coalesce(comment, ''), '^(.*?[.])(\\s|$)', 1) as is_what
    from relations
    order by
        list_position(['marts', 'files', 'features'], schema) nulls last, schema,
        relations.name, database
"""
# A function's comment has a line for each of its columns, such as `age_band varchar: Age …`.
_DESCRIPTION_SQL = """
    with lines as (
        select unnest(string_split(comment, chr(10))) as line, generate_subscripts(
            string_split(comment, chr(10)), 1
        ) as place
        from duckdb_functions() where not internal and function_name = '{name}'
    )
    select column_name as name, lower(data_type) as type, coalesce(comment, '') as is_what
    from duckdb_columns() where not internal and table_name = '{name}'
    union all
    select '{name}(''spine'')', 'function', line from lines where place = 1
    union all
    select
        regexp_extract(line, '^(\\w+) (.+?): (.*)$', 1),
        regexp_extract(line, '^(\\w+) (.+?): (.*)$', 2),
        regexp_extract(line, '^(\\w+) (.+?): (.*)$', 3)
    from lines where place > 1
"""


def _results(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[duckdb.DuckDBPyRelation]:
    """Run the statements one after another; yield what each gives.

    Of several, a temporary table's making gives its count of rows, which nobody asked for.
    """
    statements = connection.extract_statements(sql)
    for statement in statements:
        relation = connection.sql(statement)
        if relation is not None and (len(statements) == 1 or statement.type not in _CHANGES):
            yield relation


def _describe(relation: duckdb.DuckDBPyRelation) -> None:
    rows = relation.fetchall()
    if not rows:
        raise BadArgumentError(r"there is no such table or function; \d lists them")
    click.echo("\n".join(_described(rows, shutil.get_terminal_size().columns)))


def _print(relation: duckdb.DuckDBPyRelation, is_expanded: bool) -> None:
    width, count = shutil.get_terminal_size().columns, len(relation)
    shown = relation.limit(SHOWN_ROWS)
    names, types = list(shown.columns), [str(kind) for kind in shown.types]
    rows = shown.project("columns(*)::varchar").fetchall()
    if is_expanded or _needed_width(names, types, rows) > width:
        rows = rows[: max(1, SHOWN_LINES // (len(names) + 1))]
        click.echo("\n".join(_pages(names, rows, width)))
    else:
        relation.show(max_rows=SHOWN_ROWS, max_width=width, max_col_width=width)
    click.echo(_row_count(count, len(rows)))


def _needed_width(names: Sequence[str], types: Sequence[str], rows: Sequence[Sequence]) -> int:
    columns = zip(names, types, *rows, strict=True)
    return 1 + sum(3 + max(len(str(cell)) for cell in column) for column in columns)


def _pages(names: Sequence[str], rows: Sequence[Sequence], width: int) -> Iterator[str]:
    margin = max(map(len, names))
    for number, row in enumerate(rows, start=1):
        yield f"── row {number} ".ljust(min(width, margin + 20), "─")
        for name, value in zip(names, row, strict=True):
            text = "NULL" if value is None else str(value)
            yield f"{name:<{margin}}  {_cut(text, max(width - margin - 2, 20))}"


def _cut(text: str, width: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _described(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Draw columns of names beside a text that is wrapped."""
    margins = [2 + max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    for row in rows:
        left = "".join(f"{cell:<{margin}}" for cell, margin in zip(row, margins, strict=False))
        yield from textwrap.wrap(
            left + row[-1],
            max(width, sum(margins) + 30),
            subsequent_indent=" " * sum(margins),
        )


def _answer(connection: duckdb.DuckDBPyConnection, query: str, is_expanded: bool) -> None:
    try:
        show(connection, query, is_expanded=is_expanded)
    except BadArgumentError as error:
        click.echo(str(error), err=True)


def _ask() -> str | None:
    try:
        return input("vitrine> ")
    except EOFError:
        return None


def _row_count(count: int, shown: int) -> str:
    note = f", {shown} are shown" if count > shown else ""
    return f"({count} row{'' if count == 1 else 's'}{note})"

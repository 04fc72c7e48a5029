"""Take one person out of a DuckDB file: a new file without them replaces it.

Deleted rows stay in a file's free pages, so all that others have is copied into a fresh one, table
by table, with its views, macros and comments. The copy is compared before it takes the place.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from vitrine.errors import VitrineError
from vitrine.forgetting.person import CUSTOMER, KINDS, Person
from vitrine.forgetting.rows import naming
from vitrine.publish import TEMPORARY, atomic_file

_ORIGINAL, _COPY = "original", "rewritten"
"""What the two files are called here, whatever names they have."""
_ROW = "row_of_it"
_BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class _Table:
    """A table, and what its rows are read by."""

    place: str
    """Schema and table, quoted."""
    columns: dict[str, str]
    """Type by name."""

    @property
    def name(self) -> str:
        """The qualified name, as the conditions below call it."""
        return f"{_ORIGINAL}.{self.place} as {_ROW}"

    @property
    def theirs(self) -> str:
        """A condition that is true for the person's rows and false for all others."""
        links = [
            f"coalesce({kind} in (select id from ids where kind = '{kind}'), false)"
            for kind in KINDS
            if self.columns.get(kind) == "VARCHAR"
        ]
        if CUSTOMER not in self.columns:
            return " or ".join(links) or "false"
        own = f"coalesce({CUSTOMER} in (select id from ids where kind = '{CUSTOMER}'), false)"
        return f"({own} or ({CUSTOMER} is null and ({' or '.join(links) or 'false'})))"

    @property
    def texts(self) -> list[str]:
        """Columns that may name the person in a text."""
        return [
            name
            for name, kind in self.columns.items()
            if re.search("VARCHAR|JSON", kind) and name not in (CUSTOMER, *KINDS)
        ]

    @property
    def names(self) -> str:
        """A condition that is true where a text names the person."""
        found = [f"{_text_of(c)} in (select text from named)" for c in self.texts]
        return f"coalesce({' or '.join(found) or 'false'}, false)"

    @property
    def kept(self) -> str:
        """The columns, texts without the person; cells that do not name them as they stand."""
        return ", ".join(
            f"coalesce((select cleaned from named where named.text = {_text_of(name)})::{kind},"
            f" {_ROW}.{_quoted(name)}) as {_quoted(name)}"
            if name in self.texts
            else _quoted(name)
            for name, kind in self.columns.items()
        )


def found(file: Path, person: Person) -> int:
    """Count the rows of a DuckDB file that are the person's or name them.

    Raises
    ------
    VitrineError
        If the file cannot be read now, or is none that this DuckDB reads.
    """
    with _opened(file) as connection:
        tables = _known(connection, person)
        return sum(_count(connection, each, f"{each.theirs} or {each.names}") for each in tables)


def has_free_pages(file: Path) -> bool:
    """Say whether a DuckDB file has pages that nobody reads any more; who is there nobody knows.

    Raises
    ------
    VitrineError
        As `found`.
    """
    with _opened(file) as connection:
        sizes = connection.execute(
            "select free_blocks from pragma_database_size() where database_name = ?", [_ORIGINAL]
        ).fetchall()
        return bool(sizes[0][0])


def erase(file: Path, person: Person) -> None:
    """Replace a DuckDB file by one without the person.

    Raises
    ------
    ValueError
        If the copy would hold other rows than the others'; then the file is as it was.
    VitrineError
        As `found`; or if what it holds cannot be copied.
    """
    # DuckDB writes a log beside a file; that of a copy which was killed has no other name to it.
    for left in file.parent.glob(f"{TEMPORARY}*-{file.name}.wal"):
        left.unlink()
    with atomic_file(file) as path, _opened(file) as connection:
        connection.execute(f"attach '{_escaped(path)}' as {_COPY}")
        connection.execute(f"copy from database {_ORIGINAL} to {_COPY} (schema)")
        for each in _known(connection, person):
            columns = each.kept if _count(connection, each, each.names) else "*"
            kept = f"select {columns} from {each.name} where not ({each.theirs})"
            copied = f"{_COPY}.{each.place}"
            connection.execute(f"insert into {copied} {kept}")
            _require_same(connection, kept, f"from {copied}", file)
        connection.execute(f"checkpoint {_COPY}")
        connection.execute(f"detach {_COPY}")


@contextmanager
def _opened(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            connection.execute(f"attach '{_escaped(file)}' as {_ORIGINAL} (read_only)")
            yield connection
        except duckdb.IOException as error:
            raise VitrineError(
                f"{file} cannot be opened now ({str(error).splitlines()[0]}); once the run that"
                " writes it has ended, type the same command again"
            ) from error
        except duckdb.Error as error:
            raise VitrineError(
                f"{file} cannot be read or written anew ({str(error).splitlines()[0]}); once that"
                " is mended, or the file removed, type the same command again"
            ) from error


def _known(connection: duckdb.DuckDBPyConnection, person: Person) -> list[_Table]:
    """Return a file's tables; the connection knows the person's ids and the texts to clean."""
    pairs = [(kind, each) for kind, ids in person.ids.items() for each in sorted(ids)]
    kinds, ids = zip((CUSTOMER, person.customer_id), *pairs, strict=True)
    connection.register("given", pa.table({"kind": kinds, "id": ids}))
    connection.execute("create table ids as from given")
    tables = _tables(connection)
    texts = sorted({text for each in tables for text in _naming(connection, each, person)})
    cleaned = [person.redacted(text) for text in texts]
    columns = {"text": pa.array(texts, pa.string()), "cleaned": pa.array(cleaned, pa.string())}
    connection.register("said", pa.table(columns))
    connection.execute("create table named as from said")
    return tables


def _naming(connection: duckdb.DuckDBPyConnection, table: _Table, person: Person) -> Iterator[str]:
    """Yield the texts of a table that name the person."""
    if not table.texts:
        return
    read = connection.sql(f"select {', '.join(map(_text_of, table.texts))} from {table.name}")
    for batch in read.to_arrow_reader(_BATCH_ROWS):
        yield from naming(pa.concat_arrays(batch.columns), person)


def _tables(connection: duckdb.DuckDBPyConnection) -> list[_Table]:
    sql = """
    select
        schema_name, table_name,
        list(column_name order by column_index), list(data_type order by column_index)
    from duckdb_columns()
    semi join duckdb_tables() using (database_name, schema_name, table_name)
    where database_name = $database
    group by all
    order by all
    """
    return [
        _Table(f"{_quoted(schema)}.{_quoted(table)}", dict(zip(names, types, strict=True)))
        for schema, table, names, types in connection.execute(
            sql, {"database": _ORIGINAL}
        ).fetchall()
    ]


def _count(connection: duckdb.DuckDBPyConnection, table: _Table, condition: str) -> int:
    rows = connection.execute(f"select count(*) from {table.name} where {condition}").fetchall()
    return int(rows[0][0])


def _require_same(
    connection: duckdb.DuckDBPyConnection, kept: str, copied: str, file: Path
) -> None:
    digest = "select count(*), sum(hash(t)::hugeint), bit_xor(hash(t)) from ({}) as t"
    before, after = (connection.execute(digest.format(rows)).fetchall() for rows in (kept, copied))
    if before != after:
        raise ValueError(f"{file} would lose rows of others")


def _text_of(column: str) -> str:
    return f"{_ROW}.{_quoted(column)}::varchar"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")

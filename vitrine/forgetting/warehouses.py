"""Take one person out of a DuckDB file: a new file without them replaces it.

Deleted rows stay in a file's free pages, so all that others have is copied into a fresh one, table
by table, with its views, macros and comments. The copy is compared before it takes the place.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from vitrine.errors import VitrineError
from vitrine.forgetting.person import CUSTOMER, KINDS, REPLACEMENT, Person
from vitrine.publish import TEMPORARY, atomic_file

_COPY = "rewritten"


@dataclass(frozen=True)
class _Table:
    """A table's qualified name, and what its rows are read by."""

    name: str
    columns: dict[str, str]
    """Type by name."""

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
            if "VARCHAR" in kind and name not in (CUSTOMER, *KINDS)
        ]

    @property
    def names(self) -> str:
        """A condition that is true where a text names the person."""
        found = [f"contains(lower({_quoted(c)}::varchar), word)" for c in self.texts]
        return f"exists (from words where {' or '.join(found)})" if found else "false"

    def kept(self, words: Iterable[str]) -> str:
        """The columns, texts without the person's words."""
        return ", ".join(
            _redacted(name, kind, words) if name in self.texts else _quoted(name)
            for name, kind in self.columns.items()
        )


def found(file: Path, person: Person) -> int:
    """Count the rows of a DuckDB file that are the person's or name them."""
    with _opened(file, person) as connection:
        return sum(
            _count(connection, each, f"{each.theirs} or {each.names}")
            for each in _tables(connection, _name(file))
        )


def has_free_pages(file: Path) -> bool:
    """Say whether a DuckDB file has pages that nobody reads any more; who is there nobody knows."""
    with duckdb.connect() as connection:
        _attach(connection, file)
        sizes = connection.execute(
            "select free_blocks from pragma_database_size() where database_name = ?", [_name(file)]
        ).fetchall()
        return bool(sizes[0][0])


def erase(file: Path, person: Person) -> None:
    """Replace a DuckDB file by one without the person.

    Raises
    ------
    ValueError
        If the copy would hold other rows than the others'; then the file is as it was.
    """
    # DuckDB writes a log beside a file; that of a copy which was killed has no other name to it.
    for left in file.parent.glob(f"{TEMPORARY}*-{file.name}.wal"):
        left.unlink()
    with atomic_file(file) as path, _opened(file, person) as connection:
        connection.execute(f"attach '{_text(path)}' as {_COPY}")
        connection.execute(f"copy from database {_name(file)} to {_COPY} (schema)")
        for each in _tables(connection, _name(file)):
            is_named = bool(_count(connection, each, each.names))
            columns = each.kept(person.words) if is_named else "*"
            kept = f"select {columns} from {each.name} where not ({each.theirs})"
            copied = f"{_COPY}.{each.name.partition('.')[2]}"
            connection.execute(f"insert into {copied} {kept}")
            _require_same(connection, kept, f"from {copied}", file)
        connection.execute(f"checkpoint {_COPY}")
        connection.execute(f"detach {_COPY}")


def _attach(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    try:
        connection.execute(f"attach '{_text(file)}' as {_name(file)} (read_only)")
    except duckdb.IOException as error:
        raise VitrineError(
            f"{file} cannot be opened now ({str(error).splitlines()[0]}); once the run that writes"
            " it has ended, type the same command again"
        ) from error


@contextmanager
def _opened(file: Path, person: Person) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        pairs = [(kind, each) for kind, ids in person.ids.items() for each in sorted(ids)]
        kinds, ids = zip((CUSTOMER, person.customer_id), *pairs, strict=True)
        connection.register("given", pa.table({"kind": kinds, "id": ids}))
        connection.execute("create table ids as from given")
        words = pa.array([word.lower() for word in person.words], pa.string())
        connection.register("said", pa.table({"word": words}))
        connection.execute("create table words as from said")
        _attach(connection, file)
        yield connection


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[_Table]:
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
        _Table(
            f"{database}.{_quoted(schema)}.{_quoted(table)}", dict(zip(names, types, strict=True))
        )
        for schema, table, names, types in connection.execute(
            sql, {"database": database}
        ).fetchall()
    ]


def _count(connection: duckdb.DuckDBPyConnection, table: _Table, condition: str) -> int:
    rows = connection.execute(f"select count(*) from {table.name} where {condition}").fetchall()
    return int(rows[0][0])


def _name(file: Path) -> str:
    """Return the database that a file is a version of: its views and macros name it."""
    return file.stem.partition("-")[0]


def _require_same(
    connection: duckdb.DuckDBPyConnection, kept: str, copied: str, file: Path
) -> None:
    digest = "select count(*), sum(hash(t)::hugeint), bit_xor(hash(t)) from ({}) as t"
    before, after = (connection.execute(digest.format(rows)).fetchall() for rows in (kept, copied))
    if before != after:
        raise ValueError(f"{file} would lose rows of others")


def _redacted(name: str, kind: str, words: Iterable[str]) -> str:
    text = f"{_quoted(name)}::varchar"
    for word in words:
        pattern = "".join(c if c.isalnum() else f"\\{c}" for c in word).replace("'", "''")
        text = f"regexp_replace({text}, '{pattern}', '{REPLACEMENT}', 'gi')"
    return f"({text})::{kind} as {_quoted(name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(path: Path) -> str:
    return str(path).replace("'", "''")

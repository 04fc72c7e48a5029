"""Take one person out of texts: logs, pages, JSON, and the text columns of SQLite databases.

Of a file of records (CSV, JSON lines) with one person a line, the person's lines go; in other texts
the id and the addresses are replaced by a word.
"""

import csv
import io
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from vitrine.errors import VitrineError
from vitrine.forgetting.person import CUSTOMER, Person
from vitrine.publish import atomic_file

RECORDS = (".csv", ".jsonl")
_WAIT_S = 20.0
_CARD = re.compile(r"<article\b.*?</article>\n?", re.DOTALL)


def found(file: Path, person: Person) -> int:
    """Count the lines of a text that name the person."""
    return sum(is_found for _, is_found in _searched(file.suffix, decoded(file), person))


def erase(file: Path, person: Person) -> None:
    """Replace a text by one without the person; other lines keep their bytes."""
    kept = []
    for record, is_found in _searched(file.suffix, decoded(file), person):
        if not is_found:
            kept.append(record)
        elif file.suffix not in RECORDS:
            kept.append(person.redacted(record))
    replace(file, "".join(kept))


def erase_cards(file: Path, person: Person) -> None:
    """Take the articles that name the person out of a page; the others keep their bytes."""
    page = decoded(file)
    replace(file, _CARD.sub(lambda card: "" if person.names(card[0]) else card[0], page))


def decoded(file: Path) -> str:
    """Read a text; what is no UTF-8 in it stays as it is until `replace` writes it."""
    return file.read_bytes().decode("utf-8", "surrogateescape")


def replace(file: Path, text: str) -> None:
    """Let a text take the place of a file's, whose rights stay."""
    with atomic_file(file) as path:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        path.chmod(file.stat().st_mode)


def found_in_database(file: Path, person: Person) -> int:
    """Count the values of a SQLite database that name the person."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=_WAIT_S)) as database:
        return sum(1 for _ in _values(database, person))


def erase_from_database(file: Path, person: Person) -> None:
    """Replace what names the person in a SQLite database, and write its file anew.

    Raises
    ------
    VitrineError
        If another process keeps it busy.
    """
    try:
        with closing(sqlite3.connect(file, timeout=_WAIT_S)) as database:
            for table, column, row, text in list(_values(database, person)):
                database.execute(
                    f'update "{table}" set "{column}" = ? where rowid = ?',
                    (person.redacted(text), row),
                )
            database.commit()
            # Free pages still hold what was there.
            database.execute("vacuum")
            database.execute("pragma wal_checkpoint(truncate)")
    except sqlite3.OperationalError as error:
        raise VitrineError(
            f"{file} cannot be changed now ({error}); stop what uses it, `vitrine down`, then type"
            " the same command again"
        ) from error


def written_anew(file: Path) -> bytes:
    """Return the bytes that a SQLite database would have if nothing had ever been deleted."""
    with (
        closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=_WAIT_S)) as database,
        closing(sqlite3.connect(":memory:")) as copy,
    ):
        database.backup(copy)
        copy.execute("vacuum")
        return copy.serialize()


def _values(database: sqlite3.Connection, person: Person) -> Iterator[tuple[str, str, int, str]]:
    """Yield table, column, row and text of each value that names the person."""
    tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
    for (table,) in tables:
        names = [row[1] for row in database.execute(f'pragma table_info("{table}")')]
        for row, *values in database.execute(f'select rowid, * from "{table}"'):
            for name, value in zip(names, values, strict=True):
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                if isinstance(text, str) and person.names(text):
                    yield table, name, row, text


def _searched(suffix: str, text: str, person: Person) -> Iterator[tuple[str, bool]]:
    """Yield lines, of CSV files records, and whether they name the person or are the person's."""
    lines = io.StringIO(text, newline="")
    header = _cells(lines.readline()) if suffix == ".csv" else []
    lines.seek(0)
    for record in _records(list(lines), len(header)) if header else lines:
        # An id may be no word of its own where it stands, in a cell of customers.
        is_theirs = CUSTOMER in header and person.customer_id in record
        is_theirs = is_theirs and _customer_of(record, header) == person.customer_id
        yield record, is_theirs or person.names(record)


def _customer_of(record: str, header: list[str]) -> str | None:
    return dict(zip(header, _cells(record), strict=False)).get(CUSTOMER)


def _records(lines: list[str], width: int) -> Iterator[str]:
    """Yield a CSV file's records with their ends; cells may hold line breaks.

    After a quote that nobody closed each line is a record again: it costs nobody else's lines.
    """
    first = 0
    while first < len(lines):
        end = _end(lines, first)
        record = "".join(lines[first:end])
        if end > first + 1 and not _is_whole(record, width):
            end, record = first + 1, lines[first]
        yield record
        first = end


def _end(lines: list[str], first: int) -> int:
    """Return the place after the first line by which all quotes are closed."""
    is_open = False
    for place in range(first, len(lines)):
        is_open ^= lines[place].count('"') % 2 == 1
        if not is_open:
            return place + 1
    return first + 1


def _is_whole(record: str, width: int) -> bool:
    """Say whether several lines are one record of so many cells."""
    try:
        rows = list(csv.reader(io.StringIO(record, newline=""), strict=True))
    except csv.Error:
        return False
    return [len(cells) for cells in rows] == [width]


def _cells(record: str) -> list[str]:
    try:
        return next(csv.reader([record]), [])
    except csv.Error:  # such as a cell that is longer than the reader takes
        return []


def kept_times(file: Path) -> tuple[tuple[Path, int], ...]:
    """Return when a file and its folder changed: versions are sorted by it."""
    return tuple((path, path.stat().st_mtime_ns) for path in (file, file.parent))


def restore(times: tuple[tuple[Path, int], ...]) -> None:
    """Set what `kept_times` returned."""
    for path, changed_at_ns in times:
        if path.exists():
            os.utime(path, ns=(changed_at_ns, changed_at_ns))

"""Take one person out of texts: logs, pages, JSON, and the text columns of SQLite databases.

Of a file of records (CSV, JSON lines) with one person a line, the person's lines go; in other texts
the id and the addresses are replaced by a word.
"""

import csv
import io
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from vitrine.errors import VitrineError
from vitrine.forgetting.person import ADDRESS, CUSTOMER, Person
from vitrine.publish import atomic_file

RECORDS = (".csv", ".jsonl")
_WAIT_S = 20.0


def found(file: Path, person: Person) -> int:
    """Count the lines of a text that name the person."""
    data = file.read_bytes()
    if not _may_name(data, person):
        return 0
    return sum(_is_found(file, line, person) for line in _records(file, _decoded(data)))


def erase(file: Path, person: Person) -> None:
    """Replace a text by one without the person; other lines keep their bytes."""
    kept = []
    for line in _records(file, _decoded(file.read_bytes())):
        if not _is_found(file, line, person):
            kept.append(line)
        elif file.suffix not in RECORDS:
            kept.append(person.redacted(line))
    with atomic_file(file) as path:
        path.write_bytes("".join(kept).encode("utf-8", "surrogateescape"))
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


def _records(file: Path, text: str) -> Iterator[str]:
    """Yield lines with their ends; of a CSV file records, whose cells may hold line breaks."""
    record = ""
    for line in io.StringIO(text, newline=""):
        record += line
        if file.suffix != ".csv" or record.count('"') % 2 == 0:
            yield record
            record = ""
    if record:
        yield record


def _is_found(file: Path, line: str, person: Person) -> bool:
    if person.names(line):
        return True
    return file.suffix in RECORDS and person.customer_id in line and _is_theirs(file, line, person)


def _is_theirs(file: Path, line: str, person: Person) -> bool:
    """Look for an id that is no word of its own where it stands: in a cell, or under its name."""
    if file.suffix == ".jsonl":
        said = json.loads(line)
        return isinstance(said, dict) and said.get(CUSTOMER) == person.customer_id
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        header = next(csv.reader(lines))
    if CUSTOMER not in header and ADDRESS not in header:
        return False
    cells = dict(zip(header, next(csv.reader([line])), strict=False))
    return cells.get(CUSTOMER) == person.customer_id


def _may_name(data: bytes, person: Person) -> bool:
    folded = data.lower()
    words = {person.customer_id, *person.words}
    return any(word.lower().encode() in folded for word in words)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def kept_times(file: Path) -> tuple[tuple[Path, int], ...]:
    """Return when a file and its folder changed: versions are sorted by it."""
    return tuple((path, path.stat().st_mtime_ns) for path in (file, file.parent))


def restore(times: tuple[tuple[Path, int], ...]) -> None:
    """Set what `kept_times` returned."""
    for path, changed_at_ns in times:
        if path.exists():
            os.utime(path, ns=(changed_at_ns, changed_at_ns))

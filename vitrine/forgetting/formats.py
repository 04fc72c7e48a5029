"""How each format is searched for one person, and how that person is taken out of it.

What has a format of its own is decoded before it is searched: Parquet and DuckDB files compress
their pages, CSV files come packed. Every other file is searched byte by byte, as UTF-8, and as the
UTF-16 and UTF-32 that arrays of text are written in; of those only texts can be cleaned.
"""

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vitrine.forgetting import parquet_files, raw, texts, warehouses, yaml_texts
from vitrine.forgetting.person import Person

_ENCODINGS = ("utf-8", "utf-16-le", "utf-32-le")


@dataclass(frozen=True)
class Format:
    """One format: `found` counts what is the person's, `erase` replaces the file without it."""

    found: Callable[[Path, Person], int]
    erase: Callable[[Path, Person], None] | None


PARQUET = Format(parquet_files.found, parquet_files.erase)
LAKE = Format(parquet_files.found, parquet_files.erase_from_lake)
TEXT = Format(texts.found, texts.erase)
YAML = Format(yaml_texts.found, yaml_texts.erase)


def _found_in_warehouse(file: Path, person: Person) -> int:
    """Look also at what was deleted: its bytes, as far as they are not compressed."""
    live = warehouses.found(file, person)
    return live or (_count(file.read_bytes(), person) if warehouses.has_free_pages(file) else 0)


def _found_in_database(file: Path, person: Person) -> int:
    """Look also at what was deleted: what the bytes hold, and would not if it were written anew."""
    live, in_bytes = texts.found_in_database(file, person), _count(file.read_bytes(), person)
    if live or not in_bytes:
        return live
    return max(0, in_bytes - _count(texts.written_anew(file), person))


DUCKDB = Format(_found_in_warehouse, warehouses.erase)
SQLITE = Format(_found_in_database, texts.erase_from_database)


def format_of(file: Path, is_lake: bool) -> Format:
    """Return how a file is searched and cleaned, by its first and last bytes."""
    with file.open("rb") as content:
        head = content.read(1 << 16)
        content.seek(-min(4, len(head)), os.SEEK_END)
        tail = content.read()
    # A file that was torn is searched byte by byte, whatever its name says.
    if head.startswith(b"PAR1") and tail == b"PAR1":
        return LAKE if is_lake else PARQUET
    if head[8:12] == b"DUCK":
        return DUCKDB
    if head.startswith(b"SQLite format 3"):
        return SQLITE
    is_text = b"\0" not in head and not head.startswith((b"\x89PNG", b"\x1f\x8b", b"PK"))
    if not is_text:
        return Format(_found_in_bytes, None)
    return YAML if file.suffix in (".yaml", ".yml") else TEXT


def _found_in_bytes(file: Path, person: Person) -> int:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            return sum(_count(packed.read(name), person) for name in packed.namelist())
    return _count(raw.content(file), person)


def _count(data: bytes, person: Person) -> int:
    words = {each for word in person.names_given for each in (word, word.lower())}
    return sum(_whole(data, word, encoding) for word in words for encoding in _ENCODINGS)


def _whole(data: bytes, word: str, encoding: str) -> int:
    """Count a word's places, except where digits go on: without its structure a file says no more.

    In an array of texts one follows the other without anything between them.
    """
    sought, count, at = word.encode(encoding), 0, -1
    width = len(sought) // len(word)
    while (at := data.find(sought, at + 1)) >= 0:
        end = at + len(sought)
        before, after = data[max(0, at - width) : at][:1], data[end : end + 1]
        last = sought[-width:][:1]
        is_longer = _go_on(before, sought[:1]) or _go_on(last, after)
        count += not is_longer
    return count


def _go_on(digit: bytes, following: bytes) -> bool:
    return digit.isdigit() and following.isdigit()

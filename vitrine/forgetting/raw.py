"""Take one person out of the shop's raw CSV files: each line of theirs becomes the word `erased`.

A line with that word is a row, refused as `erased`, so the numbers of the other rows hold. Which
raw rows are the person's the source module says, and of lines that it cannot read their words.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from vitrine.errors import BadInputError, VitrineError
from vitrine.forgetting.person import Person
from vitrine.forgetting.rows import theirs
from vitrine.interval import EPOCH, Interval
from vitrine.publish import atomic_file
from vitrine.raw_csv import ERASED, FILE, ROW
from vitrine.sources import Drop, Source

SUFFIXES = (".csv", ".csv.gz")
_END = datetime(9999, 1, 1, tzinfo=UTC)


def is_raw(file: Path) -> bool:
    """Say whether a file is a CSV file, compressed or not."""
    return file.name.endswith(SUFFIXES)


def drops(shop: Source, landing: Path) -> dict[Path, Drop]:
    """Return the drop of each raw file in the landing folder."""
    every = shop.drops(landing, Interval(EPOCH, _END)) if landing.is_dir() else []
    return {file: drop for drop in every for file in drop.files}


def found(file: Path, person: Person, shop: Source, landing: Path, drop: Drop | None) -> set[int]:
    """Return the places, from 0, of the lines of a raw file that are the person's."""
    data = content(file)
    named = _named_lines(data, person)
    if drop and _may_hold(data, person):
        named |= _places(data, _rows(file, person, shop, landing, drop))
    return named


def tables(file: Path, shop: Source, landing: Path, drop: Drop) -> list[pa.Table]:
    """Read one file of a drop into contract tables; none of one that could not be landed either."""
    try:
        return list(shop.read(landing, Drop(drop.interval, (file,))).tables.values())
    except BadInputError:
        return []


def erase(file: Path, places: set[int]) -> None:
    """Replace lines of a raw file; the time of its change, by which nobody knows it, is kept."""
    lines = _whole_content(file).split(b"\n")
    for place in places:
        lines[place] = ERASED.encode()
    changed_at_ns = file.stat().st_mtime_ns
    data, mode = b"\n".join(lines), file.stat().st_mode
    with atomic_file(file) as path:
        # Without a time in its head the compressed file depends on the rows alone.
        path.write_bytes(gzip.compress(data, mtime=0) if file.suffix == ".gz" else data)
        path.chmod(mode)
    os.utime(file, ns=(changed_at_ns, changed_at_ns))


def content(file: Path) -> bytes:
    """Read a file, unpacked; of a torn one as much as there is."""
    data = file.read_bytes()
    if file.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error):
        with suppress(zlib.error):
            return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(data)
        return data


def _whole_content(file: Path) -> bytes:
    try:
        return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (EOFError, OSError, zlib.error) as error:
        # Written anew, half a drop would be landed as if it were whole.
        raise VitrineError(
            f"{file} is not a whole gzip file ({error}); have it sent again, or remove it"
        ) from error


def _may_hold(data: bytes, person: Person) -> bool:
    words = (person.customer_id, *person.names_given, *person.guest_ids)
    return any(word.encode() in data for word in words)


def _named_lines(data: bytes, person: Person) -> set[int]:
    folded, ends = data.lower(), np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    named = set()
    for word in person.names_given:
        for at in _every(folded, word.lower().encode()):
            place = int(np.searchsorted(ends, at))
            start = ends[place - 1] + 1 if place else 0
            line = data[start : ends[place] if place < len(ends) else len(data)]
            # A line that is no UTF-8 must be erased all the same.
            if person.names(line.decode("utf-8", "replace")):
                named.add(place)
    return named


def _every(data: bytes, word: bytes) -> Iterator[int]:
    at = -1
    while (at := data.find(word, at + 1)) >= 0:
        yield at


def _rows(file: Path, person: Person, shop: Source, landing: Path, drop: Drop) -> set[int]:
    name = file.relative_to(landing).as_posix()
    numbers: set[int] = set()
    for rows in tables(file, shop, landing, drop):
        own = rows.filter(theirs(rows, person))
        pairs = zip(own[FILE].to_pylist(), own[ROW].to_pylist(), strict=True)
        numbers |= {number for of, number in pairs if of == name}
    return numbers


def _places(data: bytes, numbers: set[int]) -> set[int]:
    """Turn numbers of rows, from 1 without the header and blank lines, into places of lines."""
    rows = (n for n, line in enumerate(data.split(b"\n")) if n and line.strip())
    return {place for number, place in enumerate(rows, 1) if number in numbers}

"""Read a shop's raw CSV file as text, row by row accounted for; types are the source module's.

A file that cannot be read as a whole is refused. A single row that does not fit the header is kept
apart with its number, so that it can go to quarantine.
"""

import codecs
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from vitrine.errors import BadInputError
from vitrine.sources import QUARANTINE_SCHEMA

ROW = "_row"
FILE = "_file"
MALFORMED = "malformed"
ERASED = "erased"
"""What stands in place of a line whose customer was forgotten, and why that row is refused: the
lines after it keep their numbers."""
BLOCK_LINES = 1 << 16
TORN = "a quote that stays open, or a stray carriage return"
# No field holds a line break, so a quote that stays open at the end of its line is a torn line; the
# parser would swallow the lines after it.
_FIELD = r'(?:"(?:[^"\r]|"")*"|[^",\r][^,\r]*|)'
WHOLE_LINE = rf"^{_FIELD}(?:,{_FIELD})*\n?$"

Rows = TypeVar("Rows", pa.Array, pa.Table)


@dataclass(frozen=True)
class RawRows:
    """One file: `rows` holds the header's columns as text, `_file` and `_row` (int64, from 1).

    `malformed` maps the number of each row that does not fit the header to what is wrong with it,
    and that of an erased one to nothing.
    """

    file: str
    rows: pa.Table
    malformed: dict[int, str]

    @property
    def row_count(self) -> int:
        """How many rows the file has, malformed ones included; blank lines are no rows."""
        return self.rows.num_rows + len(self.malformed)

    def quarantine(self, refused: pa.Table, table: str) -> pa.Table:
        """Return quarantine rows: `refused` (row, reason, detail) and the malformed ones."""
        malformed = pa.table(
            {
                "row": pa.array(self.malformed, pa.int64()),
                "reason": pa.array(
                    [MALFORMED if detail else ERASED for detail in self.malformed.values()],
                    pa.string(),
                ),
                "detail": pa.array(self.malformed.values(), pa.string()),
            }
        )
        every = pa.concat_tables([refused.cast(malformed.schema), malformed]).sort_by("row")
        file, meant_for = (pa.repeat(text, every.num_rows) for text in (self.file, table))
        return pa.Table.from_arrays(
            [file, every["row"], meant_for, every["reason"], every["detail"]],
            schema=QUARANTINE_SCHEMA,
        )


def read(path: Path, header: tuple[str, ...], landing: Path) -> RawRows:
    """Read a `.csv` or `.csv.gz` file whose first line must be `header`.

    Raises
    ------
    BadInputError
        If the file is missing, not a whole gzip file, not UTF-8, or has another header.
    """
    data = _text(path, _bytes(path))
    first = data.find(b"\n") % (len(data) + 1)
    _refuse_other_header(path, data[:first].decode(), header)
    lines = _lines(pa.py_buffer(data).slice(min(first + 1, len(data))))
    is_plain = b'"' not in data and b"\r" not in data
    has_erased = f"\n{ERASED}".encode() in data
    del data
    lines = where(lines, pc.invert(pc.utf8_is_space(lines)))
    numbers = pa.array(np.arange(1, len(lines) + 1))
    is_whole = pa.repeat(True, len(lines)) if is_plain else _is_whole(lines)
    malformed = dict.fromkeys(numbers.filter(pc.invert(is_whole)).to_pylist(), TORN)
    if has_erased:
        is_erased = pc.equal(pc.utf8_trim_whitespace(lines), ERASED)
        malformed |= dict.fromkeys(numbers.filter(is_erased).to_pylist(), "")
        is_whole = pc.and_not(is_whole, is_erased)
    numbers = where(numbers, is_whole)
    parsed, invalid = _parse(where(lines, is_whole), header)
    malformed |= {numbers[place].as_py(): detail for place, detail in invalid.items()}
    if invalid:
        numbers = numbers.filter(pc.invert(pc.is_in(numbers, pa.array(malformed, pa.int64()))))
    file = path.relative_to(landing).as_posix()
    rows = parsed.append_column(FILE, pa.repeat(file, parsed.num_rows).dictionary_encode())
    return RawRows(file, rows.append_column(ROW, numbers), malformed)


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be read ({error.strerror}); land again once it can"
        ) from error
    if path.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise BadInputError(
            f"{path} is not a whole gzip file ({error});"
            " have it sent again, then land the day again"
        ) from error


def _text(path: Path, data: bytes) -> bytes:
    """Return UTF-8 without byte order mark, each line closed by one line feed."""
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInputError(
            f"{path}, line {line}: byte {data[error.start : error.start + 1]!r} is not UTF-8;"
            " have the file exported as UTF-8, then land the day again"
        ) from error
    data = data.removeprefix(codecs.BOM_UTF8)
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data


def _refuse_other_header(path: Path, first: str, header: tuple[str, ...]) -> None:
    if first != ",".join(header):
        raise BadInputError(
            f"{path}: the first line is {first[:200]!r}, expected {','.join(header)!r};"
            " have the file exported with these columns, then land the day again"
        )


def _lines(body: pa.Buffer) -> pa.Array:
    """Cut text after each line feed, without copying it."""
    ends = np.flatnonzero(np.frombuffer(body, np.uint8) == ord("\n")) + 1
    rest = [] if not body.size or (len(ends) and ends[-1] == body.size) else [body.size]
    offsets = np.concatenate([[0], ends, rest]).astype(np.int64)
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), body)


def where(rows: Rows, mask: pa.Array) -> Rows:
    """Filter an array or table; nothing is copied where everything stays."""
    return rows if pc.all(mask).as_py() else rows.filter(mask)


def _is_whole(lines: pa.Array) -> pa.Array:
    """Say which lines are whole; only those with a quote or a carriage return are looked at."""
    odd = pc.or_(pc.match_substring(lines, '"'), pc.match_substring(lines, "\r"))
    whole = pc.match_substring_regex(lines.filter(odd), WHOLE_LINE)
    return pc.replace_with_mask(pc.invert(odd), odd, whole)


def _parse(lines: pa.Array, header: tuple[str, ...]) -> tuple[pa.Table, dict[int, str]]:
    """Return the rows as text and, by place from 0, what is wrong with those that do not fit."""
    parts = [pa.schema([(name, pa.string()) for name in header]).empty_table()]
    invalid: dict[int, str] = {}
    for start in range(0, len(lines), BLOCK_LINES):
        part, wrong = _parse_block(lines.slice(start, BLOCK_LINES), parts[0].schema)
        parts.append(part)
        invalid |= {start + place: detail for place, detail in wrong.items()}
    return pa.concat_tables(parts), invalid


def _parse_block(lines: pa.Array, schema: pa.Schema) -> tuple[pa.Table, dict[int, str]]:
    invalid: dict[int, str] = {}

    def keep_apart(row: pa_csv.InvalidRow) -> str:
        # One thread and one block, or the row would carry no number.
        invalid[row.number - 1] = f"{row.actual_columns} fields instead of {row.expected_columns}"
        return "skip"

    _, offsets, text = lines.buffers()
    ends = np.frombuffer(offsets, np.int64)
    first, last = int(ends[lines.offset]), int(ends[lines.offset + len(lines)])
    parsed = pa_csv.read_csv(
        pa.BufferReader(text.slice(first, last - first)),
        pa_csv.ReadOptions(
            use_threads=False, block_size=last - first + 1, column_names=schema.names
        ),
        pa_csv.ParseOptions(invalid_row_handler=keep_apart),
        pa_csv.ConvertOptions(column_types=schema, strings_can_be_null=False),
    )
    return parsed, invalid

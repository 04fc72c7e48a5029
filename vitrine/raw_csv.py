"""Read a shop's raw CSV file as text, row by row accounted for; types are the source module's.

A file that cannot be read as a whole is refused. A single row that does not fit the header is kept
apart with its number, so that it can go to quarantine.
"""

import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from vitrine.errors import BadInputError
from vitrine.sources import QUARANTINE_SCHEMA

ROW = "_row"
FILE = "_file"
MALFORMED = "malformed"


@dataclass(frozen=True)
class RawRows:
    """One file: `rows` holds the header's columns as text, `_file` and `_row` (int64, from 1).

    `malformed` maps the number of each row that does not fit the header to what is wrong with it.
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
                "reason": pa.repeat(MALFORMED, len(self.malformed)),
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
    data = _bytes(path)
    _refuse_other_encoding(path, data)
    _refuse_other_header(path, data, header)
    parsed, malformed = _parse(path, data, header)
    numbers = _numbers(parsed.num_rows, malformed)
    file = path.relative_to(landing).as_posix()
    rows = parsed.append_column(FILE, pa.repeat(file, parsed.num_rows)).append_column(
        ROW, pa.array(numbers, pa.int64())
    )
    broken = _has_line_break(parsed)
    torn = dict.fromkeys(rows.filter(broken)[ROW].to_pylist(), "a line break within a field")
    return RawRows(file, rows.filter(pc.invert(broken)), malformed | torn)


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


def _refuse_other_encoding(path: Path, data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInputError(
            f"{path}, line {line}: byte {data[error.start : error.start + 1]!r} is not UTF-8;"
            " have the file exported as UTF-8, then land the day again"
        ) from error


def _refuse_other_header(path: Path, data: bytes, header: tuple[str, ...]) -> None:
    first = data.split(b"\n", 1)[0].decode("utf-8-sig").rstrip("\r")
    found = tuple(next(csv.reader([first]), []))
    if found != header:
        raise BadInputError(
            f"{path}: the first line is {','.join(found)!r}, expected {','.join(header)!r};"
            " have the file exported with these columns, then land the day again"
        )


def _parse(path: Path, data: bytes, header: tuple[str, ...]) -> tuple[pa.Table, dict[int, str]]:
    malformed: dict[int, str] = {}

    def keep_apart(row: pa_csv.InvalidRow) -> str:
        # One thread and one block, or the row would carry no number; the header is number 1.
        malformed[row.number - 1] = f"{row.actual_columns} fields instead of {row.expected_columns}"
        return "skip"

    try:
        parsed = pa_csv.read_csv(
            pa.BufferReader(data),
            pa_csv.ReadOptions(use_threads=False, block_size=len(data) + 1),
            pa_csv.ParseOptions(invalid_row_handler=keep_apart),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise BadInputError(f"{path} is not a CSV file ({error}); have it sent again") from error
    return parsed, malformed


def _numbers(row_count: int, malformed: dict[int, str]) -> list[int]:
    every = range(1, row_count + len(malformed) + 1)
    return [n for n in every if n not in malformed] if malformed else list(every)


def _has_line_break(rows: pa.Table) -> pa.ChunkedArray:
    """A stray quote swallows the lines up to the next one; such a row is no row."""
    broken = pa.chunked_array([pa.repeat(False, rows.num_rows)])
    for column in rows.columns:
        broken = pc.or_(broken, pc.match_substring(column, "\n"))
    return broken

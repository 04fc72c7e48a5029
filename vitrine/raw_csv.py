"""Read a shop's raw CSV file as text, row by row accounted for; types are the source module's.

A file that cannot be read as a whole is refused. A single row that does not fit the header is kept
apart with its number, so that it can go to quarantine.
"""

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
TORN = "a quote that stays open, or a stray carriage return"
# No field holds a line break, so a quote that stays open at the end of its line is a torn line; the
# parser would swallow the lines after it.
_FIELD = r'(?:"(?:[^"\r]|"")*"|[^",\r][^,\r]*|)'
WHOLE_LINE = rf"^{_FIELD}(?:,{_FIELD})*$"


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
    text = _text(path, _bytes(path))
    first, *rest = text.split("\n")
    _refuse_other_header(path, first, header)
    lines = pa.array([line for line in rest if line.strip()], pa.string())
    numbers = pa.array(range(1, len(lines) + 1), pa.int64())
    is_whole = pc.match_substring_regex(lines, WHOLE_LINE)
    malformed = dict.fromkeys(numbers.filter(pc.invert(is_whole)).to_pylist(), TORN)
    numbers = numbers.filter(is_whole)
    parsed, invalid = _parse([first, *lines.filter(is_whole).to_pylist()], header)
    malformed |= {numbers[place].as_py(): detail for place, detail in invalid.items()}
    fits = pc.invert(pc.is_in(numbers, pa.array(malformed, pa.int64())))
    file = path.relative_to(landing).as_posix()
    rows = parsed.append_column(FILE, pa.repeat(file, parsed.num_rows))
    return RawRows(file, rows.append_column(ROW, numbers.filter(fits)), malformed)


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


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInputError(
            f"{path}, line {line}: byte {data[error.start : error.start + 1]!r} is not UTF-8;"
            " have the file exported as UTF-8, then land the day again"
        ) from error


def _refuse_other_header(path: Path, first: str, header: tuple[str, ...]) -> None:
    if first != ",".join(header):
        raise BadInputError(
            f"{path}: the first line is {first[:200]!r}, expected {','.join(header)!r};"
            " have the file exported with these columns, then land the day again"
        )


def _parse(lines: list[str], header: tuple[str, ...]) -> tuple[pa.Table, dict[int, str]]:
    """Return the rows as text and, by place from 0, what is wrong with those that do not fit."""
    invalid: dict[int, str] = {}

    def keep_apart(row: pa_csv.InvalidRow) -> str:
        # One thread and one block, or the row would carry no number; the header is number 1.
        invalid[row.number - 2] = f"{row.actual_columns} fields instead of {row.expected_columns}"
        return "skip"

    data = "".join(f"{line}\n" for line in lines).encode()
    parsed = pa_csv.read_csv(
        pa.BufferReader(data),
        pa_csv.ReadOptions(use_threads=False, block_size=len(data) + 1),
        pa_csv.ParseOptions(invalid_row_handler=keep_apart),
        pa_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    )
    return parsed, invalid

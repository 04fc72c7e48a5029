"""The books of one drop: every raw row was either accepted or quarantined for a reason.

`books/<interval>.json` holds `source`, `interval_start_at`, `interval_end_at`, `files` (each with
`file`, `row_count`, `accepted_count` and `quarantined`, a list of `reason` and `row_count`) and
`tables` (each with `table` and `row_count`).
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from vitrine.interval import Interval, format_instant
from vitrine.paths import interval_stamp
from vitrine.publish import atomic_file


@dataclass(frozen=True)
class FileBooks:
    """One raw file's rows."""

    file: str
    row_count: int
    accepted_count: int
    quarantined: dict[str, int]

    def __post_init__(self) -> None:
        if self.row_count != self.accepted_count + sum(self.quarantined.values()):
            raise ValueError(
                f"{self.file}: {self.row_count} rows in, but {self.accepted_count} accepted and"
                f" {self.quarantined} quarantined; the source module lost or doubled rows"
            )


@dataclass(frozen=True)
class Books:
    """One drop's files and what became of them; no files where the shop delivered nothing."""

    source: str
    interval: Interval
    files: tuple[FileBooks, ...] = ()
    tables: dict[str, int] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Raw rows in."""
        return sum(file.row_count for file in self.files)

    @property
    def accepted_count(self) -> int:
        """Raw rows accepted."""
        return sum(file.accepted_count for file in self.files)

    @property
    def quarantined(self) -> Counter[str]:
        """Raw rows refused, by reason."""
        return sum((Counter(file.quarantined) for file in self.files), Counter())


def balance(
    rows_in: dict[str, int], accepted: dict[str, int], quarantined: pa.Table
) -> tuple[FileBooks, ...]:
    """Count each file's rows.

    Raises
    ------
    ValueError
        If a file's rows in are not its rows accepted plus its rows quarantined.
    """
    reasons: dict[str, Counter[str]] = {file: Counter() for file in rows_in}
    for file, reason in zip(
        quarantined["file"].to_pylist(), quarantined["reason"].to_pylist(), strict=True
    ):
        reasons[file][reason] += 1
    return tuple(
        FileBooks(file, rows_in[file], accepted[file], dict(sorted(reasons[file].items())))
        for file in sorted(rows_in)
    )


def write(folder: Path, books: Books) -> Path:
    """Replace the drop's books; return the file."""
    target = folder / f"{interval_stamp(books.interval)}.json"
    with atomic_file(target) as path:
        path.write_text(json.dumps(_entry(books), indent=2) + "\n")
    return target


def _entry(books: Books) -> dict:
    return {
        "source": books.source,
        "interval_start_at": format_instant(books.interval.start),
        "interval_end_at": format_instant(books.interval.end),
        "files": [
            {
                "file": file.file,
                "row_count": file.row_count,
                "accepted_count": file.accepted_count,
                "quarantined": [
                    {"reason": reason, "row_count": count}
                    for reason, count in file.quarantined.items()
                ],
            }
            for file in books.files
        ],
        "tables": [
            {"table": name, "row_count": count} for name, count in sorted(books.tables.items())
        ],
    }

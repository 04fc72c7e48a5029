"""A shop's raw files become contract tables here; one module per shop format.

A module offers `SOURCE`, an object with the shape of `Source`. Nothing else knows a shop's format.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol

import pyarrow as pa

from vitrine.errors import BadArgumentError, StageSkipped
from vitrine.interval import Interval

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field(
            "file",
            pa.string(),
            metadata={"description": "Raw file, relative to the landing folder."},
        ),
        pa.field(
            "row",
            pa.int64(),
            metadata={
                "description": "Number of the row in the file, from 1; the header is not counted."
            },
        ),
        pa.field(
            "table",
            pa.string(),
            metadata={"description": "Contract table that the row was meant for."},
        ),
        pa.field(
            "reason",
            pa.string(),
            metadata={"description": "Why it was refused, one of few fixed words."},
        ),
        pa.field(
            "detail",
            pa.string(),
            metadata={"description": "The offending value. Personal data is left out."},
        ),
    ]
)


@dataclass(frozen=True)
class Drop:
    """What the shop delivered for one interval of receipt, within one UTC day."""

    interval: Interval
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Batch:
    """One drop, read: `rows_in` raw rows per file are accepted or stand in `quarantined`.

    `tables` holds rows of contract tables (one raw row may feed several), each with two columns
    more: `_file` and `_row`, the raw row that it came from, as in `QUARANTINE_SCHEMA`. The landing
    needs them to quarantine duplicates and late facts, and drops them. `accepted` counts the raw
    rows that were accepted, per file.
    """

    tables: dict[str, pa.Table]
    rows_in: dict[str, int]
    accepted: dict[str, int]
    quarantined: pa.Table = field(default_factory=QUARANTINE_SCHEMA.empty_table)


class Source(Protocol):
    """What a shop format tells the rest of Vitrine."""

    name: str
    provides: frozenset[str]
    """Contract tables that this shop has."""
    currency: str
    """ISO 4217 code of all amounts."""
    day_features_delay: timedelta
    """From the end of a UTC day to the readability of its features."""
    delivery_step: timedelta
    """How often the shop delivers: `DAY` or `QUARTER_HOUR`; so often windows are computed."""

    def drops(self, landing: Path, interval: Interval) -> list[Drop]:
        """List what was received in `interval`, in the order of time."""
        ...

    def read(self, landing: Path, drop: Drop) -> Batch:
        """Turn one drop into contract tables and quarantined rows; depends on the drop alone."""
        ...


def names() -> list[str]:
    """List the shop formats that Vitrine reads."""
    return [module.name for module in iter_modules(__path__)]


def source(name: str) -> Source:
    """Look a source up by its module's name.

    Raises
    ------
    BadArgumentError
        If there is no such module.
    """
    if name not in names():
        raise BadArgumentError(f"no source '{name}'; known: {', '.join(names())}")
    found: Source = import_module(f"{__name__}.{name}").SOURCE
    return found


def require(shop: Source, stage: str, *tables: str) -> None:
    """Skip a stage, by name and reason, when the shop lacks a table that it cannot do without.

    Raises
    ------
    StageSkipped
        If one of `tables` is not provided.
    """
    missing = [table for table in tables if table not in shop.provides]
    if missing:
        raise StageSkipped(
            f"{stage} skipped: the shop {shop.name} provides no {', no '.join(missing)}"
        )

"""The customers that a person asks about: read from a file, and refused when unknown."""

import csv
from pathlib import Path

import pandas as pd

from vitrine.errors import BadArgumentError

COLUMN = "customer_id"


def read(file: Path) -> list[str]:
    """Return the ids of a Parquet file, or of a text or CSV file with one id a line, each once.

    Parquet and CSV may have more columns; then one of them is `customer_id`. A text file's heading
    `customer_id` is optional.

    Raises
    ------
    BadArgumentError
        If the file cannot be read, lacks the column, or holds no id.
    """
    try:
        ids = _parquet_ids(file) if file.suffix == ".parquet" else _text_ids(file)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise BadArgumentError(f"{file} cannot be read as a list of customers: {error}") from None
    found = list(dict.fromkeys(ids))
    if not found:
        raise BadArgumentError(f"{file} names no customer; write one customer_id a line")
    return found


def refuse_unknown(asked: list[str], known: set[str]) -> None:
    """Raise BadArgumentError if the shop has no such customer."""
    unknown = [customer for customer in asked if customer not in known]
    if unknown:
        shown = ", ".join(f"'{customer}'" for customer in unknown[:3])
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise BadArgumentError(f"the shop has no customer {shown}{more}; look into dim_customers")


def _parquet_ids(file: Path) -> list[str]:
    rows = pd.read_parquet(file)
    if COLUMN not in rows.columns:
        raise BadArgumentError(f"{file} has no column {COLUMN}; it has {', '.join(rows.columns)}")
    values = rows[COLUMN].dropna()
    if pd.api.types.is_float_dtype(values):
        values = values.astype("int64")
    return [str(value) for value in values]


def _text_ids(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.reader(lines) if row and any(cell.strip() for cell in row)]
    column = 0
    if rows and COLUMN in [cell.strip() for cell in rows[0]]:
        column = [cell.strip() for cell in rows.pop(0)].index(COLUMN)
    elif any(len(row) > 1 for row in rows):
        raise BadArgumentError(f"{file} has several columns and none is headed {COLUMN}")
    return [row[column].strip() for row in rows if len(row) > column and row[column].strip()]

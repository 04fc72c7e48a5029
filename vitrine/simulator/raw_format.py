"""The shop's raw format: its tables' columns as text, and its drop files.

One folder a table, one gzip-compressed CSV a drop, named by the interval of receipt; instants as
local time with offset; amounts with two decimals; nothing for a missing value; images as PNG files.
"""

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from vitrine.publish import TEMPORARY
from vitrine.simulator.local_time import local_text

INSTANT, MONEY, NUMBER, TEXT = "instant", "money", "number", "text"
TORN = "_torn"
"""Marks lines that break off in the middle; never written itself."""
_R = ("received_at", INSTANT)
COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "customers": (
        ("customer_id", TEXT),
        ("signed_up_at", INSTANT),
        ("birth_year", NUMBER),
        ("gender", TEXT),
        ("socio_professional_group", TEXT),
        ("country", TEXT),
        ("postal_code", TEXT),
        ("language", TEXT),
        ("timezone", TEXT),
        _R,
    ),
    "contacts": (("customer_id", TEXT), ("email_address", TEXT), _R),
    "consents": (
        ("consent_id", TEXT),
        ("customer_id", TEXT),
        ("purpose", TEXT),
        ("is_granted", TEXT),
        ("changed_at", INSTANT),
        ("source", TEXT),
        _R,
    ),
    "suppressions": (
        ("suppression_id", TEXT),
        ("customer_id", TEXT),
        ("email_address", TEXT),
        ("reason", TEXT),
        ("suppressed_at", INSTANT),
        _R,
    ),
    "products": (
        ("product_id", TEXT),
        ("name", TEXT),
        ("description", TEXT),
        ("brand", TEXT),
        ("sector", TEXT),
        ("sub_sector", TEXT),
        ("colour", TEXT),
        ("audience", TEXT),
        ("life_stage", TEXT),
        ("unit_cost", MONEY),
        ("list_price", MONEY),
        ("attributes", TEXT),
        _R,
    ),
    "product_images": (
        ("product_id", TEXT),
        ("view", TEXT),
        ("path", TEXT),
        ("sha256", TEXT),
        _R,
    ),
    "campaigns": (
        ("campaign_id", TEXT),
        ("brand", TEXT),
        ("sector", TEXT),
        ("sub_sector", TEXT),
        ("country", TEXT),
        ("timezone", TEXT),
        ("opens_at", INSTANT),
        ("closes_at", INSTANT),
        _R,
    ),
    "campaign_products": (
        ("campaign_id", TEXT),
        ("product_id", TEXT),
        ("price", MONEY),
        ("initial_stock", NUMBER),
        _R,
    ),
    "orders": (
        ("order_id", TEXT),
        ("line", NUMBER),
        ("customer_id", TEXT),
        ("product_id", TEXT),
        ("campaign_id", TEXT),
        ("quantity", NUMBER),
        ("unit_price", MONEY),
        ("channel", TEXT),
        ("kind", TEXT),
        ("occurred_at", INSTANT),
        _R,
    ),
    "events": (
        ("event_id", TEXT),
        ("customer_id", TEXT),
        ("session_id", TEXT),
        ("kind", TEXT),
        ("campaign_id", TEXT),
        ("product_id", TEXT),
        ("position", NUMBER),
        ("device", TEXT),
        ("occurred_at", INSTANT),
        _R,
    ),
    "stock_levels": (
        ("product_id", TEXT),
        ("location", TEXT),
        ("quantity", NUMBER),
        ("occurred_at", INSTANT),
        _R,
    ),
    "email_events": (
        ("message_id", TEXT),
        ("customer_id", TEXT),
        ("kind", TEXT),
        ("occurred_at", INSTANT),
        _R,
    ),
}


def as_text(table: str, rows: dict[str, np.ndarray | pa.Array], zone: str) -> pa.Table:
    """Write a table's columns as the shop does; nulls become empty fields."""
    columns = {
        name: pc.fill_null(_column(rows[name], kind, zone), "") for name, kind in COLUMNS[table]
    }
    return pa.table(columns)


def _column(values: np.ndarray | pa.Array, kind: str, zone: str) -> pa.Array:
    if kind == INSTANT:
        return local_text(np.asarray(values), zone)
    if kind == MONEY:
        cents = np.round(np.asarray(values, np.float64) * 100).astype(np.int64)
        return pa.array([f"{c // 100}.{c % 100:02d}" for c in cents.tolist()], pa.string())
    return pa.array(values).cast(pa.string())


def numbered(prefix: str, number_N: np.ndarray, width: int) -> pa.Array:
    """Write ids such as `E20260310FR000042`."""
    digits = pc.utf8_lpad(pa.array(number_N, pa.int64()).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), digits, "")


def write_drop(file: Path, rows: pa.Table) -> int:
    """Write one drop file, the same rows as the same bytes; return its size in bytes."""
    packed = gzip.compress(csv_bytes(rows), compresslevel=5, mtime=0)
    put(file, packed)
    return len(packed)


def csv_bytes(rows: pa.Table, with_header: bool = True, with_quotes: bool = True) -> bytes:
    """Write rows as CSV; those that `_torn` marks, if there is such a column, break off.

    Without quotes, no text may hold a comma, a quote or a line break (`pyarrow.ArrowInvalid`).
    """
    torn = rows[TORN].to_numpy() if TORN in rows.column_names else np.zeros(rows.num_rows, bool)
    buffer = io.BytesIO()
    options = pyarrow.csv.WriteOptions(
        include_header=with_header,
        quoting_style="needed" if with_quotes else "none",
        quoting_header="none",
    )
    kept = [name for name in rows.column_names if name != TORN]
    pyarrow.csv.write_csv(rows.select(kept), buffer, options)
    data = buffer.getvalue()
    return _tear(data, np.flatnonzero(torn) + with_header) if torn.any() else data


def put(file: Path, data: bytes) -> None:
    """Let a file appear whole.

    Unlike `vitrine.publish`, this does not wait for the disk: what a crash of the machine takes
    away, the same command simulates again, and thousands of pictures would wait for minutes.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{TEMPORARY}{os.getpid()}-{file.name}")
    temporary.write_bytes(data)
    temporary.replace(file)


def _tear(data: bytes, places: np.ndarray) -> bytes:
    """Cut lines off after a third, as a collector that is restarted leaves them."""
    lines = data.split(b"\n")
    for place in places:
        lines[place] = lines[place][: len(lines[place]) // 3]
    return b"\n".join(lines)

"""The flash-sale shop: one folder a table, one gzip-compressed CSV a drop, images as PNG files.

A drop's file is `<table>/<start>-<end>.csv.gz`, such as
`orders/20260301T0000-20260302T0000.csv.gz`; the name is the interval of receipt. Columns carry the
contract's names, as text: instants ISO 8601 with offset, amounts with a point, `yes`/`no`, genders
`F`, `M`, `X`, attributes `key=value|key=value+value|…`, and nothing for a missing value.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vitrine import contracts, raw_csv
from vitrine.demographics import demographic_clusters
from vitrine.errors import BadArgumentError, BadInputError
from vitrine.interval import QUARTER_HOUR, Interval, parse_instant
from vitrine.sources import QUARANTINE_SCHEMA, Batch, Drop

DERIVED = frozenset({"demographic_cluster", "business_type"})
"""Columns that the shop does not send."""
_GENDERS = {"F": "female", "M": "male", "X": "other"}
_INSTANT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})$"
_USUAL_INSTANT = r"^20\d\d-\d\d-\d\dT[0-2]\d:[0-5]\d:[0-5]\d(Z|[+-](0\d|1[0-4]):[0-5]\d)$"
_ATTRIBUTES = r"^([^=|]+=[^|]+(\|[^=|]+=[^|]+)*)?$"
_OUTSIDE = r"^/|(^|/)\.\.(/|$)|\\"
"""A path that may lead out of the landing folder."""
_PERSONAL = frozenset({"email_address", "customer_id", "postal_code", "birth_year"})
_NUMBERS = {
    pa.int16(): r"^-?\d{1,4}$",
    pa.int32(): r"^-?\d{1,9}$",
    pa.float64(): r"^-?\d{1,12}(\.\d+)?$",
}
_REFUSED = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("detail", pa.string())])
_LEAST = {
    ("orders", "quantity"): 1,
    ("orders", "line"): 1,
    ("events", "position"): 1,
    ("stock_levels", "quantity"): 0,
    ("campaign_products", "initial_stock"): 0,
    ("campaign_products", "price"): 0,
    ("orders", "unit_price"): 0,
    ("products", "list_price"): 0,
    ("products", "unit_cost"): 0,
}


class FlashSale:
    """Reads the simulated shop's drops; see `vitrine.sources.Source`."""

    name = "flash_sale"
    provides = frozenset(contracts.TABLES)
    currency = "EUR"
    day_features_delay = timedelta(hours=3)
    delivery_step = QUARTER_HOUR

    def drops(self, landing: Path, interval: Interval) -> list[Drop]:
        """List the drops whose interval lies within `interval`, in the order of time.

        Raises
        ------
        BadInputError
            If a file's name does not say its interval.
        """
        found: dict[Interval, list[Path]] = {}
        for table in contracts.TABLES:
            for name in _delivered(landing / table):
                received = _interval(landing / table, name)
                if interval.covers(received):
                    found.setdefault(received, []).append(landing / table / name)
        return [Drop(received, tuple(found[received])) for received in sorted(found)]

    def read(self, landing: Path, drop: Drop) -> Batch:
        """Read one drop; rows keep their order, and `_file` and `_row` say where they stood."""
        tables, rows_in, accepted = {}, {}, {}
        quarantined = [QUARANTINE_SCHEMA.empty_table()]
        for path in drop.files:
            table = path.parent.name
            raw = raw_csv.read(path, _header(table), landing)
            good, refused = _parsed(contracts.table(table), raw.rows, drop.interval)
            tables[table] = good
            rows_in[raw.file], accepted[raw.file] = raw.row_count, good.num_rows
            quarantined.append(raw.quarantine(refused, table))
        return Batch(tables, rows_in, accepted, pa.concat_tables(quarantined))


def _delivered(folder: Path) -> list[str]:
    # Years of quarters of an hour are many files: names alone are sorted far faster than paths.
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    return sorted(name for name in names if name.endswith(".csv.gz") and name[0] != ".")


def _interval(folder: Path, name: str) -> Interval:
    """Read the interval of receipt from a file's name; raise BadInputError if it says none."""
    try:
        return _parsed_name(name)
    except BadArgumentError:
        raise _bad_name(folder / name) from None


# The same names lie in each table's folder.
@lru_cache(maxsize=1 << 16)
def _parsed_name(name: str) -> Interval:
    start, _, end = name.removesuffix(".csv.gz").partition("-")
    return Interval(parse_instant(start), parse_instant(end))


def _bad_name(file: Path) -> BadInputError:
    return BadInputError(
        f"{file}: the name does not say an interval of receipt;"
        " call it like 20260301T0000-20260302T0000.csv.gz"
    )


def _header(table: str) -> tuple[str, ...]:
    return tuple(c.name for c in contracts.table(table).columns if c.name not in DERIVED)


def _parsed(table: contracts.Table, raw: pa.Table, received: Interval) -> tuple[pa.Table, pa.Table]:
    """Type a file block by block as it was read, so that little is held twice."""
    blocks = [raw.slice(0, 0), *(pa.Table.from_batches([block]) for block in raw.to_batches())]
    good, refused = zip(*(_parse(table, block, received) for block in blocks), strict=True)
    return pa.concat_tables(good), pa.concat_tables(refused)


def _parse(table: contracts.Table, raw: pa.Table, received: Interval) -> tuple[pa.Table, pa.Table]:
    """Type every column; a row is refused for the first bad one, in the contract's order."""
    columns: dict[str, pa.Array] = {}
    is_good = pa.repeat(True, raw.num_rows)
    refused = [_REFUSED.empty_table()]
    for name in _header(table.name):
        text = raw[name].combine_chunks()
        columns[name], is_valid = _typed(table, name, text)
        if name == "received_at":
            is_valid = pc.and_(is_valid, _is_within(columns[name], received))
        if name == "path":
            is_valid = pc.and_not(is_valid, pc.match_substring_regex(text, _OUTSIDE))
        if pc.all(is_valid).as_py():
            continue
        bad = pc.and_not(is_good, is_valid)
        rows = raw[raw_csv.ROW].filter(bad).combine_chunks()
        details = _details(name, text.filter(bad))
        reasons = pa.repeat(f"bad_{name}", len(rows))
        refused.append(pa.Table.from_arrays([rows, reasons, details], schema=_REFUSED))
        is_good = pc.and_(is_good, is_valid)
    columns |= {name: raw[name] for name in (raw_csv.FILE, raw_csv.ROW)}
    good = raw_csv.where(pa.table(columns), is_good)
    return _derive(table.name, good), pa.concat_tables(refused)


def _details(name: str, texts: pa.Array) -> pa.Array:
    """Quote the offending values, but no personal data."""
    if name in _PERSONAL:
        return pa.repeat(f"{name}=…", len(texts))
    quoted = [f"{name}={text[:60]}" for text in texts.to_pylist()]
    return pa.array(quoted, pa.string())


def _is_within(instants: pa.Array, interval: Interval) -> pa.Array:
    start, end = (pa.scalar(t, contracts.INSTANT) for t in (interval.start, interval.end))
    inside = pc.and_(pc.greater_equal(instants, start), pc.less(instants, end))
    return pc.fill_null(inside, False)


def _typed(table: contracts.Table, name: str, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Turn text into a column's type; also say which values are valid. An empty field is null.

    Each different text is looked at once: a day has 86,400 seconds, however many rows it has.
    """
    column = next(c for c in table.columns if c.name == name)
    if column.type == contracts.TEXT and not column.values:
        return _free_text(column, text)
    seen = text.dictionary_encode()
    values, is_valid = _typed_once(table, column, seen.dictionary)
    return values.take(seen.indices), is_valid.take(seen.indices)


def _free_text(column: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    is_given = pc.not_equal(text, "")
    if pc.all(is_given).as_py():
        return text, is_given
    is_valid = pa.repeat(True, len(text)) if column.nullable else is_given
    return pc.if_else(is_given, text, None), is_valid


def _typed_once(
    table: contracts.Table, column: contracts.Column, text: pa.Array
) -> tuple[pa.Array, pa.Array]:
    if pa.types.is_map(column.type):
        return _attributes(text), pc.match_substring_regex(text, _ATTRIBUTES)
    values, is_valid = _CONVERSIONS[column.type](column, text)
    least = _LEAST.get((table.name, column.name))
    if least is not None:
        is_valid = pc.and_(is_valid, pc.fill_null(pc.greater_equal(values, least), False))
    is_empty = pc.equal(text, "")
    is_given = pc.and_not(is_valid, is_empty)
    values = pc.if_else(is_given, values, None)
    return values, pc.or_(is_given, is_empty) if column.nullable else is_given


def _words(column: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    if column.name == "gender":
        place = pc.index_in(text, pa.array(list(_GENDERS)))
        text = pa.array(list(_GENDERS.values())).take(place)
    return text, pc.is_in(text, pa.array(column.values))


def _numbers(column: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    is_valid = pc.match_substring_regex(text, _NUMBERS[column.type])
    values = pc.if_else(is_valid, text, None).cast(column.type)
    return values, is_valid


def _flags(_: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    return pc.equal(text, "yes"), pc.is_in(text, pa.array(["yes", "no"]))


def _instants(_: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    shaped = pc.match_substring_regex(text, _INSTANT)
    usual = pc.match_substring_regex(text, _USUAL_INSTANT)
    values = _all_instants(pc.if_else(usual, text, None)) if shaped.equals(usual) else None
    if values is None:
        # Far slower, but it says of each text alone whether it is an instant.
        wanted = pc.if_else(shaped, text, None).to_pandas()
        parsed = pd.to_datetime(wanted, format="ISO8601", utc=True, errors="coerce")
        values = pa.array(parsed, contracts.INSTANT)
    return values, pc.is_valid(values)


def _all_instants(text: pa.Array) -> pa.Array | None:
    try:
        return text.cast(contracts.INSTANT)
    except pa.ArrowInvalid:  # one of them names a day that no calendar has
        return None


_Conversion = Callable[[contracts.Column, pa.Array], tuple[pa.Array, pa.Array]]
_CONVERSIONS: dict[pa.DataType, _Conversion] = {
    contracts.TEXT: _words,
    contracts.INSTANT: _instants,
    pa.bool_(): _flags,
    **dict.fromkeys(_NUMBERS, _numbers),
}


def _attributes(text: pa.Array) -> pa.Array:
    """Read `key=value|key=value+value`; what has another shape is refused by its caller.

    Several values become one text, with `|` between them, as in every shop.
    """
    pairs = [
        [tuple(part.replace("+", "|").split("=", 1)) for part in line.split("|") if "=" in part]
        for line in text.to_pylist()
    ]
    return pa.array(pairs, pa.map_(contracts.TEXT, contracts.TEXT))


def _derive(table: str, rows: pa.Table) -> pa.Table:
    """Add the columns that follow from the others."""
    if table == "campaigns":
        kind = pc.if_else(pc.is_null(rows["closes_at"]), "permanent", "flash_sale")
        return rows.append_column("business_type", kind)
    if table == "customers":
        years = pc.year(rows["received_at"])
        clusters = demographic_clusters(rows["gender"], rows["birth_year"], rows["country"], years)
        return rows.append_column("demographic_cluster", clusters)
    return rows


SOURCE = FlashSale()

"""The flash-sale shop: one folder a table, one gzip-compressed CSV a drop, images as PNG files.

A drop's file is `<table>/<start>-<end>.csv.gz`, such as
`orders/20260301T0000-20260302T0000.csv.gz`; the name is the interval of receipt. Columns carry the
contract's names, as text: instants ISO 8601 with offset, amounts with a point, `yes`/`no`, genders
`F`, `M`, `X`, attributes `key=value|…`, and nothing for a missing value.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from vitrine import contracts
from vitrine.demographics import demographic_cluster
from vitrine.errors import BadInputError
from vitrine.interval import Interval, parse_instant
from vitrine.sources import QUARANTINE_SCHEMA, Batch, Drop

FILE, ROW = "_file", "_row"
"""Where an accepted row comes from; the landing drops these columns before it writes the lake."""
DERIVED = frozenset({"demographic_cluster", "business_type"})
"""Columns that the shop does not send."""
_GENDERS = {"F": "female", "M": "male", "X": "other"}
_INSTANT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})$"
_ATTRIBUTES = r"^([^=|]+=[^|]+(\|[^=|]+=[^|]+)*)?$"
_PERSONAL = frozenset({"email_address", "customer_id", "postal_code", "birth_year"})
_NUMBERS = {
    pa.int16(): r"^-?\d{1,4}$",
    pa.int32(): r"^-?\d{1,9}$",
    pa.float64(): r"^-?\d{1,12}(\.\d+)?$",
}
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

    def drops(self, landing: Path, interval: Interval) -> list[Drop]:
        """List the drops whose interval lies within `interval`, in the order of time.

        Raises
        ------
        BadInputError
            If a file's name does not say its interval.
        """
        found: dict[Interval, list[Path]] = {}
        for table in contracts.TABLES:
            for file in sorted((landing / table).glob("[!.]*.csv.gz")):
                received = file_interval(file)
                if interval.covers(received):
                    found.setdefault(received, []).append(file)
        return [Drop(received, tuple(found[received])) for received in sorted(found)]

    def read(self, landing: Path, drop: Drop) -> Batch:
        """Read one drop; rows keep their order, and `_file` and `_row` say where they stood."""
        tables, rows_in, accepted, refused = {}, {}, {}, []
        for path in drop.files:
            table, file = path.parent.name, path.relative_to(landing).as_posix()
            raw, torn, count = _lines(path, file, table)
            good, bad = _parse(contracts.table(table), raw, file, drop.interval)
            tables[table], rows_in[file], accepted[file] = good, count, good.num_rows
            refused += [torn, bad]
        quarantined = pa.concat_tables([QUARANTINE_SCHEMA.empty_table(), *refused])
        return Batch(tables, rows_in, accepted, quarantined)


def file_interval(file: Path) -> Interval:
    """Read the interval of receipt from a file's name.

    Raises
    ------
    BadInputError
        If the name does not say one.
    """
    try:
        start, end = file.name.removesuffix(".csv.gz").split("-")
        return Interval(parse_instant(start), parse_instant(end))
    except ValueError:
        pass
    except Exception as error:
        raise _bad_name(file) from error
    raise _bad_name(file)


def _bad_name(file: Path) -> BadInputError:
    return BadInputError(
        f"{file}: the name does not say an interval of receipt;"
        " call it like 20260301T0000-20260302T0000.csv.gz"
    )


def _columns(table: str) -> list[str]:
    return [c.name for c in contracts.table(table).columns if c.name not in DERIVED]


def _lines(path: Path, file: str, table: str) -> tuple[pa.Table, pa.Table, int]:
    """Read a file as text; return whole rows with their numbers, torn rows, and the count of both.

    Raises
    ------
    BadInputError
        If the file cannot be unpacked or its header lacks a column.
    """
    torn: list[int] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        torn.append(row.number - 1)
        return "skip"

    expected = _columns(table)
    try:
        raw = pyarrow.csv.read_csv(
            path,
            pyarrow.csv.ReadOptions(use_threads=False),
            pyarrow.csv.ParseOptions(invalid_row_handler=skip),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(expected, pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInputError(f"{file} cannot be read ({error}); ask the shop for it again") from None
    missing = [name for name in expected if name not in raw.column_names]
    if missing:
        raise BadInputError(
            f"{file} lacks the column {', '.join(missing)}; ask the shop for it again"
        )
    count = raw.num_rows + len(torn)
    numbers = pd.RangeIndex(1, count + 1).difference(torn)
    raw = raw.select(expected).append_column(ROW, pa.array(numbers, pa.int64()))
    details = [""] * len(torn)
    return (
        raw,
        _refused(file, table, pa.array(torn, pa.int64()), "wrong_column_count", details),
        count,
    )


def _refused(
    file: str, table: str, rows: pa.Array, reason: str, details: list[str] | pa.Array
) -> pa.Table:
    count = len(rows)
    columns = [[file] * count, rows, [table] * count, [reason] * count, details]
    return pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, QUARANTINE_SCHEMA, strict=True)],
        schema=QUARANTINE_SCHEMA,
    )


def _parse(
    table: contracts.Table, raw: pa.Table, file: str, received: Interval
) -> tuple[pa.Table, pa.Table]:
    """Type every column; a row is refused for the first bad one, in the contract's order."""
    columns: dict[str, pa.Array] = {}
    is_good = pa.array([True] * raw.num_rows, pa.bool_())
    refused = [QUARANTINE_SCHEMA.empty_table()]
    for column in table.columns:
        if column.name in DERIVED:
            continue
        text = raw[column.name].combine_chunks()
        columns[column.name], is_valid = _typed(table.name, column, text)
        reason = f"bad_{column.name}"
        if column.name == "received_at":
            is_valid = pc.and_(is_valid, _is_within(columns["received_at"], received))
        bad = pc.and_not(is_good, is_valid)
        rows = raw[ROW].filter(bad).combine_chunks()
        details = _details(column.name, text.filter(bad))
        refused.append(_refused(file, table.name, rows, reason, details))
        is_good = pc.and_(is_good, is_valid)
    columns |= {FILE: pa.array([file] * raw.num_rows, pa.string()), ROW: raw[ROW]}
    good = pa.table(columns).filter(is_good)
    return _derive(table.name, good), pa.concat_tables(refused)


def _details(name: str, texts: pa.Array) -> list[str]:
    """Quote the offending values, but no personal data."""
    return [f"{name}=" + ("…" if name in _PERSONAL else text[:60]) for text in texts.to_pylist()]


def _is_within(instants: pa.Array, interval: Interval) -> pa.Array:
    start, end = (pa.scalar(t, contracts.INSTANT) for t in (interval.start, interval.end))
    inside = pc.and_(pc.greater_equal(instants, start), pc.less(instants, end))
    return pc.fill_null(inside, False)


def _typed(table: str, column: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Turn text into a column's type; also say which values are valid. An empty field is null."""
    is_empty = pc.equal(text, "")
    if pa.types.is_map(column.type):
        return _attributes(text), pc.match_substring_regex(text, _ATTRIBUTES)
    values, is_valid = _CONVERSIONS[column.type](column, text)
    least = _LEAST.get((table, column.name))
    if least is not None:
        is_valid = pc.and_(is_valid, pc.fill_null(pc.greater_equal(values, least), False))
    values = pc.if_else(pc.and_not(is_valid, is_empty), values, None)
    if column.nullable:
        return values, pc.or_(is_valid, is_empty)
    return values, pc.and_not(is_valid, is_empty)


def _texts(column: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    if column.name == "gender":
        place = pc.index_in(text, pa.array(list(_GENDERS)))
        text = pa.array(list(_GENDERS.values())).take(place)
    if column.values:
        return text, pc.is_in(text, pa.array(column.values))
    return text, pa.array([True] * len(text), pa.bool_())


def _numbers(column: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    is_valid = pc.match_substring_regex(text, _NUMBERS[column.type])
    values = pc.if_else(is_valid, text, None).cast(column.type)
    return values, is_valid


def _flags(_: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    return pc.equal(text, "yes"), pc.is_in(text, pa.array(["yes", "no"]))


def _instants(_: contracts.Column, text: pa.Array) -> tuple[pa.Array, pa.Array]:
    shaped = pc.if_else(pc.match_substring_regex(text, _INSTANT), text, None)
    parsed = pd.to_datetime(shaped.to_pandas(), format="ISO8601", utc=True, errors="coerce")
    values = pa.array(parsed, contracts.INSTANT)
    return values, pc.is_valid(values)


_Conversion = Callable[[contracts.Column, pa.Array], tuple[pa.Array, pa.Array]]
_CONVERSIONS: dict[pa.DataType, _Conversion] = {
    contracts.TEXT: _texts,
    contracts.INSTANT: _instants,
    pa.bool_(): _flags,
    **dict.fromkeys(_NUMBERS, _numbers),
}


def _attributes(text: pa.Array) -> pa.Array:
    """Read `key=value|key=value`; what has another shape is refused by its caller."""
    pairs = [
        [tuple(part.split("=", 1)) for part in line.split("|") if "=" in part]
        for line in text.to_pylist()
    ]
    return pa.array(pairs, pa.map_(contracts.TEXT, contracts.TEXT))


def _derive(table: str, rows: pa.Table) -> pa.Table:
    """Add the columns that follow from the others."""
    if table == "campaigns":
        return rows.append_column("business_type", pa.array(["flash_sale"] * rows.num_rows))
    if table == "customers":
        years = [instant.year for instant in rows["received_at"].to_pylist()]
        described = (rows[name].to_pylist() for name in ("gender", "birth_year", "country"))
        clusters = list(map(demographic_cluster, *described, years))
        return rows.append_column("demographic_cluster", pa.array(clusters, pa.string()))
    return rows


SOURCE = FlashSale()

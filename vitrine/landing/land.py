"""Land an interval: raw drops -> lake tables, quarantine and books; one drop in memory at a time.

A drop's tables, quarantine and books are functions of the raw files alone. They are complete in
memory before the first file is written, and the books come last. So a drop that cannot be read
leaves nothing, and landing again gives the same bytes.
"""

from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa

from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.interval import Interval
from vitrine.landing import books, drops, rules
from vitrine.landing.books import Books
from vitrine.landing.look_back import LedgerKeys, LookBack
from vitrine.paths import Paths
from vitrine.raw_csv import FILE, ROW
from vitrine.settings import Settings
from vitrine.sources import QUARANTINE_SCHEMA, Batch, Source


def land(shop: Source, settings: Settings, paths: Paths, interval: Interval) -> Iterator[Books]:
    """Land the interval drop by drop, and yield the books of each; a piece without drops has none.

    Every provided table gets a file for every piece of the interval, so coverage can be verified;
    every contract table can be scanned afterwards, provided or not.

    Raises
    ------
    BadArgumentError, BadInputError, StageSkipped
        As `drops.owned` and the source's `read` do; drops before the bad one stay landed.
    """
    found = drops.owned(shop, paths.landing, interval)
    _ensure_tables(paths)
    reach = timedelta(hours=settings.late_after_hours)
    look_back = LookBack(shop, paths.landing, reach)
    for drop in found:
        seen = look_back.before(drop)
        batch = shop.read(paths.landing, drop)
        look_back.remember(drop, batch.tables)
        yield _land_batch(shop, paths, drop.interval, batch, seen, reach)
    for gap in drops.gaps(interval, found):
        yield _land_batch(shop, paths, gap, Batch({}, {}, {}), {}, reach)


def _ensure_tables(paths: Paths) -> None:
    for table in TABLES.values():
        lake.ensure_table(paths.lake, table.name, table.schema)
    lake.ensure_table(paths.quarantine.parent, paths.quarantine.name, QUARANTINE_SCHEMA)


def _land_batch(
    shop: Source,
    paths: Paths,
    interval: Interval,
    batch: Batch,
    seen: LedgerKeys,
    reach: timedelta,
) -> Books:
    tables, refused = _accept(shop, interval, batch, seen, reach)
    accepted = {
        file: count - refused["file"].to_pylist().count(file)
        for file, count in batch.accepted.items()
    }
    quarantined = pa.concat_tables([batch.quarantined, refused]).sort_by(
        [("file", "ascending"), ("row", "ascending")]
    )
    entry = Books(
        shop.name,
        interval,
        books.balance(batch.rows_in, accepted, quarantined),
        {name: rows.num_rows for name, rows in tables.items()},
    )
    _write(paths, interval, tables, quarantined, entry)
    return entry


def _accept(
    shop: Source, interval: Interval, batch: Batch, seen: LedgerKeys, reach: timedelta
) -> tuple[dict[str, pa.Table], pa.Table]:
    """Return every provided table, conformed, and the rows that the landing refuses."""
    accepted: dict[str, pa.Table] = {}
    refused = [QUARANTINE_SCHEMA.empty_table()]
    for name in sorted(shop.provides):
        table, rows = TABLES[name], batch.tables.get(name, TABLES[name].empty())
        nothing = pa.chunked_array([], pa.string())
        kept, out = rules.refuse(table, rows, seen.get(name, nothing), reach)
        provenance = [column for column in (FILE, ROW) if column in kept.column_names]
        accepted[name] = table.conform(kept.drop_columns(provenance))
        _require_receipt(name, accepted[name], interval)
        refused.append(out)
    return accepted, _one_per_row(pa.concat_tables(refused))


def _require_receipt(name: str, rows: pa.Table, interval: Interval) -> None:
    received = rows["received_at"].to_pandas()
    if not ((received >= interval.start) & (received < interval.end)).all():
        raise ValueError(f"{name}: the source gave rows that were received outside {interval}")


def _one_per_row(refused: pa.Table) -> pa.Table:
    """A raw row that feeds several tables is refused once; the books count raw rows."""
    again = refused.select(["file", "row"]).to_pandas().duplicated()
    return refused.filter(pa.array(~again, pa.bool_()))


def _write(
    paths: Paths,
    interval: Interval,
    tables: dict[str, pa.Table],
    quarantined: pa.Table,
    entry: Books,
) -> None:
    for name, rows in tables.items():
        lake.write_partition(paths.lake, name, interval, rows)
    lake.write_partition(paths.quarantine.parent, paths.quarantine.name, interval, quarantined)
    books.write(paths.books, entry)

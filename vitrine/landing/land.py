"""Land an interval: raw drops -> lake tables, quarantine and books; one drop in memory at a time.

A drop's tables, quarantine and books are functions of the raw files and of who was erased, alone.
They are complete in memory before the first file is written, and the books come last. So a drop
that cannot be read leaves nothing, landing again gives the same bytes, and stretches of drops may
be landed side by side.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from functools import partial
from itertools import groupby
from multiprocessing import get_context

import pyarrow as pa
import pyarrow.compute as pc

from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.errors import MachineError
from vitrine.forgetting.ledger import Ledger
from vitrine.interval import EPOCH, Interval
from vitrine.landing import books, drops, rules
from vitrine.landing.books import Books
from vitrine.landing.look_back import LedgerKeys, LookBack
from vitrine.paths import Paths
from vitrine.raw_csv import FILE, ROW
from vitrine.settings import Settings
from vitrine.sources import QUARANTINE_SCHEMA, Batch, Drop, Source

STRETCH_DAYS = 8
"""Each stretch reads one day more for its look-back; short ones keep all processes busy."""
MOST_PROCESSES = 4
LARGE_BYTES = 64_000_000
"""Raw bytes from which on starting processes costs less than it saves."""
WRITERS = 8
"""A file waits for the disk, not for a core; so do several at once."""


def land(
    shop: Source,
    settings: Settings,
    paths: Paths,
    interval: Interval,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Books]:
    """Land the interval drop by drop, and yield the books of each; a piece without drops has none.

    `progress` hears how many drops are done, and of how many.

    Every provided table gets a file for every piece of the interval, so coverage can be verified;
    every contract table can be scanned afterwards, provided or not.

    Raises
    ------
    BadArgumentError, BadInputError, StageSkipped
        As `drops.owned` and the source's `read` do; drops before the bad one stay landed, and
        later ones that another process had begun.
    MachineError
        If a landing process was killed.
    """
    found = drops.owned(shop, paths.landing, interval)
    _ensure_tables(paths)
    reach = timedelta(hours=settings.late_after_hours)
    land_stretch = partial(_land_stretch, shop, paths, reach)
    processes = settings.landing_processes or _processes(found)
    alone = processes == 1
    landed = land_stretch(found) if alone else _side_by_side(land_stretch, found, processes)
    for done, entry in enumerate(landed, start=1):
        progress(done, len(found))
        yield entry
    for gap in drops.gaps(interval, found):
        yield _land_batch(shop, paths, gap, Batch({}, {}, {}), {}, reach)


def _processes(found: list[Drop]) -> int:
    raw_bytes = sum(file.stat().st_size for drop in found for file in drop.files)
    if raw_bytes < LARGE_BYTES or len(_stretches(found)) == 1:
        return 1
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


def _stretches(found: list[Drop]) -> list[list[Drop]]:
    by_days = groupby(found, lambda drop: (drop.interval.start - EPOCH).days // STRETCH_DAYS)
    return [list(stretch) for _, stretch in by_days]


def _side_by_side(
    land_stretch: partial[Iterator[Books]], found: list[Drop], processes: int
) -> Iterator[Books]:
    # A forked child would inherit the threads of libraries in an unknown state.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        futures = [pool.submit(_whole, land_stretch, part) for part in _stretches(found)]
        try:
            for future in futures:
                yield from future.result()
        except BrokenProcessPool as error:
            raise MachineError(
                "a landing process was killed, perhaps for lack of memory; land the interval again,"
                " with VITRINE_LANDING_PROCESSES=1 if it happens again"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _whole(land_stretch: partial[Iterator[Books]], stretch: list[Drop]) -> list[Books]:
    return list(land_stretch(stretch))


def _land_stretch(
    shop: Source, paths: Paths, reach: timedelta, stretch: list[Drop]
) -> Iterator[Books]:
    if not stretch:
        return
    hull = Interval(stretch[0].interval.start, stretch[-1].interval.end)
    look_back = LookBack(shop, paths, reach, hull)
    for drop in stretch:
        yield _land_drop(shop, paths, reach, look_back, drop)


def _land_drop(
    shop: Source, paths: Paths, reach: timedelta, look_back: LookBack, drop: Drop
) -> Books:
    # A function of its own, so that one drop is let go of before the next one is read.
    seen = look_back.before(drop)
    batch = Ledger.load(paths).without_erased(shop.read(paths.landing, drop))
    look_back.remember(drop, batch.tables)
    return _land_batch(shop, paths, drop.interval, batch, seen, reach)


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
    lost = refused["file"].to_pylist()
    accepted = {file: count - lost.count(file) for file, count in batch.accepted.items()}
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
    received = pc.min_max(rows["received_at"]).as_py()
    if rows.num_rows and not interval.start <= received["min"] <= received["max"] < interval.end:
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
    quarantine = {paths.quarantine.name: quarantined}
    places = [(paths.lake, tables), (paths.quarantine.parent, quarantine)]
    with ThreadPoolExecutor(WRITERS) as pool:
        written = [
            pool.submit(lake.write_partition, root, name, interval, rows)
            for root, content in places
            for name, rows in content.items()
        ]
    for file in written:
        file.result()
    books.write(paths.books, entry)

"""Write an interval of a retailer's life: a file for each table and drop, in bounded memory.

A day is made whole as arrays (about 50 bytes an event); its text is made and compressed `BATCH`
rows at a time. Long intervals are cut into spans, written by two processes.
"""

import gzip
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np
import pyarrow as pa

from vitrine.errors import MachineError
from vitrine.interval import DAY, Interval
from vitrine.paths import interval_stamp
from vitrine.publish import TEMPORARY
from vitrine.simulator.outbox import spoil
from vitrine.simulator.raw_format import COLUMNS, csv_bytes
from vitrine.simulator.retailer.customers import make_customers
from vitrine.simulator.retailer.deliveries import HOW, LONGEST_DELAY_DAYS, Waiting, delivered
from vitrine.simulator.retailer.demand import Demand
from vitrine.simulator.retailer.orders import LONGEST_RETURN_DAYS, OrderBook
from vitrine.simulator.retailer.products import make_products
from vitrine.simulator.retailer.registers import Registers
from vitrine.simulator.retailer.sessions import VisitorBook
from vitrine.simulator.retailer.shelf import Layout
from vitrine.simulator.retailer.shop import Retailer
from vitrine.simulator.retailer.texts import Wording

BATCH = 200_000
"""Rows that are text at the same time."""
REACH_DAYS = LONGEST_RETURN_DAYS + LONGEST_DELAY_DAYS + 1
"""A day's orders lead to nothing that is received later than this."""
SPANS_PER_PROCESS = 4
LEAST_WORK_FOR_TWO = 150_000_000
"""Customers times days from which on a second process is worth its start."""
_reports: "list[SimpleQueue[date]]" = []
"""In a process of `write_interval`: where it tells which days it has done."""
_WORK_WITH_VISITS = 12
"""Work of a day with visits, in days without."""


@dataclass
class Summary:
    """What was written."""

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    file_count: int = 0
    byte_count: int = 0

    def add(self, other: "Summary") -> None:
        """Count what another span wrote."""
        self.rows = {table: n + other.rows[table] for table, n in self.rows.items()}
        self.file_count += other.file_count
        self.byte_count += other.byte_count


class DayBook:
    """Everything that a shop's days hold; each day is made from the shop and its number alone."""

    def __init__(self, shop: Retailer, last_day: int) -> None:
        self.shop = shop
        self.customers = make_customers(shop, shop.customers_by(last_day))
        self.products = make_products(shop, shop.products_by(last_day))
        layout = Layout(shop, self.products)
        demand = Demand(shop, self.customers)
        self.orders = OrderBook(shop, self.customers, layout, demand)
        self.visitors = VisitorBook(shop, self.customers, layout, demand)
        self.registers = Registers(shop, self.customers, layout)

    def post_facts(self, day: int, waiting: Waiting, first_day: int) -> None:
        """Post what happens on a day, as far as it may be received on `first_day` or later."""
        sold, lines = self.orders.lines(day)
        self._post("orders", day, lines, waiting)
        with_visits = self.shop.date_of(day) >= self.shop.sessions_from
        if with_visits and day >= first_day - LONGEST_DELAY_DAYS - 1:
            self._post("events", day, self.visitors.events(day, sold), waiting)
            self._post("email_events", day, self.registers.mail(day), waiting)
        if day < first_day:
            return
        registered = self.registers.registrations(day, sold)
        launched = self.registers.launches(day)
        for table in ("customers", "contacts"):
            waiting.post(table, registered)
        waiting.post("consents", self.registers.consents(day, registered))
        waiting.post("suppressions", self.registers.suppressions(day))
        for table in ("products", "campaigns"):
            waiting.post(table, launched)
        waiting.post("campaign_products", self.registers.prices(day))
        if with_visits:
            waiting.post("stock_levels", self.registers.stock(day))

    def _post(self, table: str, day: int, rows: dict[str, np.ndarray], waiting: Waiting) -> None:
        draws = self.shop.draws(f"delivery of {table}", day)
        waiting.post(table, delivered(table, rows, draws))


def write_span(
    shop: Retailer,
    landing: Path,
    span: Interval,
    every: timedelta = DAY,
    progress: Callable[[date], None] = lambda _: None,
) -> Summary:
    """Write every drop received in `span`, one day after the other."""
    days = span.days()
    first, last = shop.day_of(days[0]), shop.day_of(days[-1])
    book = DayBook(shop, last)
    wording = Wording(book.customers, book.products)
    waiting, summary = Waiting(int(span.start.timestamp())), Summary()
    for day in range(max(0, first - REACH_DAYS), first):
        book.post_facts(day, waiting, first)
    for part in span.split(DAY):
        day = shop.day_of(part.start.date())
        book.post_facts(day, waiting, first)
        for drop in part.split(every):
            _write(landing, drop, waiting, wording, summary)
        progress(part.start.date())
    return summary


def _write(
    landing: Path, drop: Interval, waiting: Waiting, wording: Wording, summary: Summary
) -> None:
    for table in COLUMNS:
        rows = waiting.take(table, int(drop.end.timestamp()))
        count = len(rows["received_at"]) if rows else 0
        file = landing / table / f"{interval_stamp(drop)}.csv.gz"
        summary.byte_count += _write_drop(file, _texts(table, rows, count, wording))
        summary.file_count += 1
        summary.rows[table] += count


def _texts(
    table: str, rows: dict[str, np.ndarray] | None, count: int, wording: Wording
) -> Iterator[pa.Table]:
    """Write a drop's rows as text, a batch at a time; at least an empty one, for the header."""
    if rows is None:
        columns = [pa.field(name, pa.string()) for name, _ in COLUMNS[table]]
        yield pa.schema(columns).empty_table()
        return
    for start in range(0, count, BATCH):
        batch = {name: column[start : start + BATCH] for name, column in rows.items()}
        text = wording.table(table, batch)
        is_spoilt = HOW in batch and bool((batch[HOW] >= 0).any())
        yield spoil(table, text, batch[HOW]) if is_spoilt else text


def _write_drop(file: Path, texts: Iterator[pa.Table]) -> int:
    """Let a drop file appear whole, the same rows as the same bytes; return its size."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{TEMPORARY}{os.getpid()}-{file.name}")
    with temporary.open("wb") as raw:
        with gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed:
            for number, text in enumerate(texts):
                packed.write(csv_bytes(text, with_header=number == 0, with_quotes=False))
        size = raw.tell()
    temporary.replace(file)
    return size


def write_interval(
    shop: Retailer,
    landing: Path,
    interval: Interval,
    every: timedelta = DAY,
    progress: Callable[[date], None] = lambda _: None,
    processes: int = 1,
) -> Summary:
    """Write every drop received in `interval`, which must begin after the founding.

    `every` cuts the drops: `DAY` or `QUARTER_HOUR`. Each table has a file for each drop, also one
    without rows, so that a missing file is a missing delivery. Bytes do not depend on `processes`.

    Raises
    ------
    MachineError
        If one of several processes was killed.
    """
    spans = _spans(shop, interval, processes)
    if len(spans) == 1:
        return write_span(shop, landing, interval, every, progress)
    return _side_by_side(
        partial(write_span, shop, landing, every=every), spans, progress, processes
    )


def _side_by_side(
    write: Callable[..., Summary],
    spans: list[Interval],
    progress: Callable[[date], None],
    processes: int,
) -> Summary:
    """Write spans in processes of their own; the days that they have done come through a queue."""
    # A forked child would inherit the threads of libraries in an unknown state.
    context, summary = get_context("spawn"), Summary()
    days = context.SimpleQueue()
    with ProcessPoolExecutor(processes, context, _report_to, (days,)) as pool:
        pending = {pool.submit(_write_and_report, write, span) for span in spans}
        try:
            while pending:
                done, pending = wait(pending, timeout=1)
                while not days.empty():
                    progress(days.get())
                for future in done:
                    summary.add(future.result())
        except BrokenProcessPool as error:
            raise MachineError(
                "a process of the simulator was killed, probably for want of memory;"
                " free some, then simulate again: what is written is written again"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
    return summary


def _report_to(days: "SimpleQueue[date]") -> None:
    _reports.append(days)


def _write_and_report(write: Callable[..., Summary], span: Interval) -> Summary:
    return write(span, progress=_reports[0].put)


def usable_processes() -> int:
    """Return how many processes may write: a core each, and two at most."""
    return min(2, len(os.sched_getaffinity(0)))


def _spans(shop: Retailer, interval: Interval, processes: int) -> list[Interval]:
    """Cut an interval between days into spans of about equal work; one where it is short."""
    parts = list(interval.split(DAY))
    work = np.cumsum([_WORK_WITH_VISITS if _has_visits(shop, part) else 1 for part in parts])
    if processes == 1 or work[-1] * shop.customer_count < LEAST_WORK_FOR_TWO:
        return [interval]
    count = processes * SPANS_PER_PROCESS
    number = np.minimum(work * count // work[-1], count - 1)
    first = np.flatnonzero(np.diff(number, prepend=-1))
    ends = [parts[n].start for n in first[1:]] + [interval.end]
    return [Interval(parts[n].start, end) for n, end in zip(first, ends, strict=True)]


def _has_visits(shop: Retailer, part: Interval) -> bool:
    return part.start.date() >= shop.sessions_from

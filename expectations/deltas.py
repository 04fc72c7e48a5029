"""Spark's outputs: whole, in range, and adding up to the facts that they were made from."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pandas as pd

from expectations import frames, samples
from expectations.rules import Check, Rule, between, required, true, unique
from vitrine import lake
from vitrine.contracts import Table
from vitrine.deltas import (
    BY_DATABASE,
    CAMPAIGN_WINDOWS,
    PRODUCT_DAYS,
    TABLES,
    USER_DAYS,
    USER_SECTOR_DAYS,
    made,
)
from vitrine.errors import GateError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, floor
from vitrine.sources import require

JOBS = {
    USER_DAYS.name: "days",
    USER_SECTOR_DAYS.name: "days",
    PRODUCT_DAYS.name: "days",
    CAMPAIGN_WINDOWS.name: "campaign-windows",
}
KNOWN_CUSTOMER = "customer_id is not null"
# What must add up: delta table, its measure, lake table, the same measure there, its rows.
SUMS = (
    (USER_DAYS, "unit_count", "orders", "quantity", f"kind = 'sale' and {KNOWN_CUSTOMER}"),
    (USER_DAYS, "return_unit_count", "orders", "quantity", f"kind = 'return' and {KNOWN_CUSTOMER}"),
    (USER_DAYS, "impression_count", "events", "1", f"kind = 'impression' and {KNOWN_CUSTOMER}"),
    (USER_SECTOR_DAYS, "unit_count", "orders", "quantity", f"kind = 'sale' and {KNOWN_CUSTOMER}"),
    (PRODUCT_DAYS, "unit_count", "orders", "quantity", "kind = 'sale'"),
    (PRODUCT_DAYS, "return_unit_count", "orders", "quantity", "kind = 'return'"),
    (CAMPAIGN_WINDOWS, "unit_count", "orders", "quantity", "kind = 'sale'"),
    (
        CAMPAIGN_WINDOWS,
        "impression_count",
        "events",
        "1",
        "kind = 'impression' and campaign_id is not null",
    ),
)


def checks(installation: Installation, interval: Interval, database: str | None) -> list[Check]:
    """Return a check for each delta table of the database, or for all that have files.

    An interval without orders and events has deltas without rows; that facts were lost on the way
    is found by the sums, so the tables themselves may be empty.

    Raises
    ------
    GateError
        If a part of the interval is covered by no file.
    """
    require(installation.shop, "check deltas", "orders")
    root = installation.paths.deltas
    tables = BY_DATABASE[database] if database else tuple(TABLES.values())
    if database is None:
        tables = tuple(t for t in tables if lake.files(root, t.name, interval))
    for table in tables:
        _refuse_gaps(installation, table, _made(installation, table, interval))
    found = [_check(installation, table, interval) for table in tables]
    sums = Check(
        name="sums",
        keys=("delta", "measure", "ds"),
        rules=(*required("in_lake", "in_deltas"), between("difference", 0, 0)),
        load=partial(_sums, installation, [t.name for t in tables], interval),
        may_be_empty=True,
    )
    return [*found, sums] if found else []


def _made(installation: Installation, table: Table, interval: Interval) -> Interval:
    database = next(name for name, tables in BY_DATABASE.items() if table in tables)
    return made(database, interval, installation.settings.intraday_history_days)


def _refuse_gaps(installation: Installation, table: Table, interval: Interval) -> None:
    files = lake.files(installation.paths.deltas, table.name, interval)
    owned = sum(
        (i.end - i.start for i in map(lake.file_interval, files)),
        start=timedelta(0),
    )
    if owned != interval.end - interval.start:
        raise GateError(
            f"deltas: {table.name} covers {owned} of {interval};"
            f" run `vitrine spark {JOBS[table.name]}` for it first"
        )


def _check(installation: Installation, table: Table, interval: Interval) -> Check:
    files = lake.files(installation.paths.deltas, table.name, interval)
    rules, spill = _rules(table), installation.paths.staging / "gates"
    return Check(
        name=table.name,
        keys=table.key,
        rules=rules,
        load=partial(samples.load, _rows(table, files, interval), table.key, rules, spill),
        may_be_empty=True,
    )


def _rules(table: Table) -> tuple[Rule, ...]:
    names = [column.name for column in table.columns]
    measures = [n for n in names if n.endswith("_count") or n in ("turnover", "return_value")]
    return (
        *required(*names),
        unique(*table.key),
        *[between(name, 0) for name in measures],
        true("is_received_in_interval"),
        true("is_received_after_it_occurred"),
    )


def _rows(table: Table, files: list[Path], interval: Interval) -> str:
    by_window = table is CAMPAIGN_WINDOWS
    received = "received_window_start_at" if by_window else "ds"
    occurred = "window_start_at" if by_window else "occurred_on"
    # A day is compared by its first instant, cut at the interval's start for a part of a day.
    start = interval.start if by_window else floor(interval.start, DAY)
    return f"""
        select
            *,
            {received}::timestamptz < {frames.instant(interval.end)}
            and {received}::timestamptz >= {frames.instant(start)} as is_received_in_interval,
            {occurred} <= {received} as is_received_after_it_occurred
        from {frames.parquet(files)}
    """


def _sums(installation: Installation, tables: list[str], interval: Interval) -> pd.DataFrame:
    """Return in_lake and in_deltas per delta table, measure and day of receipt."""
    paths = installation.paths
    queries = []
    for table, measure, facts, amount, rows in SUMS:
        facts_files = lake.files(paths.lake, facts, _made(installation, table, interval))
        if table.name not in tables or not facts_files:
            continue
        day = "received_window_start_at::date" if table is CAMPAIGN_WINDOWS else "ds"
        deltas = frames.parquet(lake.files(paths.deltas, table.name, interval))
        queries.append(f"""
            select
                '{table.name}' as delta, '{measure}' as measure, ds,
                coalesce(l.total, 0) as in_lake, coalesce(d.total, 0) as in_deltas,
                in_deltas - in_lake as difference
            from (
                select received_at::date as ds, sum({amount}) as total
                from {frames.parquet(facts_files)} where {rows} group by all
            ) as l
            full join (
                select {day} as ds, sum({measure}) as total from {deltas} group by all
            ) as d using (ds)
        """)
    if not queries:
        return pd.DataFrame(columns=["delta", "measure", "ds", "in_lake", "in_deltas"])
    return frames.frame(" union all ".join(queries) + " order by all")

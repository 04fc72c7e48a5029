"""Landed tables: what the contract promises holds for every row that was received.

The rules come from `vitrine.contracts`; what is added here are ranges, which types cannot say.
"""

from functools import partial

import pandas as pd

from expectations import frames, samples
from expectations.rules import (
    Check,
    Rule,
    Sample,
    between,
    matching,
    one_of,
    required,
    true,
    unique,
    warn,
)
from vitrine import lake
from vitrine.contracts import TABLES, Table
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, midnight
from vitrine.landing.rules import NEVER_LATE
from vitrine.paths import interval_stamp

COUNTRY = r"^[A-Z]{2}$"
LANGUAGE = r"^[a-z]{2}$"

# Addresses never leave the lake: the gate sees only whether there is one and whether it looks it.
HIDDEN = {"email_address": "email_address is null or email_address like '_%@_%._%'"}

RANGES: dict[str, tuple[Rule, ...]] = {
    "customers": (
        matching("country", COUNTRY),
        matching("language", LANGUAGE),
        warn(between("birth_year", 1900, 2100)),
    ),
    "products": (between("list_price", 0), between("unit_cost", 0)),
    "campaigns": (matching("country", COUNTRY), between("open_hours", 0)),
    "campaign_products": (between("price", 0), between("initial_stock", 0)),
    "orders": (
        between("line", 1),
        between("quantity", 1),
        between("unit_price", 0),
        warn(between("quantity", 1, 10_000)),
        warn(true("is_product_known")),
        warn(true("is_campaign_known")),
    ),
    "events": (between("position", 1), warn(true("is_campaign_known"))),
    "stock_levels": (between("quantity", 0),),
}
DERIVED = {
    "open_hours": "date_diff('minute', opens_at, closes_at) / 60.0",
    "delay_hours": "date_diff('second', occurred_at, received_at) / 3600.0",
}
BUSY = ("orders", "events")


def checks(installation: Installation, interval: Interval) -> list[Check]:
    """Return a check for each table with files in the interval, and one for the drops themselves.

    Orders and events must have rows in an interval of whole days: a quarter of an hour may pass
    without either, and a day without any drop (the shop was closed) passes without all of them.
    """
    shop, paths = installation.shop, installation.paths
    is_closed = not shop.drops(paths.landing, interval)
    found = [
        _check(installation, TABLES[name], interval, is_closed)
        for name in TABLES
        if name in shop.provides and lake.files(paths.lake, name, interval)
    ]
    drops = Check(
        name="drops",
        keys=("drop",),
        rules=(true("is_in_lake"),),
        load=partial(_drops, installation, interval),
        may_be_empty=True,
    )
    return [drops, *found]


def _drops(installation: Installation, interval: Interval) -> pd.DataFrame:
    """Return each drop that the shop delivered, and whether any table holds it."""
    root = installation.paths.lake
    files = (file for name in TABLES for file in lake.files(root, name, interval))
    landed = {drop for file in files for drop in lake.parts(file)}
    drops = installation.shop.drops(installation.paths.landing, interval)
    return pd.DataFrame(
        [(interval_stamp(drop.interval), drop.interval in landed) for drop in drops],
        columns=["drop", "is_in_lake"],
    )


def _check(installation: Installation, table: Table, interval: Interval, is_closed: bool) -> Check:
    is_long = interval.end - interval.start >= DAY
    rules = _rules(table, installation.settings.late_after_hours)
    return Check(
        name=table.name,
        keys=table.key,
        rules=rules,
        load=partial(_load, installation, table, interval, rules),
        may_be_empty=is_closed or not (is_long and table.name in BUSY),
    )


def _rules(table: Table, late_after_hours: int) -> tuple[Rule, ...]:
    names = [column.name for column in table.columns]
    rules = [
        *required(*[c.name for c in table.columns if not c.nullable and c.name not in HIDDEN]),
        unique(*table.key),
        *[one_of(c.name, c.values) for c in table.columns if c.values],
        *[true(f"is_{name}_valid") for name in names if name in HIDDEN],
        true("is_received_in_interval"),
        *RANGES.get(table.name, ()),
    ]
    if "occurred_at" in names:
        latest = None if table.name in NEVER_LATE else late_after_hours
        rules.append(between("delay_hours", 0, latest))
    return tuple(rules)


def _load(
    installation: Installation, table: Table, interval: Interval, rules: tuple[Rule, ...]
) -> Sample:
    root = installation.paths.lake
    names = {name for rule in rules for name in rule.columns} | set(table.key)
    derived = DERIVED | {
        **{f"is_{name}_valid": sql for name, sql in HIDDEN.items()},
        "is_received_in_interval": f"received_at >= {frames.instant(interval.start)}"
        f" and received_at < {frames.instant(interval.end)}",
        "is_product_known": f"product_id in ({_known(installation, 'products', interval)})",
        "is_campaign_known": "campaign_id is null or campaign_id in"
        f" ({_known(installation, 'campaigns', interval)})",
    }
    columns = ", ".join(f"{derived[n]} as {n}" if n in derived else n for n in sorted(names))
    source = frames.parquet(lake.files(root, table.name, interval))
    spill = installation.paths.staging / "gates"
    return samples.load(f"select {columns} from {source}", table.key, rules, spill)


def _known(installation: Installation, table: str, interval: Interval) -> str:
    """Write a query for the ids of a catalogue table that were received before the end."""
    root, key = installation.paths.lake, TABLES[table].key[0]
    days = lake.days(root, table)
    if not days or midnight(days[0]) >= interval.end:
        return "select null where false"
    files = lake.files(root, table, Interval(midnight(days[0]), interval.end))
    end = frames.instant(interval.end)
    return f"select {key} from {frames.parquet(files)} where received_at < {end}"

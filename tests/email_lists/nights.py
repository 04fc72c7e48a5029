"""A night's commands, as a user or Airflow runs them, on a home of five customers.

Imported by processes to kill: each runs one command of the chain.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tests.email_lists.homes import AS_OF, consent, furnish, receive
from vitrine.cli import vitrine
from vitrine.errors import NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import format_instant
from vitrine.paths import Paths
from vitrine.publish import new_version
from vitrine.settings import load_settings

NAMES = ("anna", "ben", "cleo", "dora", "emil")
LOADED = (
    "great_expectations",
    "expectations.commands",
    "expectations.lists",
    "email_lists.commands",
    "email_lists.handover.publication",
    "tests.email_lists.nights",
)
"""What processes begin with: the commands load it."""
BUILD, CHECK, PUBLISH = ("lists", "build"), ("check", "lists"), ("lists", "publish")
REFUSED = 3
"""Exit code of a command that another one overtook."""
CHANGES = ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.symlink", "shutil.rmtree")
WAREHOUSE = f"""
    set TimeZone = 'UTC';
    create schema staging;
    create schema intermediate;
    create schema features;
    create table staging.stg_consents as
    select
        customer_id || '-2026-01-01-True' as consent_id,
        customer_id,
        'email_marketing' as purpose,
        true as is_granted,
        timestamptz '2026-01-01' as changed_at,
        timestamptz '2026-01-01' as received_at
    from (select unnest({list(NAMES)}) as customer_id);
    create table staging.stg_suppressions (
        suppression_id varchar, customer_id varchar, reason varchar, suppressed_at timestamptz,
        received_at timestamptz
    );
    create table staging.stg_email_events (
        message_id varchar, customer_id varchar, kind varchar, occurred_at timestamptz,
        received_at timestamptz
    );
    create table intermediate.int_customers as
    select
        customer_id,
        'FR' as country,
        'fr' as language,
        'Europe/Paris' as timezone,
        'unknown' as demographic_cluster,
        received_at as available_at
    from staging.stg_consents;
    create table intermediate.int_campaigns as
    select
        'k' || n as campaign_id,
        'brand ' || n as brand,
        'home' as sector,
        'x' as sub_sector,
        'FR' as country,
        timestamptz '2026-03-01' as opens_at,
        timestamptz '2026-03-08' as closes_at,
        timestamptz '2026-02-28' as available_at
    from range(4) as t(n);
    create table intermediate.int_products as
    select
        'p' || n as product_id,
        'article ' || n as name,
        'brand ' || n % 4 as brand,
        'home' as sector,
        'x' as sub_sector,
        null::double as unit_cost,
        timestamptz '2026-02-28' as available_at
    from range(8) as t(n);
    create table intermediate.int_campaign_products as
    select
        'k' || n % 4 as campaign_id,
        'p' || n as product_id,
        5.0 + n as price,
        50 as initial_stock_count,
        timestamptz '2026-02-28' as available_at
    from range(8) as t(n);
    create table intermediate.int_order_lines as
    select
        'o' as order_id,
        1 as line_number,
        'anna' as customer_id,
        'unknown' as demographic_cluster,
        'p1' as product_id,
        1::bigint as unit_count,
        'sale' as kind,
        timestamptz '2026-03-01 12:00' as occurred_at,
        timestamptz '2026-03-01 12:00' as received_at;
    create table features.build_info as
    select timestamptz '2026-03-01' as data_start_at, timestamptz '2026-03-02' as data_end_at;
    create macro features.on_sale(spine) as table
    select as_of, campaign_id, product_id, price, initial_stock_count as stock_left
    from query_table(spine), daily.intermediate.int_campaign_products;
    create macro features.customer_segments(spine) as table
    select customer_id, as_of, 'prospect' as segment from query_table(spine);
"""


def installation(home: str, landing: str) -> Installation:
    """Open a home."""
    return Installation(load_settings({"VITRINE_HOME": home, "VITRINE_LANDING": landing}))


def prepare(paths: Paths) -> None:
    """Give a home all that the night's commands read: a lake, a warehouse, scores of nobody."""
    furnish(paths, NAMES)
    paths.warehouse.mkdir(parents=True)
    with duckdb.connect(str(paths.warehouse / "daily.duckdb")) as connection:
        connection.execute(WAREHOUSE)
    with new_version(paths.scores, "night") as folder:
        columns = [("customer_id", pa.string()), ("campaign_id", pa.string())]
        nothing = pa.schema([*columns, ("score", pa.float64())]).empty_table()
        pq.write_table(nothing, folder / "campaign_scores.parquet")
        model = {"model": "repurchase", "version": None, "as_of": format_instant(AS_OF)}
        (folder / "manifest.json").write_text(json.dumps(model))


def decide(paths: Paths, suppressed: str) -> None:
    """Sign a policy that suppresses a customer."""
    rules = {"suppress": {"customers": [suppressed]}, "holdout": {"share": 0}}
    rules |= {"gate": {"campaign_share": 1.0, "empty_share": 1.0}}
    paths.list_policy.write_text(json.dumps(rules))


def withdraw(paths: Paths, customer: str) -> None:
    """Let a customer, and nobody else, withdraw consent after the night's build."""
    receive(paths, "consents", "2026-03-02", consent(customer, False, "2026-03-02T04:00:00Z"))


class Kill(NamedTuple):
    """When a process ends: before so many changes of files (from 1), or after so much of work."""

    at_change: int = 0
    after_s: float = 0
    """Of the processor's time."""


NEVER = Kill()


def run(home: str, landing: str, command: Sequence[str], at_once: Any, kill: Kill, told: Any):
    """Run a command of the night as soon as all others are ready too.

    `told` gets how many changes of the home's files there were, and the processor's seconds.
    """
    os.environ |= {"VITRINE_HOME": home, "VITRINE_LANDING": landing}
    sys.addaudithook(partial(_count, home, kill.at_change, told))
    at_once.wait()
    began = time.process_time()
    # By default the system ends a process by this timer's signal, whatever it is doing.
    signal.setitimer(signal.ITIMER_PROF, kill.after_s)
    try:
        vitrine([*command, "--as-of", format_instant(AS_OF)], standalone_mode=False)
    except NotPublishedError:
        sys.exit(REFUSED)
    told[1] = time.process_time() - began


def _count(home: str, kill_at: int, told: Any, event: str, args: tuple[Any, ...]) -> None:
    is_written = event == "open" and bool(args[2] & (os.O_WRONLY | os.O_RDWR))
    if (is_written or event in CHANGES) and str(args[0]).startswith(home):
        told[0] += 1
        if told[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

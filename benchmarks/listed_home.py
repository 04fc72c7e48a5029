"""The home of the shop in `benchmarks.listed_shop`, as the gate of the lists reads it.

The lake has what was received, day by day; the warehouse has what the gate asks it, and no more.
Nobody got a letter before, and nothing was suppressed.
"""

from datetime import timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks import listed_shop
from benchmarks.listed_shop import AS_OF, Sizes, ids
from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.interval import DAY, EPOCH, Interval, floor
from vitrine.paths import Paths

SINCE = AS_OF - timedelta(days=300)
"""When the shop told of its customers and of what it sells."""
_WAREHOUSE = """
set TimeZone = 'UTC';
create schema intermediate;
create schema features;
create table intermediate.int_customers as
select customer_id, getvariable('since') as available_at from customers;
create table intermediate.int_campaigns as
select *, getvariable('since') as available_at from campaigns;
create table intermediate.int_products as
select *, getvariable('since') as available_at from products;
create table intermediate.int_campaign_products as
select
    campaign_id,
    product_id,
    price,
    stock_left as initial_stock_count,
    getvariable('since') as available_at
from supply;
create table intermediate.int_on_sale as
select supply.*, opens_at as from_at, closes_at as until_at
from supply join campaigns using (campaign_id);
create table features.build_info as select getvariable('midnight') as data_end_at;
create macro features.on_sale(spine) as table
    select asked.as_of, campaign_id, product_id, price, stock_left
    from query_table(spine) as asked
    join daily.intermediate.int_on_sale on asked.as_of >= from_at and asked.as_of < until_at;
"""


def write(sizes: Sizes, paths: Paths) -> int:
    """Write lake and warehouse; return how many rows were received."""
    who = listed_shop.customers(sizes)
    _write_warehouse(sizes, who, paths)
    received = {
        "customers": _customers(who),
        "consents": listed_shop.consents(sizes, who),
        "email_events": _email_events(sizes, who),
        "orders": _orders(sizes, who),
    }
    for table, rows in received.items():
        _land(paths, table, rows)
    return sum(rows.num_rows for rows in received.values())


def _write_warehouse(sizes: Sizes, who: pa.Table, paths: Paths) -> None:
    paths.warehouse.mkdir(parents=True, exist_ok=True)
    file = paths.warehouse / "daily.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        for name, instant in (("since", SINCE), ("midnight", floor(AS_OF, DAY))):
            connection.execute(f"set variable {name} = $at::timestamptz", {"at": instant})
        told = {"campaigns": listed_shop.campaigns, "supply": listed_shop.supply}
        told |= {"products": listed_shop.products}
        connection.register("customers", who)
        for name, drawn in told.items():
            connection.register(name, drawn(sizes))
        connection.execute(_WAREHOUSE)


def _customers(who: pa.Table) -> pa.Table:
    said = ["customer_id", "country", "language", "timezone", "demographic_cluster", "birth_year"]
    rows = who.select(said)
    for name in ("signed_up_at", "received_at"):
        rows = rows.append_column(name, _same(SINCE, rows.num_rows))
    return rows


def _email_events(sizes: Sizes, who: pa.Table) -> pa.Table:
    opens = listed_shop.opens(sizes, who)
    return pa.table(
        {
            "message_id": ids("M", opens.num_rows),
            "customer_id": opens["customer_id"],
            "kind": _same("opened", opens.num_rows),
            "occurred_at": opens["opened_at"],
            "received_at": opens["opened_at"],
        }
    )


def _orders(sizes: Sizes, who: pa.Table) -> pa.Table:
    sales = listed_shop.sales(sizes, who)
    count = sales.num_rows
    return pa.table(
        {
            "order_id": sales["order_id"],
            "line": pa.array(np.arange(count) % 2 + 1, pa.int32()),
            "customer_id": sales["customer_id"],
            "product_id": sales["product_id"],
            "campaign_id": _same("an earlier one", count),
            "quantity": sales["unit_count"],
            "unit_price": _same(20.0, count),
            "channel": _same("web", count),
            "kind": _same("sale", count),
            "occurred_at": sales["occurred_at"],
            "received_at": sales["occurred_at"],
        }
    )


def _same(value: Any, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), count)


def _land(paths: Paths, table: str, rows: pa.Table) -> None:
    """Put rows under the days on which they were received."""
    rows = TABLES[table].conform(rows).sort_by("received_at")
    day_R = rows["received_at"].cast(pa.int64()).to_numpy() // (DAY // timedelta(microseconds=1))
    day_D, first_D = np.unique(day_R, return_index=True)
    for day, start, end in zip(day_D, first_D, [*first_D[1:], rows.num_rows], strict=True):
        of_day = Interval.of_day(EPOCH.date() + timedelta(days=int(day)))
        lake.write_partition(paths.lake, table, of_day, rows.slice(start, end - start))

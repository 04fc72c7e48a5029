"""python -m benchmarks.duckdb_peer PHASE SOURCE ROOT START END WINDOWS_FROM OUT

A phase's question answered by plain DuckDB: whole tables in, whole tables out, no history kept.
"""

import sys
from pathlib import Path

import duckdb

from benchmarks.question import (
    ANSWERS,
    LOOK_BACK_DAYS,
    LOOK_BACK_MINUTES,
    READABLE_AFTER,
    Question,
)
from vitrine.interval import Interval, format_instant, parse_instant

ORDERS = {
    "order_id": "varchar", "line": "integer", "customer_id": "varchar", "product_id": "varchar",
    "campaign_id": "varchar", "quantity": "integer", "unit_price": "decimal(18, 6)",
    "channel": "varchar", "kind": "varchar", "occurred_at": "timestamptz",
    "received_at": "timestamptz",
}  # fmt: skip
EVENTS = {
    "event_id": "varchar", "customer_id": "varchar", "session_id": "varchar", "kind": "varchar",
    "campaign_id": "varchar", "product_id": "varchar", "position": "smallint", "device": "varchar",
    "occurred_at": "timestamptz", "received_at": "timestamptz",
}  # fmt: skip
CUSTOMERS = {
    "customer_id": "varchar", "signed_up_at": "timestamptz", "birth_year": "smallint",
    "gender": "varchar", "socio_professional_group": "varchar", "country": "varchar",
    "postal_code": "varchar", "language": "varchar", "timezone": "varchar",
    "received_at": "timestamptz",
}  # fmt: skip
OPTIONAL = {
    "orders": {"customer_id"},
    "events": {"customer_id", "campaign_id", "product_id", "position"},
    "customers": {"birth_year", "gender", "socio_professional_group", "postal_code"},
}
VALID = {
    "orders": "kind in ('sale', 'return') and quantity >= 1 and line >= 1 and unit_price >= 0",
    "events": "kind in ('impression', 'campaign_view', 'product_view', 'search', 'add_to_cart',"
    " 'checkout_start') and coalesce(position, 1) >= 1",
}
CUSTOMER_MEASURES = {
    "order_count": "order_count",
    "unit_count": "unit_count",
    "turnover": "turnover::decimal(18, 2)",
    "session_count": "session_count",
    "view_count": "campaign_view_count + product_view_count",
    "cart_count": "cart_count",
}
MEMORY = "8GB"
CLUSTER = """
    coalesce(case gender when 'F' then 'female' when 'M' then 'male' when 'X' then 'other' end,
        'unknown')
    || ':' || case
        when birth_year is null then 'unknown'
        when year(received_at) - birth_year between 0 and 24 then '16-24'
        when year(received_at) - birth_year between 25 and 34 then '25-34'
        when year(received_at) - birth_year between 35 and 49 then '35-49'
        when year(received_at) - birth_year between 50 and 64 then '50-64'
        when year(received_at) - birth_year between 65 and 200 then '65+'
        else 'unknown'
    end || ':' || country
"""


def main() -> None:
    """Answer the question of the command line."""
    phase, source, root, start, end, windows_from, out = sys.argv[1:]
    question = Question(
        phase, source, Path(root), Interval.parse(start, end), parse_instant(windows_from)
    )
    answer(question, Path(out))


def answer(question: Question, out: Path) -> None:
    """Write the answer's tables to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(str(out / "work.duckdb"))
    connection.execute(f"set memory_limit = '{MEMORY}'; set threads = 2")
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set TimeZone = 'UTC'")
    _read(connection, question)
    for table in ANSWERS[question.phase]:
        connection.execute(_QUERIES[table](question))
        connection.execute(f"copy (select * from answer) to '{out / table}.parquet'")
    connection.close()
    (out / "work.duckdb").unlink()


def _read(connection: duckdb.DuckDBPyConnection, question: Question) -> None:
    _facts(connection, question, "orders", ORDERS, ("order_id", "line"))
    _facts(connection, question, "events", EVENTS, ("event_id",))
    _customers(connection, question)
    connection.execute("""
        create view activity as
        select
            kind, customer_id, order_id, campaign_id, product_id, quantity,
            quantity * unit_price as amount, occurred_at, received_at
        from orders
        union all by name
        select kind, customer_id, session_id, campaign_id, product_id, occurred_at, received_at
        from events
    """)


def _facts(
    connection: duckdb.DuckDBPyConnection,
    question: Question,
    table: str,
    columns: dict[str, str],
    key: tuple[str, ...],
) -> None:
    """Make a table of the readable rows that came in time; of equal keys the first stays.

    The first to be received: rows lie in no order that could be relied upon.
    """
    rows = f"({_scan(question, table, columns)})"
    if question.source == "lake":  # Vitrine's landing has judged them before
        connection.execute(f"create table {table} as select * from {rows}")
        return
    connection.execute(f"""
        create table {table} as
        select * from {rows}
        where {VALID[table]} and received_at <= occurred_at + interval '24 hours'
    """)
    names = ", ".join(key)
    connection.execute(f"""
        delete from {table} where rowid in (
            select rowid from (
                select rowid, row_number() over (
                    partition by {names} order by received_at, rowid
                ) as n
                from {table}
                semi join (
                    select {names} from {table} group by all having count(*) > 1
                ) using ({names})
            ) where n > 1
        )
    """)


def _scan(question: Question, table: str, columns: dict[str, str]) -> str:
    """Select a table's rows of which every required column can be read."""
    files = question.files(table)
    names = ", ".join(f"'{f}'" for f in files)
    if question.source == "lake":
        read = f"read_parquet([{names}], hive_partitioning = false)"
        return f"select {', '.join(columns)} from {read}"
    if not files:
        nulls = ", ".join(f"null::{kind} as {name}" for name, kind in columns.items())
        return f"select {nulls} where false"
    header = ", ".join(f"'{name}': 'varchar'" for name in columns)
    read = (
        f"read_csv([{names}], columns = {{{header}}}, header = true, auto_detect = false,"
        " delim = ',', quote = '\"', null_padding = true, ignore_errors = true)"
    )
    typed = ", ".join(f"try_cast({name} as {kind}) as {name}" for name, kind in columns.items())
    required = " and ".join(
        f"{name} is not null" for name in columns if name not in OPTIONAL[table]
    )
    return f"select * from (select {typed} from {read}) where {required}"


def _customers(connection: duckdb.DuckDBPyConnection, question: Question) -> None:
    """Make a table of each customer's cluster and the instants in which it was the newest."""
    if question.source == "lake":
        columns = {"customer_id": "", "demographic_cluster": "", "received_at": ""}
        rows = _scan(question, "customers", columns)
    else:
        raw = _scan(question, "customers", CUSTOMERS)
        rows = f"select customer_id, {CLUSTER} as demographic_cluster, received_at from ({raw})"
    connection.execute(f"""
        create table customers as
        select
            customer_id, demographic_cluster, received_at as known_from,
            lead(received_at) over (
                partition by customer_id order by received_at, demographic_cluster
            ) as known_until
        from ({rows})
    """)


def _asked(column: str, question: Question) -> str:
    start, end = (format_instant(t) for t in (question.asked.start, question.asked.end))
    return f"{column} >= timestamptz '{start}' and {column} < timestamptz '{end}'"


def _user_days(question: Question) -> str:
    return f"""
        create or replace table user_days as
        select
            customer_id,
            occurred_at::date as occurred_on,
            count(distinct session_id) as session_count,
            count(*) filter (where kind = 'impression') as impression_count,
            count(*) filter (where kind = 'campaign_view') as campaign_view_count,
            count(*) filter (where kind = 'product_view') as product_view_count,
            count(*) filter (where kind = 'add_to_cart') as cart_count,
            count(distinct order_id) filter (where kind = 'sale') as order_count,
            coalesce(sum(quantity) filter (where kind = 'sale'), 0)::bigint as unit_count,
            coalesce(round(sum(amount) filter (where kind = 'sale'), 2), 0)::double as turnover,
            coalesce(sum(quantity) filter (where kind = 'return'), 0)::bigint
                as return_unit_count,
            coalesce(round(sum(amount) filter (where kind = 'return'), 2), 0)::double
                as return_value,
            received_at::date as ds
        from activity
        where customer_id is not null
        group by customer_id, occurred_on, ds;
        create or replace view answer as
        select * from user_days where {_asked("ds::timestamptz", question)}
    """


def _product_days(question: Question) -> str:
    return f"""
        create or replace view answer as
        select
            product_id,
            occurred_at::date as occurred_on,
            count(*) filter (where kind = 'product_view') as view_count,
            count(*) filter (where kind = 'add_to_cart') as cart_count,
            count(distinct order_id) filter (where kind = 'sale') as order_count,
            count(distinct customer_id) filter (where kind = 'sale') as buyer_count,
            coalesce(sum(quantity) filter (where kind = 'sale'), 0)::bigint as unit_count,
            coalesce(round(sum(amount) filter (where kind = 'sale'), 2), 0)::double as turnover,
            coalesce(sum(quantity) filter (where kind = 'return'), 0)::bigint
                as return_unit_count,
            received_at::date as ds
        from activity
        where
            product_id is not null
            and kind in ('product_view', 'add_to_cart', 'sale', 'return')
            and {_asked("received_at", question)}
        group by product_id, occurred_on, ds
    """


def _campaign_windows(question: Question) -> str:
    known_at = f"{_quarter('received_at')} + interval '15 minutes'"
    return f"""
        create or replace table windows as
        select
            campaign_id,
            coalesce(demographic_cluster, 'unknown') as demographic_cluster,
            {_quarter("occurred_at")} as window_start_at,
            {_quarter("received_at")} as received_window_start_at,
            count(*) filter (where kind = 'impression') as impression_count,
            count(distinct session_id) as visitor_count,
            count(*) filter (where kind in ('campaign_view', 'product_view')) as view_count,
            count(*) filter (where kind = 'add_to_cart') as cart_count,
            count(distinct order_id) filter (where kind = 'sale') as order_count,
            coalesce(sum(quantity) filter (where kind = 'sale'), 0)::bigint as unit_count,
            coalesce(round(sum(amount) filter (where kind = 'sale'), 2), 0)::double as turnover
        from activity
        left join customers
            on
                activity.customer_id = customers.customer_id
                and customers.known_from < {known_at}
                and (customers.known_until is null or {known_at} <= customers.known_until)
        where
            campaign_id is not null and kind <> 'return'
            and received_at >= timestamptz '{format_instant(question.windows_from)}'
        group by 1, 2, 3, 4;
        create or replace view answer as
        select * from windows where {_asked("received_window_start_at", question)}
    """


def _quarter(instant: str) -> str:
    return f"make_timestamptz(epoch_us({instant}) - epoch_us({instant}) % 900000000)"


def _customer_features(question: Question) -> str:
    as_of = f"timestamptz '{format_instant(question.asked.end + READABLE_AFTER)}'"
    end = f"date '{question.asked.end:%Y-%m-%d}'"
    measures = {
        f"customer_{name}_{days}d": f"sum({value}) filter (where ds >= {end} - {days})"
        for days in LOOK_BACK_DAYS
        for name, value in CUSTOMER_MEASURES.items()
    }
    sums = ", ".join(f"{value} as {name}" for name, value in measures.items())
    filled = ", ".join(f"coalesce({name}, 0)::double as {name}" for name in measures)
    since = "coalesce((epoch_us({as_of}) - epoch_us({instant})) / 86400e6, 730)"
    return f"""
        create or replace view answer as
        with activity_of as (
            select customer_id, {sums},
                max(occurred_on) filter (where session_count > 0 or order_count > 0) as visited_on
            from user_days group by customer_id
        ),
        purchases as (
            select customer_id, min(occurred_at) as first_at, max(occurred_at) as last_at
            from orders where kind = 'sale' group by customer_id
        )
        select
            customer_id,
            {filled},
            {since.format(as_of=as_of, instant="first_at")} as customer_days_since_first_purchase,
            {since.format(as_of=as_of, instant="last_at")} as customer_days_since_last_purchase,
            {since.format(as_of=as_of, instant="visited_on::timestamptz")}
                as customer_days_since_last_visit
        from (select distinct customer_id from customers)
        left join activity_of using (customer_id)
        left join purchases using (customer_id)
    """


def _campaign_features(question: Question) -> str:
    end = f"timestamptz '{format_instant(question.asked.end)}'"
    wanted = {
        "turnover": ("15min", "1h", "24h"),
        "visitor_count": ("1h",),
        "cart_count": ("1h",),
        "unit_count": ("4h", "24h"),
        "view_count": ("24h",),
    }
    sums = ", ".join(
        f"coalesce(sum({measure}{'::decimal(18, 2)' if measure == 'turnover' else ''}) filter ("
        f"where received_window_start_at >= {end} - interval '{LOOK_BACK_MINUTES[name]} minutes'"
        f"), 0)::double as campaign_{measure}_{name}"
        for measure, names in wanted.items()
        for name in names
    )
    return f"""
        create or replace view answer as
        select campaign_id, {sums} from windows
        where
            received_window_start_at >= {end} - interval '24 hours'
            and received_window_start_at < {end}
        group by campaign_id
    """


_QUERIES = {
    "user_days": _user_days,
    "product_days": _product_days,
    "campaign_windows": _campaign_windows,
    "customers": _customer_features,
    "campaigns": _campaign_features,
}

if __name__ == "__main__":
    main()

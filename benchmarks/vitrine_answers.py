"""Vitrine's answers to the questions that its peers are asked, copied out of its home."""

from pathlib import Path

import duckdb

from benchmarks.question import ANSWERS, LOOK_BACK_DAYS, Question
from vitrine import deltas, lake, warehouse
from vitrine.interval import Interval, format_instant
from vitrine.paths import Paths

CUSTOMER_MEASURES = ("order_count", "unit_count", "turnover", "session_count", "view_count",
                     "cart_count")  # fmt: skip
CAMPAIGN_FEATURES = (
    "campaign_turnover_15min", "campaign_turnover_1h", "campaign_turnover_24h",
    "campaign_visitor_count_1h", "campaign_cart_count_1h", "campaign_unit_count_4h",
    "campaign_unit_count_24h", "campaign_view_count_24h",
)  # fmt: skip


def copy_answer(paths: Paths, question: Question, out: Path) -> None:
    """Write the tables of `ANSWERS[question.phase]` to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for table in ANSWERS[question.phase]:
        if table in deltas.TABLES:
            connection, query = duckdb.connect(), _delta(paths, question, table)
            connection.execute("set TimeZone = 'UTC'; set memory_limit = '3GB'")
        else:
            database = "daily" if table == "customers" else "intraday"
            connection = warehouse.connect(paths, (database,))
            query = _customers() if table == "customers" else _campaigns(connection)
        connection.execute(f"set temp_directory = '{out / 'spill'}'")
        connection.execute(f"copy ({query}) to '{out / table}.parquet'")
        connection.close()


def _delta(paths: Paths, question: Question, table: str) -> str:
    is_windows = table == deltas.CAMPAIGN_WINDOWS.name
    start = max(question.asked.start, question.windows_from) if is_windows else question.asked.start
    files = lake.files(paths.deltas, table, Interval(start, question.asked.end))
    names = ", ".join(f"'{file}'" for file in files)
    return f"select * from read_parquet([{names}], hive_partitioning = false)"


def _customers() -> str:
    sums = [f"customer_{name}_{days}d" for name in CUSTOMER_MEASURES for days in LOOK_BACK_DAYS]
    since = [f"customer_days_since_{what}" for what in ("first_purchase", "last_purchase",
                                                          "last_visit")]  # fmt: skip
    return f"select customer_id, {', '.join(sums + since)} from marts.customer_features"


def _campaigns(connection: duckdb.DuckDBPyConnection) -> str:
    """Ask about every campaign at the first instant at which all of the build was readable."""
    ((as_of,),) = connection.execute(
        "select available_at from intraday.features.build_info"
    ).fetchall()
    connection.execute(f"""
        create table memory.main.spine as
        select distinct campaign_id, timestamptz '{format_instant(as_of)}' as as_of
        from intermediate.int_campaign_window_ledger
    """)
    features = ", ".join(CAMPAIGN_FEATURES)
    is_known = " or ".join(f"{name} <> 0" for name in CAMPAIGN_FEATURES)
    return f"""
        select campaign_id, {features}
        from features.feat_campaign_performance('memory.main.spine')
        where {is_known}
    """

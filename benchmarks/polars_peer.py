"""python -m benchmarks.polars_peer PHASE SOURCE ROOT START END WINDOWS_FROM OUT

A phase's question answered by plain Polars: lazy frames, collected by its streaming engine.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.question import (
    ANSWERS,
    LATE_AFTER,
    LOOK_BACK_DAYS,
    LOOK_BACK_MINUTES,
    READABLE_AFTER,
    Question,
)
from vitrine.interval import DAY, Interval, parse_instant

INSTANT = pl.Datetime("us", "UTC")
TEXT = pl.String
ORDERS = {
    "order_id": TEXT, "line": pl.Int32, "customer_id": TEXT, "product_id": TEXT,
    "campaign_id": TEXT, "quantity": pl.Int32, "unit_price": pl.Float64, "channel": TEXT,
    "kind": TEXT, "occurred_at": INSTANT, "received_at": INSTANT,
}  # fmt: skip
EVENTS = {
    "event_id": TEXT, "customer_id": TEXT, "session_id": TEXT, "kind": TEXT, "campaign_id": TEXT,
    "product_id": TEXT, "position": pl.Int16, "device": TEXT, "occurred_at": INSTANT,
    "received_at": INSTANT,
}  # fmt: skip
CUSTOMERS = {
    "customer_id": TEXT, "signed_up_at": INSTANT, "birth_year": pl.Int16, "gender": TEXT,
    "socio_professional_group": TEXT, "country": TEXT, "postal_code": TEXT, "language": TEXT,
    "timezone": TEXT, "received_at": INSTANT,
}  # fmt: skip
OPTIONAL = {
    "orders": {"customer_id"},
    "events": {"customer_id", "campaign_id", "product_id", "position"},
    "customers": {"birth_year", "gender", "socio_professional_group", "postal_code"},
}
VALID = {
    "orders": pl.col("kind").is_in(["sale", "return"])
    & (pl.col("quantity") >= 1)
    & (pl.col("line") >= 1)
    & (pl.col("unit_price") >= 0),
    "events": pl.col("kind").is_in(
        ["impression", "campaign_view", "product_view", "search", "add_to_cart", "checkout_start"]
    )
    & (pl.col("position").fill_null(1) >= 1),
}
GENDERS = {"F": "female", "M": "male", "X": "other"}
AGE_BANDS = ((24, "16-24"), (34, "25-34"), (49, "35-49"), (64, "50-64"), (200, "65+"))
QUARTER_HOUR = "15m"
Columns = dict[str, Any]
"""Names and Polars types."""


def main() -> None:
    """Answer the question of the command line."""
    phase, source, root, start, end, windows_from, out = sys.argv[1:8]
    question = Question(
        phase, source, Path(root), Interval.parse(start, end), parse_instant(windows_from)
    )
    answer(question, Path(out))


def answer(question: Question, out: Path) -> None:
    """Write the answer's tables to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    facts = _facts(question, "orders", ORDERS, ["order_id", "line"], out)
    events = _facts(question, "events", EVENTS, ["event_id"], out)
    done = _activity(facts, events)
    for table in ANSWERS[question.phase]:
        rows = {
            "user_days": lambda: _received(_user_days(done), "ds", question),
            "product_days": lambda: _product_days(_received_at(done, question)),
            "campaign_windows": lambda: _asked_windows(done, question),
            "customers": lambda: _customer_features(done, facts, question),
            "campaigns": lambda: _campaign_features(_windows(done, question), question),
        }[table]()
        rows.sink_parquet(out / f"{table}.parquet")
    for file in out.glob("typed-*.parquet"):
        file.unlink()


def _facts(
    question: Question, table: str, columns: Columns, key: list[str], out: Path
) -> pl.LazyFrame:
    """Keep the readable rows that came in time, in a file; of equal keys the first stays."""
    kept = out / f"typed-{table}.parquet"
    rows = _scan(question, table, columns)
    if question.source == "lake":  # its rows were judged by Vitrine's landing before
        return rows
    on_time = pl.col("received_at") <= pl.col("occurred_at") + LATE_AFTER
    digest = pl.struct(key).hash().alias("digest")
    rows.filter(VALID[table] & on_time).with_columns(digest).with_row_index("n").sink_parquet(kept)
    typed = pl.scan_parquet(kept)
    # Few keys come again, and only their rows need to be held together.
    repeated = typed.group_by("digest").len().filter(pl.col("len") > 1).select("digest")
    held = typed.join(repeated.collect(engine="streaming").lazy(), on="digest", how="semi")
    firsts = held.sort("n").unique(key, keep="first", maintain_order=True).select("n")
    again = held.select("n").collect().join(firsts.collect(), on="n", how="anti")
    return typed.join(again.lazy(), on="n", how="anti")


def _scan(question: Question, table: str, columns: Columns) -> pl.LazyFrame:
    """Read a table's rows of which every required column can be read."""
    files = question.files(table)
    if not files:
        return pl.LazyFrame(schema=columns)
    if question.source == "lake":
        return pl.scan_parquet(files).select(*columns)
    text = pl.scan_csv(files, infer_schema=False, truncate_ragged_lines=True)
    required = [pl.col(name).is_not_null() for name in columns if name not in OPTIONAL[table]]
    typed = [_typed(name, kind) for name, kind in columns.items()]
    return text.select(*typed).filter(*required)


def _typed(name: str, kind: Any) -> pl.Expr:
    column = pl.col(name)
    if kind == INSTANT:
        return column.str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", strict=False, time_unit="us")
    return column if kind == TEXT else column.cast(kind, strict=False)


def _activity(orders: pl.LazyFrame, events: pl.LazyFrame) -> pl.LazyFrame:
    micros = (pl.col("unit_price") * 1_000_000).round().cast(pl.Int64)
    bought = orders.select(
        "kind", "customer_id", "order_id", "campaign_id", "product_id",
        pl.col("quantity").cast(pl.Int64),
        (pl.col("quantity") * micros).alias("amount"),
        "occurred_at", "received_at",
    )  # fmt: skip
    seen = events.select(
        "kind", "customer_id", "session_id", "campaign_id", "product_id", "occurred_at",
        "received_at",
    )  # fmt: skip
    days = {"occurred_on": pl.col("occurred_at").dt.date(), "ds": pl.col("received_at").dt.date()}
    return pl.concat([bought, seen], how="diagonal").with_columns(**days)


def _count(*kinds: str) -> pl.Expr:
    return pl.col("kind").is_in(list(kinds)).sum().cast(pl.Int64)


def _units(kind: str) -> pl.Expr:
    return pl.col("quantity").filter(pl.col("kind") == kind).sum()


def _money(kind: str) -> pl.Expr:
    micros = pl.col("amount").filter(pl.col("kind") == kind).sum()
    return ((micros + 5_000) // 10_000) / 100


def _distinct(column: str, kind: str | None = None) -> pl.Expr:
    values = pl.col(column) if kind is None else pl.col(column).filter(pl.col("kind") == kind)
    return values.drop_nulls().n_unique().cast(pl.Int64)


def _user_days(done: pl.LazyFrame) -> pl.LazyFrame:
    return (
        done.filter(pl.col("customer_id").is_not_null())
        .group_by("customer_id", "occurred_on", "ds")
        .agg(
            _distinct("session_id").alias("session_count"),
            _count("impression").alias("impression_count"),
            _count("campaign_view").alias("campaign_view_count"),
            _count("product_view").alias("product_view_count"),
            _count("add_to_cart").alias("cart_count"),
            _distinct("order_id", "sale").alias("order_count"),
            _units("sale").alias("unit_count"),
            _money("sale").alias("turnover"),
            _units("return").alias("return_unit_count"),
            _money("return").alias("return_value"),
        )
    )


def _product_days(done: pl.LazyFrame) -> pl.LazyFrame:
    kinds = ["product_view", "add_to_cart", "sale", "return"]
    return (
        done.filter(pl.col("product_id").is_not_null() & pl.col("kind").is_in(kinds))
        .group_by("product_id", "occurred_on", "ds")
        .agg(
            _count("product_view").alias("view_count"),
            _count("add_to_cart").alias("cart_count"),
            _distinct("order_id", "sale").alias("order_count"),
            _distinct("customer_id", "sale").alias("buyer_count"),
            _units("sale").alias("unit_count"),
            _money("sale").alias("turnover"),
            _units("return").alias("return_unit_count"),
        )
    )


def _windows(done: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    window = pl.col("received_at").dt.truncate(QUARTER_HOUR)
    counted = done.filter(
        pl.col("campaign_id").is_not_null()
        & (pl.col("kind") != "return")
        & (pl.col("received_at") >= question.windows_from)
    ).with_columns(known_at=window.dt.offset_by(QUARTER_HOUR))
    return (
        _with_cluster(counted, question)
        .group_by(
            "campaign_id",
            "demographic_cluster",
            pl.col("occurred_at").dt.truncate(QUARTER_HOUR).alias("window_start_at"),
            pl.col("received_at").dt.truncate(QUARTER_HOUR).alias("received_window_start_at"),
        )
        .agg(
            _count("impression").alias("impression_count"),
            _distinct("session_id").alias("visitor_count"),
            _count("campaign_view", "product_view").alias("view_count"),
            _count("add_to_cart").alias("cart_count"),
            _distinct("order_id", "sale").alias("order_count"),
            _units("sale").alias("unit_count"),
            _money("sale").alias("turnover"),
        )
    )


def _with_cluster(rows: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    """Add the cluster that a customer had in the newest row received before `known_at`."""
    versions = _customers(question).sort("received_at")
    people = rows.select("customer_id", "known_at").drop_nulls().unique().sort("known_at")
    known = people.join_asof(
        versions,
        left_on="known_at",
        right_on="received_at",
        by="customer_id",
        allow_exact_matches=False,
        check_sortedness=False,
    ).select("customer_id", "known_at", "demographic_cluster")
    return rows.join(known, on=["customer_id", "known_at"], how="left").with_columns(
        pl.col("demographic_cluster").fill_null("unknown")
    )


def _customers(question: Question) -> pl.LazyFrame:
    if question.source == "lake":
        names = ("customer_id", "demographic_cluster", "received_at")
        return pl.scan_parquet(question.files("customers")).select(names)
    rows = _scan(question, "customers", CUSTOMERS)
    age = pl.col("received_at").dt.year() - pl.col("birth_year")
    band = pl.lit("unknown")
    for highest, name in reversed(AGE_BANDS):
        band = pl.when(age <= highest).then(pl.lit(name)).otherwise(band)
    band = pl.when(age < 0).then(pl.lit("unknown")).otherwise(band)
    gender = pl.col("gender").replace_strict(GENDERS, default=None, return_dtype=TEXT)
    cluster = pl.concat_str(gender.fill_null("unknown"), band, "country", separator=":")
    return rows.select("customer_id", cluster.alias("demographic_cluster"), "received_at")


def _asked_windows(done: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    start, end = question.asked.start, question.asked.end
    return _windows(done, question).filter(
        pl.col("received_window_start_at").is_between(start, end, closed="left")
    )


def _received(rows: pl.LazyFrame, column: str, question: Question) -> pl.LazyFrame:
    start, end = question.asked.start.date(), question.asked.end.date()
    return rows.filter(pl.col(column).is_between(start, end, closed="left"))


def _received_at(done: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    start, end = question.asked.start, question.asked.end
    return done.filter(pl.col("received_at").is_between(start, end, closed="left"))


def _customer_features(
    done: pl.LazyFrame, orders: pl.LazyFrame, question: Question
) -> pl.LazyFrame:
    end, as_of = question.asked.end, question.asked.end + READABLE_AFTER
    measures = {
        "order_count": pl.col("order_count"),
        "unit_count": pl.col("unit_count"),
        "turnover": (pl.col("turnover") * 100).round().cast(pl.Int64),
        "session_count": pl.col("session_count"),
        "view_count": pl.col("campaign_view_count") + pl.col("product_view_count"),
        "cart_count": pl.col("cart_count"),
    }
    sums = {
        f"customer_{name}_{days}d": value.filter(pl.col("ds") >= (end - days * DAY).date()).sum()
        / (100 if name == "turnover" else 1)
        for days in LOOK_BACK_DAYS
        for name, value in measures.items()
    }
    is_visit = (pl.col("session_count") > 0) | (pl.col("order_count") > 0)
    visited = pl.col("occurred_on").filter(is_visit).max().cast(INSTANT)
    activity = _user_days(done).group_by("customer_id").agg(visited_at=visited, **sums)
    purchases = (
        orders.filter(pl.col("kind") == "sale")
        .group_by("customer_id")
        .agg(first_at=pl.col("occurred_at").min(), last_at=pl.col("occurred_at").max())
    )
    everybody = _customers(question).select("customer_id").unique()
    return (
        everybody.join(activity, on="customer_id", how="left")
        .join(purchases, on="customer_id", how="left")
        .select(
            "customer_id",
            *[pl.col(name).fill_null(0).cast(pl.Float64) for name in sums],
            _days_since("first_at", as_of).alias("customer_days_since_first_purchase"),
            _days_since("last_at", as_of).alias("customer_days_since_last_purchase"),
            _days_since("visited_at", as_of).alias("customer_days_since_last_visit"),
        )
    )


def _days_since(column: str, as_of: datetime) -> pl.Expr:
    span = (pl.lit(as_of).cast(INSTANT) - pl.col(column)).dt.total_microseconds()
    return (span / 86_400e6).fill_null(730.0)


def _campaign_features(windows: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    end, received = question.asked.end, pl.col("received_window_start_at")
    wanted = {
        "turnover": ("15min", "1h", "24h"),
        "visitor_count": ("1h",),
        "cart_count": ("1h",),
        "unit_count": ("4h", "24h"),
        "view_count": ("24h",),
    }
    sums = {}
    for measure, names in wanted.items():
        is_money = measure == "turnover"
        value = (pl.col(measure) * 100).round() if is_money else pl.col(measure)
        for name in names:
            start = end - DAY * LOOK_BACK_MINUTES[name] / (24 * 60)
            total = value.filter(received >= start).sum() / (100 if is_money else 1)
            sums[f"campaign_{measure}_{name}"] = total.cast(pl.Float64)
    recent = windows.filter(received.is_between(end - DAY, end, closed="left"))
    return recent.group_by("campaign_id").agg(**sums)


if __name__ == "__main__":
    main()

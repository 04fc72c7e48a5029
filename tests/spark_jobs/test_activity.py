"""Windows and sums against a slow, obvious loop on random cases."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from spark_jobs.activity import activity, in_windows, on_days
from spark_jobs.campaign_windows import campaign_windows
from spark_jobs.user_days import user_days
from vitrine import contracts
from vitrine.interval import QUARTER_HOUR, floor

START = datetime(2026, 3, 1, tzinfo=UTC)
FEW = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

facts = st.tuples(
    st.sampled_from(["impression", "campaign_view", "product_view", "add_to_cart", "search",
                     "sale", "return"]),
    st.sampled_from(["ann", "bob", None]),
    st.sampled_from(["s1", "s2"]),
    st.sampled_from(["a", "b"]),
    st.integers(1, 3),
    st.integers(0, 5_000),
    st.integers(0, 2 * 24 * 3600 * 10**6),  # occurrence, microseconds after START
    st.sampled_from([0, 1, 10**6, 10**9, 24 * 3600 * 10**6]),  # lateness, microseconds
)  # fmt: skip


def frames(spark, drawn):
    """Turn drawn facts into frames of orders and events, and into plain dicts."""
    orders, events = [], []
    for n, (kind, who, session, campaign, units, cents, occurred, late) in enumerate(drawn):
        row = {
            "customer_id": who,
            "campaign_id": campaign,
            "kind": kind,
            "occurred_at": START + timedelta(microseconds=occurred),
            "received_at": START + timedelta(microseconds=occurred + late),
            "session_id": None,
            "order_id": None,
            "units": units,
            "value": units * cents,
        }
        if kind in ("sale", "return"):
            row |= {"order_id": f"o{n // 2}", "line": n, "product_id": "p", "quantity": units}
            row |= {"unit_price": cents / 100, "channel": "web"}
            orders.append(row)
        else:
            row |= {"event_id": str(n), "session_id": session, "device": "tablet"}
            events.append(row)
    as_frame = {
        name: spark.createDataFrame(
            pa.Table.from_pylist(found, schema=contracts.table(name).schema)
        )
        for name, found in (("orders", orders), ("events", events))
    }
    done = activity(as_frame["orders"], as_frame["events"])
    return done.withColumn("file", F.lit(0)), orders + events


def slow(rows, key):
    """Count by a loop: key -> impressions, sessions, views, carts, orders, units, turnover."""
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)

    def counts(found):
        sales = [r for r in found if r["kind"] == "sale"]
        return (
            sum(r["kind"] == "impression" for r in found),
            len({r["session_id"] for r in found} - {None}),
            sum(r["kind"] in ("campaign_view", "product_view") for r in found),
            sum(r["kind"] == "add_to_cart" for r in found),
            len({r["order_id"] for r in sales}),
            sum(r["units"] for r in sales),
            sum(r["value"] for r in sales) / 100,
        )

    return {key: counts(found) for key, found in groups.items()}


@given(drawn=st.lists(facts, max_size=25))
@FEW
def test_windows_agree_with_a_slow_loop(spark, drawn):
    done, rows = frames(spark, drawn)
    known = in_windows(done).withColumn("known_at", F.col("received_at"))
    customers = spark.createDataFrame(contracts.table("customers").empty())
    got = {
        (r.campaign_id, r.window_start_at.timestamp(), r.received_window_start_at.timestamp()): (
            r.impression_count, r.visitor_count, r.view_count, r.cart_count,
            r.order_count, r.unit_count, r.turnover,
        )
        for r in campaign_windows(known, customers).collect()
    }  # fmt: skip
    wanted = slow(
        [r for r in rows if r["kind"] != "return"],
        lambda r: (
            r["campaign_id"],
            floor(r["occurred_at"], QUARTER_HOUR).timestamp(),
            floor(r["received_at"], QUARTER_HOUR).timestamp(),
        ),
    )
    assert got == wanted


@given(drawn=st.lists(facts, max_size=25))
@FEW
def test_sums_over_receipts_are_the_truth_by_event_time(spark, drawn):
    done, rows = frames(spark, drawn)
    got: dict = defaultdict(lambda: (0, 0, 0, 0, 0.0))
    for r in user_days(on_days(done)).collect():
        views = r.campaign_view_count + r.product_view_count
        counted = (r.impression_count, views, r.cart_count, r.unit_count, r.turnover)
        key = (r.customer_id, r.occurred_on)
        got[key] = tuple(a + b for a, b in zip(got[key], counted, strict=True))
    wanted = slow(
        [r for r in rows if r["customer_id"]],
        lambda r: (r["customer_id"], r["occurred_at"].date()),
    )
    assert {key: (*c[:3], c[3], round(c[4], 2)) for key, c in got.items()} == {
        key: (c[0], c[2], c[3], c[5], round(c[6], 2)) for key, c in wanted.items()
    }

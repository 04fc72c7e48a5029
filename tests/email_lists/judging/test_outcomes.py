"""What each customer did: by hand."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from email_lists.judging.outcomes import of_customers
from email_lists.judging.uplift import uplifts
from vitrine.contracts import INSTANT
from vitrine.interval import Interval, parse_instant

NIGHTS = Interval.parse("2026-03-02", "2026-03-04")
LETTERS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("arm", pa.string()),
        ("opened_at", INSTANT),
        ("clicked_at", INSTANT),
    ]
)
LEFT_OUT = pa.schema([("customer_id", pa.string()), ("assigned", pa.string())])
SALES = pa.schema(
    [
        ("order_id", pa.string()),
        ("customer_id", pa.string()),
        ("line_value", pa.decimal128(18, 2)),
        ("occurred_at", INSTANT),
    ]
)


def table(schema: pa.Schema, *rows: tuple[Any, ...]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def at(text: str) -> datetime:
    return parse_instant(text)


def test_everything_in_the_nights_counts_and_what_was_before_stands_apart():
    opened, clicked = at("2026-03-02T08:00:00Z"), at("2026-03-02T08:01:00Z")
    letters = table(
        LETTERS,
        ("anna", "bold", opened, clicked),
        ("anna", "bold", opened, None),
        ("ben", "plain", None, None),
    )
    sales = table(
        SALES,
        ("o0", "anna", 100, at("2026-02-22T23:59:59Z")),
        ("o1", "anna", 10, at("2026-02-23T00:00:00Z")),
        ("o2", "anna", 20, at("2026-03-01T23:59:59Z")),
        ("o3", "anna", 1, at("2026-03-02T00:00:00Z")),
        ("o3", "anna", 2, at("2026-03-02T00:00:00Z")),
        ("o4", "anna", 4, at("2026-03-03T23:59:59Z")),
        ("o5", "anna", 8, at("2026-03-04T00:00:00Z")),
        ("o6", "hugo", 16, at("2026-03-03T00:00:00Z")),
        ("o7", "zoe", 32, at("2026-03-03T00:00:00Z")),
        ("o8", None, 64, at("2026-03-03T00:00:00Z")),
    )
    left_out = table(LEFT_OUT, ("hugo", "hold_out"), ("hugo", "hold_out"), ("ben", "plain"))
    anna, ben, hugo = of_customers(letters, left_out, sales, NIGHTS, before_days=7).to_pylist()
    assert anna == {
        "customer_id": "anna",
        "arm": "bold",
        "opened": 2,
        "clicked": 1,
        "turnover": 7,
        "purchases": 2,
        "turnover_before": 30,
        "purchases_before": 2,
    }
    assert (ben["arm"], ben["turnover"], ben["opened"]) == ("plain", 0, 0)
    assert (hugo["arm"], hugo["turnover"], hugo["purchases"]) == ("hold_out", 16, 1)


def test_who_changed_arms_has_a_row_in_each():
    letters = table(LETTERS, ("anna", "bold", None, None), ("anna", "plain", None, None))
    left_out = table(LEFT_OUT, ("anna", "hold_out"))
    found = of_customers(letters, left_out, table(SALES), NIGHTS, before_days=7)
    assert found["arm"].to_pylist() == ["bold", "hold_out", "plain"]


def test_nobody_is_nobody():
    none = table(LETTERS), table(LEFT_OUT), table(SALES)
    assert of_customers(*none, NIGHTS, before_days=7).num_rows == 0


@pytest.mark.parametrize("seed", range(3))
def test_letters_without_effect_change_nothing_where_a_cap_binds(seed):
    """Of 4,000 customers 30 % buy little, and had this week's letter on an earlier night."""
    draws = np.random.default_rng(seed)
    arm_N = draws.choice(["hold_out", "bold", "plain"], 4_000, p=[0.1, 0.45, 0.45])
    is_inactive_N = draws.random(4_000) < 0.3
    spent_N = draws.exponential(np.where(is_inactive_N, 100, 2_000)).astype(int)
    is_capped_N = is_inactive_N & (arm_N == "bold")
    drawn = [(f"c{n}", arm) for n, arm in enumerate(arm_N.tolist())]
    is_written_to_N = (arm_N != "hold_out") & ~is_capped_N
    letters = [(*drawn[n], None, None) for n in np.flatnonzero(is_written_to_N)]
    left_out = table(LEFT_OUT, *(drawn[n] for n in np.flatnonzero(~is_written_to_N)))
    noon = at("2026-03-02T12:00:00Z")
    sales = [(f"o{n}", f"c{n}", spent, noon) for n, spent in enumerate(spent_N.tolist())]
    customers = of_customers(table(LETTERS, *letters), left_out, table(SALES, *sales), NIGHTS, 7)
    for control, arms in (("hold_out", ["bold", "plain"]), ("plain", ["bold", "hold_out"])):
        rows = uplifts(customers, "turnover", control).to_pylist()
        assert [row["arm"] for row in rows] == arms
        assert all(row["difference_low"] < 0 < row["difference_high"] for row in rows)
    assert sorted(customers["customer_id"].to_pylist()) == sorted(c for c, _ in drawn)

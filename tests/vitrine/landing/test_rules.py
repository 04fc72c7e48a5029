from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from vitrine.contracts import TABLES
from vitrine.landing import rules

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A_DAY = timedelta(days=1)
NOTHING = pa.chunked_array([], pa.string())


def events(*rows: tuple[str, timedelta]) -> pa.Table:
    """Rows of `event_id` and how long before noon it occurred; all are received at noon."""
    return pa.table(
        {
            "event_id": pa.array([name for name, _ in rows], pa.string()),
            "occurred_at": pa.array([NOON - age for _, age in rows], pa.timestamp("us", tz="UTC")),
            "received_at": pa.array([NOON] * len(rows), pa.timestamp("us", tz="UTC")),
            "_file": pa.array(["events.csv"] * len(rows)),
            "_row": pa.array(range(1, len(rows) + 1), pa.int64()),
        }
    )


def refused(out: pa.Table) -> list[tuple]:
    return list(zip(*(out[name].to_pylist() for name in ("row", "reason", "detail")), strict=True))


def test_of_equal_keys_the_first_row_stays():
    kept, out = rules.refuse(
        TABLES["events"], events(("a", A_DAY), ("b", A_DAY), ("a", A_DAY)), NOTHING, A_DAY
    )
    assert kept["_row"].to_pylist() == [1, 2]
    assert refused(out) == [(3, "duplicate", "a")]


def test_a_key_that_came_in_an_earlier_drop_is_refused():
    seen = pa.chunked_array([pa.array(["b"])])
    kept, out = rules.refuse(TABLES["events"], events(("a", A_DAY), ("b", A_DAY)), seen, A_DAY)
    assert kept["event_id"].to_pylist() == ["a"]
    assert refused(out) == [(2, "duplicate", "b")]


def test_exactly_late_after_is_in_time_and_a_microsecond_more_is_not():
    late = A_DAY + timedelta(microseconds=1)
    kept, out = rules.refuse(TABLES["events"], events(("a", A_DAY), ("b", late)), NOTHING, A_DAY)
    assert kept["event_id"].to_pylist() == ["a"]
    assert refused(out) == [(2, "too_late", "b")]


def test_a_late_duplicate_is_counted_once_as_a_duplicate():
    kept, out = rules.refuse(
        TABLES["events"], events(("a", A_DAY * 3), ("a", A_DAY * 3)), NOTHING, A_DAY
    )
    assert kept.num_rows == 0
    assert refused(out) == [(1, "too_late", "a"), (2, "duplicate", "a")]


def test_no_rows_give_no_rows():
    kept, out = rules.refuse(TABLES["events"], events(), NOTHING, A_DAY)
    assert (kept.num_rows, out.num_rows) == (0, 0)


def test_a_withdrawal_of_consent_is_never_too_late():
    rows = pa.table(
        {
            "consent_id": ["c1"],
            "changed_at": pa.array([NOON - A_DAY * 30], pa.timestamp("us", tz="UTC")),
            "received_at": pa.array([NOON], pa.timestamp("us", tz="UTC")),
        }
    )
    kept, _ = rules.refuse(TABLES["consents"], rows, NOTHING, A_DAY)
    assert kept.num_rows == 1


@pytest.mark.parametrize("kind", ["bounced", "complained", "unsubscribed", "opened"])
def test_an_email_event_is_never_too_late(kind):
    told = events(("m1", A_DAY * 30), ("m2", A_DAY), ("m1", A_DAY * 30))
    rows = told.rename_columns(["message_id", *told.column_names[1:]])
    rows = rows.append_column("kind", pa.array([kind] * len(rows)))
    kept, out = rules.refuse(TABLES["email_events"], rows, NOTHING, A_DAY)
    assert kept["message_id"].to_pylist() == ["m1", "m2"]
    assert refused(out) == [(3, "duplicate", "m1")]


def test_keys_of_several_columns_do_not_run_into_each_other():
    rows = pa.table({"order_id": ["1", "11"], "line": pa.array([11, 1], pa.int32())})
    assert len(set(rules.keys(TABLES["orders"], rows).to_pylist())) == 2


def test_a_customer_stays_out_of_the_detail():
    at = pa.array([NOON, NOON], pa.timestamp("us", tz="UTC"))
    rows = pa.table(
        {"customer_id": ["c", "c"], "received_at": at, "_file": ["f", "f"], "_row": [1, 2]}
    )
    _, out = rules.refuse(TABLES["customers"], rows, NOTHING, A_DAY)
    assert refused(out) == [(2, "duplicate", "")]


def test_refused_rows_must_say_where_they_stood():
    rows = events(("a", A_DAY), ("a", A_DAY)).drop_columns(["_file"])
    with pytest.raises(ValueError, match="carry no _file"):
        rules.refuse(TABLES["events"], rows, NOTHING, A_DAY)


def test_every_table_of_facts_is_a_ledger():
    facts = {
        name
        for name, table in TABLES.items()
        if {c.name for c in table.columns} & {"occurred_at", "changed_at", "suppressed_at"}
    }
    assert facts == rules.LEDGERS

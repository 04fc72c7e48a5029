from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_lists.handover.difference import COMPARED, content_digests, counts, difference
from tests.email_lists.written import SEND_AT, campaign, people, person, product
from vitrine.contracts import INSTANT
from vitrine.interval import parse_instant

SCHEMA = pa.schema([(n, INSTANT if n == "send_at" else pa.string()) for n in COMPARED])
STATES = st.dictionaries(
    st.sampled_from("abcd"),
    st.tuples(st.integers(0, 1), st.sampled_from(["x", "y", None]), st.sampled_from(["a@b", None])),
)


def rows(state):
    values = [
        (c, f"letter-{c}", SEND_AT + timedelta(hours=hour), digest, address)
        for c, (hour, digest, address) in state.items()
    ]
    columns = [dict(zip(COMPARED, row, strict=True)) for row in values]
    return pa.Table.from_pylist(columns, schema=SCHEMA)


@given(STATES, STATES, st.booleans())
def test_the_difference_is_what_a_slow_loop_finds(wanted, published, is_same_night):
    expected = {}
    for c in sorted({*wanted, *published}):
        if c not in published:
            expected[c] = "new"
        elif c not in wanted:
            expected[c] = "withdrawn"
        elif wanted[c][not is_same_night :] != published[c][not is_same_night :]:
            expected[c] = "changed"
    found = difference(rows(wanted), rows(published), is_same_night=is_same_night)
    kinds = dict(zip(found["customer_id"].to_pylist(), found["change"].to_pylist(), strict=True))
    assert list(kinds.items()) == list(expected.items())
    assert found["message_id"].to_pylist() == [f"letter-{c}" for c in expected]
    assert sum(counts(found, len(wanted)).values()) == len({*wanted, *published})


def digest(**said):
    [found] = content_digests(people([person(**said)]))["content_digest"].to_pylist()
    return found


@pytest.mark.parametrize(
    "said",
    [
        {"consent_id": None},
        {"segment": None},
        {"strategy": "premium"},
        {"products": []},
        {"products": [product(price=1234.51)]},
        {"products": [product(bought_today_count=3)]},
        {"products": [product(cause_name=None)]},
        {"products": [product(name="blue mug 1, Kiln", brand=None)]},
        {"products": [product(), product(2)]},
        {"campaigns": [campaign(reason="popular")]},
        {"campaigns": [campaign(closes_at=parse_instant("2026-03-09T06:00:00Z"))]},
        {"campaigns": [campaign(closes_at=None)]},
        {"campaigns": [campaign(opens_at=parse_instant("2026-03-02T07:00:00Z"))]},
    ],
)
def test_what_a_reader_sees_otherwise_is_another_letter(said):
    assert digest(**said) != digest()


def test_what_no_reader_sees_is_not():
    unseen: dict[str, Any] = {"probability": 0.2, "propensity": 0.1}
    assert digest() == digest(
        send_at=SEND_AT + timedelta(hours=1),
        products=[product(**unseen)],
        campaigns=[campaign(score=None)],
    )

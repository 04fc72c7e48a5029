"""What a history says as of many instants, beside passes over all of it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from training.peers.history import History
from training.ranker.past import Audience, Past

END = datetime(2026, 3, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
instant = st.integers(1, 60).map(lambda hours: END - hours * HOUR)
# Clocks that go wrong have a purchase received before it was made.
purchase = st.tuples(st.sampled_from("uvwxyz"), st.sampled_from("abcd"), instant, instant)
history = st.lists(purchase, min_size=1, max_size=40).map(
    lambda rows: History.of(
        pd.DataFrame(rows, columns=["customer_id", "campaign_id", "occurred_at", "received_at"]),
        END,
    )
)
codes = st.sets(st.integers(0, 5)).map(lambda found: np.array(sorted(found), dtype=np.int64))
quick = settings(max_examples=60, deadline=None)


def listed(known: History) -> list[tuple]:
    """Every purchase of a history, with ids instead of codes."""
    columns = (
        known.customer_ids[known.customer_P],
        known.campaign_ids[known.campaign_P],
        known.order_P,
        known.age_days_P,
        known.received_at_P,
    )
    return list(zip(*(column.tolist() for column in columns), strict=True))


@quick
@given(history, codes, instant)
def test_some_customers_history_is_theirs_of_the_whole(whole, customer_N, as_of):
    customer_N = customer_N[customer_N < len(whole.customer_ids)]
    names = set(whole.customer_ids[customer_N])
    found = Past(whole).of_customers(customer_N, as_of)
    assert found.as_of == as_of
    assert listed(found) == [row for row in listed(whole.before(as_of)) if row[0] in names]


@quick
@given(history, codes, instant)
def test_some_campaigns_history_tells_first_orders(whole, campaign_N, as_of):
    campaign_N = campaign_N[campaign_N < len(whole.campaign_ids)]
    known = whole.before(as_of)
    since_P, count_P = known.order_places()
    is_asked_P = np.isin(known.campaign_P, campaign_N)
    found, is_first_P = Past(whole).of_campaigns(campaign_N, as_of)
    assert listed(found) == listed(known.where(is_asked_P))
    assert is_first_P.tolist() == (since_P == count_P - 1)[is_asked_P].tolist()


@quick
@given(history, instant)
def test_an_audience_is_counted_as_in_the_whole(whole, as_of):
    found, expected = Past(whole).audience(as_of), Audience.of(whole.before(as_of))
    assert found.customer_count == expected.customer_count
    assert found.buyers_C.tolist() == expected.buyers_C.tolist()


@quick
@given(history, instant, st.integers(1, 3), st.integers(1, 4))
def test_the_newest_customers_are_those_who_bought_last(whole, as_of, days, most):
    known = whole.before(as_of)
    within = [c for c, age in zip(known.customer_P, known.age_days_P, strict=True) if age <= days]
    expected = list(dict.fromkeys(reversed(within)))[:most]
    found = Past(whole).newest(as_of, days, most)
    assert set(expected) <= set(found)
    assert len(found) <= most
    assert sorted(found) == list(found)

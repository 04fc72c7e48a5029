from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.peers.history import History
from training.sequence.events import Activity, Events, Steps
from training.sequence.terms import HALF_LIFE_DAYS, Questions, Terms

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
CUSTOMERS, CAMPAIGNS = 3, 4

drawn_events = st.lists(
    st.tuples(
        st.integers(0, CUSTOMERS - 1),
        st.integers(0, CAMPAIGNS - 1),
        st.sampled_from([0.25, 0.5, 1.5, 3.0, 20.0, 40.5]),
        st.booleans(),
    ),
    max_size=20,
    unique=True,
).map(lambda rows: made(rows))


def made(rows) -> Events:
    customer, campaign, age, is_purchase = np.array(rows).reshape(-1, 4).T
    return Events.of(AS_OF, customer.astype(np.int64), campaign.astype(np.int64), age.astype(float),
                     is_purchase.astype(bool), CUSTOMERS)  # fmt: skip


def slow_events(events: Events, customer: int) -> list[tuple[float, bool, int]]:
    """Return (age, is purchase, campaign) of a customer in time."""
    rows = zip(events.customer_E, events.age_days_E, events.is_purchase_E, events.campaign_E,
               strict=True)  # fmt: skip
    return [(age, bool(bought), int(c)) for u, age, bought, c in rows if u == customer]


def slow_asked(events: Events, length: int) -> list[tuple[int, int]]:
    """Return (customer, position among all of the customer's events) of what counts."""
    asked = []
    for customer in range(CUSTOMERS):
        every = slow_events(events, customer)
        oldest = max(0, len(every) - length)
        for place, (age, bought, _) in enumerate(every):
            is_first = place == 0 or every[place - 1][:2] != (age, bought)
            has_step = place > oldest or (place == 0 and oldest == 0)
            if bought and is_first and has_step:
                asked.append((customer, place))
    return asked


def test_events_stand_in_time_with_views_before_purchases():
    events = made([(0, 3, 1.5, 1), (0, 1, 1.5, 1), (0, 2, 1.5, 0), (0, 0, 3.0, 1), (1, 0, 9.0, 1)])
    assert events.customer_E.tolist() == [0, 0, 0, 0, 1]
    assert events.campaign_E.tolist() == [0, 2, 1, 3, 0]
    assert events.begins_E.tolist() == [True, True, True, False, True]


@settings(max_examples=150, deadline=None)
@given(drawn_events, st.sampled_from([2, 4, 100]))
def test_only_the_first_articles_of_orders_are_asked_for(events, length):
    start_U, end_U = events.spans(length)
    first_U = np.append(0, end_U[:-1])
    found = [
        (int(events.customer_E[e]), int(e - first_U[events.customer_E[e]]))
        for e in events.asked(length)
    ]
    assert found == slow_asked(events, length)
    assert (end_U - start_U).tolist() == [
        min(length, len(slow_events(events, u))) for u in range(CUSTOMERS)
    ]


@settings(max_examples=100, deadline=None)
@given(drawn_events, st.integers(0, 5))
def test_a_shuffle_stays_within_orders_and_counts_the_same(events, seed):
    shuffled = events.shuffled(np.random.default_rng(seed))
    assert shuffled.asked(100).tolist() == events.asked(100).tolist()
    basket = np.cumsum(events.begins_E)
    for number in np.unique(basket):
        assert sorted(shuffled.campaign_E[basket == number]) == sorted(
            events.campaign_E[basket == number]
        )


def test_shuffles_differ_from_epoch_to_epoch():
    events = made([(0, campaign, 1.5, 1) for campaign in range(4)])
    rng = np.random.default_rng(0)
    assert len({tuple(events.shuffled(rng).campaign_E) for _ in range(20)}) > 5


@settings(max_examples=150, deadline=None)
@given(drawn_events)
def test_steps_agree_with_a_slow_loop(events):
    start_U, end_U = events.spans(100)
    steps = Steps.of(events, start_U, end_U)
    for customer in range(CUSTOMERS):
        every = slow_events(events, customer)
        for step in range(len(every) + 1):
            next_age = every[step][0] if step < len(every) else 0.0
            found = steps.time_BSF[customer, step]
            season = 2 * np.pi * (AS_OF.timestamp() / 86_400 - next_age) / 365.25
            assert found[2:4] == pytest.approx([np.sin(season), np.cos(season)], abs=1e-4)
            if step == 0:
                assert steps.campaign_BS[customer, 0] == -1
                assert found[[0, 1, 4, 5]].tolist() == [0, 0, 0, 0]
                continue
            age, bought, campaign = every[step - 1]
            before = every[step - 2][0] if step > 1 else age
            assert steps.campaign_BS[customer, step] == campaign
            assert found[[0, 1]] == pytest.approx(
                np.log1p([age - next_age, before - age]), abs=1e-5
            )
            assert found[[4, 5]].tolist() == [1, bought]
        assert (steps.campaign_BS[customer, len(every) + 1 :] == -1).all()


@settings(max_examples=150, deadline=None)
@given(drawn_events)
def test_terms_agree_with_a_slow_loop_over_what_came_before(events):
    terms = Terms(events, CAMPAIGNS)
    start_U, end_U = events.spans(100)
    event_Q = events.asked(100)
    # Every first article is asked for, and what each customer wants now.
    asked = Questions(
        np.concatenate([start_U[events.customer_E[event_Q]], start_U]),
        np.concatenate([event_Q, end_U]),
        np.concatenate([events.age_days_E[event_Q], np.zeros(CUSTOMERS)]),
    )
    matrix = terms.matrix(asked, np.arange(CAMPAIGNS))
    everything = [row for customer in range(CUSTOMERS) for row in slow_events(events, customer)]
    customers = [*events.customer_E[event_Q], *range(CUSTOMERS)]
    for question, (customer, now) in enumerate(zip(customers, asked.age_days_Q, strict=True)):
        from_day = np.floor(now) + 1 if now > 0 else 0
        for campaign in range(CAMPAIGNS):
            sold = [age for age, bought, c in everything if bought and c == campaign]
            popular = sum(from_day <= np.floor(age) < from_day + 14 for age in sold)
            own = [
                age - now
                for age, bought, c in slow_events(events, customer)
                if bought and c == campaign and (age > now or question >= len(event_Q))
            ]
            faded = sum(0.5 ** (age / HALF_LIFE_DAYS) for age in own)
            expected = np.log1p([popular, faded, len(own)])
            assert matrix[question, campaign] == pytest.approx(expected, rel=1e-4)
    question_R, campaign_R = (each.ravel() for each in np.indices(matrix.shape[:2]))
    pairs = terms.pairs(asked, question_R, campaign_R)
    np.testing.assert_allclose(pairs.reshape(matrix.shape), matrix, rtol=1e-6)
    assert not terms.pairs(asked, question_R, np.full(len(question_R), -1)).any()


def test_views_are_put_between_purchases_and_bring_new_ids():
    instants = pd.to_datetime(["2026-05-01", "2026-05-20"], utc=True)
    bought = pd.DataFrame({"customer_id": ["b", "b"], "campaign_id": ["k1", "k2"],
                           "occurred_at": instants, "received_at": instants})  # fmt: skip
    seen = pd.to_datetime(["2026-05-10", "2026-05-30"], utc=True)
    looks = {"customer_id": ["b", "a"], "campaign_id": ["k9", "k2"]}
    views = pd.DataFrame(looks).assign(occurred_at=seen, available_at=seen)
    activity = Activity.of(History.of(bought, AS_OF), views)
    assert activity.customer_ids.tolist() == ["b", "a"]
    assert activity.campaign_ids.tolist() == ["k1", "k2", "k9"]
    assert activity.events.campaign_E.tolist() == [0, 2, 1, 1]
    assert activity.events.is_purchase_E.tolist() == [True, False, True, False]
    assert activity.events.age_days_E.tolist() == [31, 22, 12, 2]

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.peers.baskets import REACH_DAYS, Baskets
from training.peers.history import History
from training.peers.mlp_baskets import basket_loss
from training.peers.recent_sales import recent_sales

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
purchases = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("vwxyz"), st.integers(1, 500)),
    min_size=1,
    max_size=40,
)


def history(rows) -> History:
    frame = pd.DataFrame(rows, columns=["customer_id", "campaign_id", "days"])
    frame["occurred_at"] = AS_OF - frame.pop("days") * timedelta(days=1)
    return History.of(frame.assign(received_at=frame["occurred_at"]), AS_OF)


@settings(max_examples=60, deadline=None)
@given(purchases)
def test_orders_and_what_came_before_are_those_of_a_slow_loop(rows):
    made = history(rows)
    baskets = Baskets.of(made, half_life_days=10.0)
    expected = {}
    for customer, day in {(customer, day) for customer, _, day in rows}:
        before, basket = np.zeros((2, len(made.campaign_ids)))
        for who, campaign, then in set(rows):
            if who == customer and then - day <= REACH_DAYS:
                before[made.campaign_ids == campaign] += 0.5 ** ((then - day) / 10) * (then > day)
                basket[made.campaign_ids == campaign] += then == day
        if any(who == customer and then > day for who, _, then in rows):
            expected[customer, day] = (before, basket)
    places = zip(made.customer_ids[baskets.customer_O], baskets.day_O.tolist(), strict=True)
    order = {place: number for number, place in enumerate(places)}
    assert order.keys() == expected.keys()
    for place, (before, basket) in expected.items():
        np.testing.assert_allclose(baskets.before_OC[order[place]].toarray()[0], before, rtol=1e-5)
        np.testing.assert_array_equal(baskets.basket_OC[order[place]].toarray()[0], basket)
    assert (np.diff(baskets.day_O) <= 0).all()


@settings(max_examples=40, deadline=None)
@given(purchases)
def test_popularity_of_each_day_is_that_of_a_slow_loop(rows):
    made = history(rows)
    found = recent_sales(made.age_days_P, made.campaign_P, len(made.campaign_ids), 7).toarray()
    for day in range(len(found)):
        is_in = (made.age_days_P.astype(int) >= day) & (made.age_days_P.astype(int) < day + 7)
        expected = np.bincount(made.campaign_P[is_in], minlength=len(made.campaign_ids))
        np.testing.assert_array_equal(found[day], expected)
    # An order d whole days ago looks at row d + 1, so every order has one.
    assert len(found) == made.age_days_P.astype(int).max() + 2
    assert not found[-1].any()


def test_baskets_of_an_earlier_instant_know_nothing_later():
    made = history([("b", "v", 90), ("b", "w", 50), ("b", "x", 10), ("a", "v", 9)])
    found = Baskets.of(made.before(AS_OF - timedelta(days=20)), half_life_days=10.0)
    assert found.basket_OC.toarray().tolist() == [[0, 1, 0]]
    assert found.before_OC.toarray()[0] == pytest.approx([0.5**4, 0, 0])


def test_the_loss_of_a_basket_is_the_mean_over_what_it_held():
    logits = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    basket = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    expected = (np.log(3) + np.log(np.e + 2) - 1) / 2
    assert float(basket_loss(logits, basket)) == pytest.approx(expected)

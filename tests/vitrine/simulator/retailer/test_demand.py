import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitrine.simulator.retailer.demand import spread

WEIGHTS = st.lists(st.one_of(st.just(0.0), st.floats(0.01, 100)), max_size=30)


@given(WEIGHTS, st.integers(0, 50), st.integers(0, 5))
def test_places_are_drawn_by_weight_and_evenly(weights, count, seed):
    places = spread(np.random.default_rng(seed), np.array(weights), count)
    if not sum(weights):
        assert not len(places)
        return
    assert len(places) == count
    drawn = np.bincount(places, minlength=len(weights))
    expected = count * np.array(weights) / sum(weights)
    assert (np.abs(drawn - expected) < 1 + 1e-6).all()
    assert not drawn[np.array(weights) == 0].any()


def test_nobody_orders_before_the_first_order_or_before_registering(history):
    book = history.book
    first = history.sales.groupby("customer")["day"].min()
    debut = book.customers.debut_N[first.index]
    joined = book.shop.joined_on(first.index.to_numpy())
    assert (first >= debut).all()
    assert (first >= joined).all()
    assert (first[joined >= 0] == joined[joined >= 0]).mean() > 0.99


def test_a_few_customers_buy_most_and_many_buy_little(history):
    lines = history.sales.groupby("customer").size()
    assert 18 < lines.mean() < 28
    assert 6 < lines.median() < 12
    assert lines.nlargest(len(lines) // 10).sum() > 0.35 * lines.sum()


def test_a_visit_has_a_few_lines(history):
    sizes = history.sales.groupby(["day", "basket"]).size()
    assert 3 < sizes.mean() < 4
    assert sizes.min() == 1


def test_who_bought_lately_comes_sooner_than_who_did_not(history):
    days = history.sales[["customer", "day"]].drop_duplicates().sort_values(["customer", "day"])
    gaps = days.groupby("customer")["day"].diff().dropna()
    weekly = np.histogram(gaps, np.arange(1, 85, 7))[0]
    assert (np.diff(weekly) < 0).mean() > 0.8
    assert weekly[0] > 3 * weekly[7]


def test_a_mood_holds_for_a_spell_and_is_forgotten_after_it(history):
    weights = [history.book.orders.demand.weights(day) for day in (400, 407, 428)]
    buys = weights[0] > 0
    week, month = (
        np.abs(np.log(later[: len(buys)][buys] / weights[0][buys])) for later in weights[1:]
    )
    assert (week < 0.1).mean() > 0.65
    assert (month < 0.1).mean() < 0.2

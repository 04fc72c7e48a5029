import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from email_lists.slates import allocation
from email_lists.slates.allocation import allocate, rooms, scarcity, worth
from email_lists.slates.places import Candidates, Offers, Places, choose

ONE = Places((1,), brand_limit=None)


def offers(worth_O: list[float], room_O: list[float]) -> Offers:
    """Lay out offers of brands and products of their own."""
    own_O = np.arange(len(worth_O), dtype=np.int32)
    return Offers(np.array(worth_O, float), np.array(room_O, float), own_O, own_O)


def market(seed: int, customers: int = 40, width: int = 8, count: int = 12) -> Candidates:
    """Draw distinct candidates of every customer."""
    draws = np.random.default_rng(seed)
    offer_NC = np.argsort(draws.random((customers, count)), axis=1)[:, :width]
    return Candidates(
        offer_NC.astype(np.int32),
        draws.integers(0, 2, (customers, width)).astype(np.int8),
        (0.3 * draws.random((customers, width))).astype(np.float32),
    )


def shown(candidates: Candidates, chosen_NK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return offer and probability of every filled place."""
    row, place = np.nonzero(chosen_NK >= 0)
    column = chosen_NK[row, place]
    return candidates.offer_NC[row, column], candidates.probability_NC[row, column].astype(float)


def best_possible(candidates: Candidates, of: Offers, places: Places) -> float:
    """Solve the linear programme with parts of customers allowed: nothing whole is worth more."""
    offer, slot = candidates.offer_NC.ravel(), candidates.slot_NC.ravel()
    probability = candidates.probability_NC.ravel().astype(float)
    of_customer = np.repeat(np.arange(candidates.count), candidates.offer_NC.shape[1])
    limits, bounds = [], []
    for o, room in enumerate(of.room_O):
        limits.append(np.where(offer == o, probability, 0))
        bounds.append(room)
    for customer in range(candidates.count):
        for kind, quota in enumerate(places.quotas):
            limits.append(((of_customer == customer) & (slot == kind)).astype(float))
            bounds.append(quota)
    gain = probability * of.worth_O[offer]
    solved = linprog(-gain, A_ub=np.array(limits), b_ub=bounds, bounds=(0, 1))
    return float(-solved.fun)


def test_the_last_piece_goes_to_whoever_has_nothing_as_good():
    """The first customer likes it more, but likes the other nearly as well."""
    candidates = Candidates(
        np.array([[0, 1], [0, 1]], np.int32),
        np.zeros((2, 2), np.int8),
        np.array([[0.5, 0.45], [0.4, 0.05]], np.float32),
    )
    found = allocate(candidates, offers([10, 10], [0.5, np.inf]), ONE, seed=1)
    assert found.chosen_NK.tolist() == [[1], [0]]
    assert found.scarcity_O[0] > 0 == found.scarcity_O[1]
    assert found.expected_O == pytest.approx([0.4, 0.45])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 2), st.sampled_from([None, 1, 2]))
def test_no_offer_is_ever_promised_beyond_its_room(seed, room, brand_limit):
    draws = np.random.default_rng(seed)
    of = Offers(
        draws.integers(1, 9, 12).astype(float),
        np.where(draws.random(12) < 0.2, np.inf, room * draws.random(12)),
        draws.integers(0, 4, 12).astype(np.int32),
        draws.integers(0, 10, 12).astype(np.int32),
    )
    candidates = market(seed)
    before = candidates.offer_NC.copy()
    found = allocate(candidates, of, Places((2, 1), brand_limit=brand_limit), seed)
    offer, probability = shown(candidates, found.chosen_NK)
    demand_O = np.array([probability[offer == o].sum() for o in range(12)])
    assert (demand_O <= of.room_O).all()
    assert found.expected_O == pytest.approx(demand_O)
    assert (candidates.offer_NC == before).all()


def test_what_is_shown_is_worth_nearly_what_is_possible():
    shares = []
    for seed in range(4):
        candidates, places = market(seed, customers=300), Places((2, 1), brand_limit=None)
        of = offers(np.random.default_rng(seed).integers(1, 20, 12).tolist(), [9.0] * 12)
        offer, probability = shown(candidates, allocate(candidates, of, places, 1).chosen_NK)
        value = float((probability * of.worth_O[offer]).sum())
        shares.append(value / best_possible(candidates, of, places))
    assert max(shares) <= 1

    assert min(shares) > 0.985


def test_some_of_the_customers_tell_the_prices_of_all():
    """Thrice the customers with thrice the stock pay the same, though a third of them is asked."""
    candidates, room = market(3, customers=allocation.SAMPLE), allocation.SAMPLE / 75
    thrice = candidates.take(np.tile(np.arange(allocation.SAMPLE), 3))
    of_all_O = scarcity(candidates, offers([5.0] * 12, [room] * 12), ONE, 1)
    of_some_O = scarcity(thrice, offers([5.0] * 12, [3 * room] * 12), ONE, 1)
    assert of_some_O.any()
    assert np.abs(of_some_O - of_all_O).mean() < 0.2 * of_all_O.mean()


def test_where_there_is_enough_nothing_has_a_price():
    candidates, of = market(3), offers([1.0] * 12, [100.0] * 12)
    found = allocate(candidates, of, ONE, seed=1)
    assert not found.scarcity_O.any()
    assert (found.chosen_NK == choose(candidates, of, ONE, np.zeros(12))).all()


def test_among_equals_turns_are_drawn():
    """Not the first customers always: the seed says whose turn it is."""
    equal = Candidates(
        np.zeros((40, 1), np.int32), np.zeros((40, 1), np.int8), np.full((40, 1), 0.5, np.float32)
    )
    of = offers([3.0], [10.0])
    winners = [
        np.flatnonzero(allocate(equal, of, ONE, seed).chosen_NK[:, 0] == 0) for seed in (1, 1, 2)
    ]
    assert [len(w) for w in winners] == [19, 19, 19]
    assert winners[0].tolist() == winners[1].tolist() != winners[2].tolist()


def test_a_small_wish_takes_the_room_that_is_too_small_for_a_larger_one():
    """One of the last two finds room, not both."""
    candidates = Candidates(
        np.zeros((4, 1), np.int32),
        np.zeros((4, 1), np.int8),
        np.array([[0.5], [0.3], [0.1], [0.1]], np.float32),
        np.array([[4], [2], [0.6], [0.61]], np.float32),
    )
    found = allocate(candidates, offers([5.0], [0.65]), ONE, seed=1)
    assert found.chosen_NK[:, 0].tolist() == [0, -1, -1, 0]


def test_a_pinned_offer_keeps_to_its_room_too():
    candidates = market(3)
    pinned = np.where(candidates.offer_NC == 4, 1e6, 1).astype(np.float32)
    candidates = Candidates(
        candidates.offer_NC, np.zeros_like(candidates.slot_NC), candidates.probability_NC, pinned
    )
    found = allocate(candidates, offers([5.0] * 12, [0.9] * 12), ONE, seed=1)
    assert 0.6 < found.expected_O[4] <= 0.9


def test_worth_is_the_margin_as_far_as_it_is_known():
    price, nowhere = np.array([10.0, 20.0, 5.0]), np.full(3, np.nan)
    assert worth(price, np.array([6.0, np.nan, 6.0])) == pytest.approx([4, 20 * 0.1, 0.05])
    assert worth(price, nowhere).tolist() == price.tolist()


def test_rooms_are_what_is_left_of_stock_times_factor():
    found = rooms(np.array([4.0, 0.0, np.nan]), 1.5, np.array([1.0, 2.0, 5.0]))
    assert found.tolist() == [5.0, 0.0, np.inf]

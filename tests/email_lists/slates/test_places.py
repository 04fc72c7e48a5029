import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from email_lists.slates.places import CHUNK, Candidates, Offers, Places, bids, choose

PLACES = Places((2, 1), fallback=2)


def wishes(draws: np.random.Generator, customers: int, width: int, offers: int) -> Candidates:
    """Draw candidates; some are missing, and some gains are below 0 or equal."""
    shape = (customers, width)
    return Candidates(
        offer_NC=draws.integers(-1, offers, shape).astype(np.int32),
        slot_NC=draws.integers(0, 3, shape).astype(np.int8),
        probability_NC=draws.integers(1, 5, shape).astype(np.float32) / 8,
        gain_NC=draws.integers(-1, 5, shape).astype(np.float32),
    )


def shelf(draws: np.random.Generator, offers: int) -> Offers:
    return Offers(
        worth_O=draws.integers(1, 9, offers).astype(float),
        room_O=np.full(offers, np.inf),
        brand_O=draws.integers(0, 3, offers).astype(np.int32),
        product_O=draws.integers(0, offers, offers).astype(np.int32),
    )


def chosen_slowly(
    candidates: Candidates, offers: Offers, places: Places, scarcity_O: np.ndarray, row: int
) -> list[int]:
    """Settle what was drawn; then walk down one customer's candidates twice, as places say."""
    chosen = [-1] * places.count
    assert candidates.gain_NC is not None
    net = {
        c: candidates.gain_NC[row, c] - scarcity_O[offer] * candidates.probability_NC[row, c]
        for c, offer in enumerate(candidates.offer_NC[row])
        if offer >= 0
    }
    ranked = sorted((c for c in net if net[c] >= 0), key=lambda c: (-net[c], c))
    drawn = [c for c in ranked if candidates.slot_NC[row, c] == places.drawn]
    if drawn:
        chosen[list(places.kind_K).index(places.drawn)] = drawn[0]
    for kinds in (list(places.kind_K), [places.fallback] * places.count):
        for c in ranked:
            shown = [candidates.offer_NC[row, k] for k in chosen if k >= 0]
            offer = candidates.offer_NC[row, c]
            of_brand = sum(offers.brand_O[s] == offers.brand_O[offer] for s in shown)
            again = any(offers.product_O[s] == offers.product_O[offer] for s in shown)
            free = [k for k, kind in enumerate(kinds) if kind == candidates.slot_NC[row, c]]
            free = [k for k in free if chosen[k] < 0]
            if free and not again and (places.brand_limit is None or of_brand < places.brand_limit):
                chosen[free[0]] = c
    return chosen


@settings(deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, 0, 1]),
    st.integers(0, 9),
)
def test_choosing_agrees_with_a_slow_loop(seed, brand_limit, drawn, width):
    draws = np.random.default_rng(seed)
    candidates, offers = wishes(draws, 4, width, 6), shelf(draws, 6)
    places = Places(PLACES.quotas, PLACES.fallback, brand_limit, drawn)
    scarcity_O = draws.integers(0, 5, 6).astype(float)
    found_NK = choose(candidates, offers, places, scarcity_O)
    for row in range(candidates.count):
        expected = chosen_slowly(candidates, offers, places, scarcity_O, row)
        assert found_NK[row].tolist() == expected


def test_likelier_products_of_its_brand_do_not_refuse_what_was_drawn():
    three = Candidates(
        np.arange(3, dtype=np.int32)[None],
        np.array([[1, 1, 0]], np.int8),
        np.array([[0.9, 0.8, 0.1]]),
    )
    of = Offers(np.ones(3), np.full(3, np.inf), np.zeros(3, np.int32), np.arange(3))
    assert choose(three, of, Places((1, 2), drawn=0), np.zeros(3)).tolist() == [[2, 0, -1]]
    assert choose(three, of, Places((1, 2)), np.zeros(3)).tolist() == [[-1, 0, 1]]


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_a_place_is_left_at_its_bid(seed):
    """Where places do not depend on each other: without brands, products twice, and a fallback."""
    draws = np.random.default_rng(seed)
    candidates, offers = wishes(draws, 1, 6, 6), shelf(draws, 6)
    candidates.offer_NC[0] = draws.permutation(6)
    places = Places(PLACES.quotas, brand_limit=None)
    offers = Offers(offers.worth_O, offers.room_O, offers.brand_O, np.arange(6, dtype=np.int32))
    scarcity_O = draws.integers(0, 3, 6).astype(float)
    chosen_NK = choose(candidates, offers, places, scarcity_O)
    bid_NK = bids(candidates, offers, places, scarcity_O, chosen_NK)
    for place in np.flatnonzero(chosen_NK[0] >= 0):
        offer = candidates.offer_NC[0, chosen_NK[0, place]]
        for beyond, is_shown in ((-0.01, True), (0.01, False)):
            moved_O = scarcity_O.copy()
            moved_O[offer] = bid_NK[0, place] + beyond
            again_NK = choose(candidates, offers, places, moved_O)
            shown = candidates.offer_NC[0, again_NK[0][again_NK[0] >= 0]]
            assert (offer in shown) == is_shown


def test_more_customers_than_a_chunk_are_served_alike():
    draws = np.random.default_rng(5)
    few, offers = wishes(draws, 3, 8, 6), shelf(draws, 6)
    row_N = draws.integers(0, 3, CHUNK + 5)
    of_few = choose(few, offers, PLACES, np.zeros(6))
    assert (choose(few.take(row_N), offers, PLACES, np.zeros(6)) == of_few[row_N]).all()


def test_of_nobody_nothing_is_chosen():
    draws = np.random.default_rng(5)
    nobody = wishes(draws, 0, 8, 6)
    assert choose(nobody, shelf(draws, 6), PLACES, np.zeros(6)).shape == (0, 3)


def test_with_a_fallback_less_is_lost():
    two = Candidates(
        np.array([[0, 1]], np.int32), np.array([[0, 1]], np.int8), np.full((1, 2), 0.5, np.float32)
    )
    of = Offers(np.array([8.0, 6.0]), np.full(2, np.inf), np.arange(2), np.arange(2))
    chosen_NK = np.zeros((1, 1), np.int16)
    for fallback, bid in ((1, 2.0), (None, 8.0)):
        assert bids(two, of, Places((1,), fallback), np.zeros(2), chosen_NK).tolist() == [[bid]]

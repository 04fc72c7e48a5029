"""What limited stock brings in a simulated shop, by where it goes."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import allocation
from benchmarks.allocated_shop import PLACES, Night, night
from benchmarks.allocation import (
    ALLOCATED,
    AS_LISTS,
    RANKED_WAYS,
    SCORE,
    UNLIMITED,
    WAYS,
    WORTH,
    outcomes,
)
from benchmarks.allocation_bound import best_possible
from benchmarks.ranked_shop import SEEN_T, RankedNight, ranked_night
from email_lists.slates.strategies import DRAWN
from vitrine.simulator.shop import Shop

SHOP = Shop(7, 600, allocation.FOUNDED_ON, brand_count=24, openings_per_day=2.0)


@pytest.fixture(scope="module")
def guessed() -> Night:
    return night(SHOP, 12, is_known=False)


def test_stock_goes_where_it_is_worth_most_and_never_too_often(guessed):
    found = {outcome.way: outcome for outcome in outcomes(guessed)}
    assert found[UNLIMITED].over_count > 0
    assert [found[way].over_count for way in (SCORE, WORTH, ALLOCATED)] == [0, 0, 0]
    assert found[ALLOCATED].sold > 1.02 * found[SCORE].sold
    assert found[ALLOCATED].sold > found[WORTH].sold
    assert found[SCORE].sold > found[UNLIMITED].sold


def test_what_was_drawn_for_a_customer_has_the_first_place_while_there_is_plenty(guessed):
    plenty = replace(guessed, stock_O=np.full_like(guessed.stock_O, 1e6))
    offer_NC, slot_NC = plenty.candidates.offer_NC, plenty.candidates.slot_NC
    is_drawn_NC = (slot_NC == DRAWN) & (offer_NC >= 0)
    has_one_N = is_drawn_NC.any(axis=1)
    assert 0.9 * len(offer_NC) < has_one_N.sum() == is_drawn_NC.sum()
    for choose in WAYS.values():
        first_N = choose(plenty, plenty.offers())[:, 0]
        assert (first_N == is_drawn_NC.argmax(axis=1))[has_one_N].all()


def test_the_page_says_whether_what_lists_do_sells_as_much_more_as_is_wanted(guessed, monkeypatch):
    found = {outcome.way: outcome.sold for outcome in outcomes(guessed)}
    gain = found[AS_LISTS] / found[SCORE] - 1
    for aim, verdict in ((gain - 0.001, "met"), (gain + 0.001, "missed")):
        monkeypatch.setitem(allocation.AIMS, "gain", aim)
        assert f"{gain:+.1%}, aim {aim:+.0%} or more: {verdict}." in allocation.value_page(
            [guessed], "one shop"
        )


def test_where_there_is_plenty_greed_by_worth_is_as_good(guessed):
    plenty = replace(guessed, stock_O=np.full_like(guessed.stock_O, 1e6))
    sold = {outcome.way: outcome.sold for outcome in outcomes(plenty)}
    assert sold[ALLOCATED] == sold[UNLIMITED] == pytest.approx(sold[WORTH], rel=0.01)


def test_guesses_mean_what_they_say_on_a_day_that_they_were_not_learnt_from(guessed):
    is_there_NC = guessed.candidates.offer_NC >= 0
    believed = guessed.candidates.probability_NC[is_there_NC].sum()
    assert believed == pytest.approx(guessed.true_NC[is_there_NC].sum(), rel=0.05)


def test_no_way_is_worth_more_than_the_linear_programme(guessed):
    few = replace(guessed, candidates=guessed.candidates.take(slice(0, 120)))
    few = replace(few, true_NC=few.true_NC[:120], stock_O=np.ceil(few.stock_O / 5))
    offers = few.offers()
    most = best_possible(few.candidates, offers, PLACES)
    shares = {
        way: few.expected_O(WAYS[way](few, offers), few.candidates.probability_NC) @ offers.worth_O
        for way in (SCORE, WORTH, ALLOCATED)
    }
    assert 0.9 * most < shares[ALLOCATED] < most
    assert shares[SCORE] < shares[WORTH] < most


@pytest.fixture(scope="module")
def ranked() -> RankedNight:
    shop = Shop(7, 1_500, allocation.FOUNDED_ON, brand_count=48, openings_per_day=4.0)
    return ranked_night(shop, 12, is_known=False)


def test_ranked_campaigns_sell_more_where_they_keep_to_the_stock(ranked):
    sold = {way: ranked.sold(show(ranked, 1.0), 50)[0] for way, show in RANKED_WAYS.items()}
    over = {
        way: (ranked.expected_K(show(ranked, 1.0)) > ranked.left_K * (1 + 1e-9)).sum()
        for way, show in RANKED_WAYS.items()
    }
    as_ranked, greedy, limited = RANKED_WAYS
    assert sold[limited] > 1.03 * sold[as_ranked]
    assert sold[limited] > sold[greedy]
    assert over[as_ranked] > 0 == over[greedy] == over[limited]


def test_where_there_is_plenty_campaigns_stay_as_ranked(ranked):
    plenty = replace(ranked, left_K=np.full_like(ranked.left_K, 1e6))
    assert (plenty.limited(1.0) == plenty.as_ranked(1.0)).all()


def test_guesses_of_ranked_campaigns_mean_what_they_say(ranked):
    true = SEEN_T.mean() * ranked.true_NT.sum()
    assert ranked.chance_NT[ranked.campaign_NT >= 0].sum() == pytest.approx(true, rel=0.15)

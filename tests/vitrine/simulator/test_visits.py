from datetime import date

import numpy as np
import pytest

from vitrine.simulator.campaigns import Calendar
from vitrine.simulator.catalogue import Catalogue, make_brands
from vitrine.simulator.population import Population, make_population
from vitrine.simulator.shop import Shop
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import KINDS, Events, Requests, Sessions, visit

SHOP = Shop.of_size(7, 600, date(2026, 3, 20))


@pytest.fixture(scope="module")
def people() -> Population:
    return make_population(SHOP)


@pytest.fixture
def offer() -> Offer:
    """A few days' campaigns of the first market."""
    brands = make_brands(SHOP)
    calendar = Calendar(SHOP, Catalogue(SHOP, brands))
    days = (date(2026, 3, day) for day in range(16, 20))
    return Offer.of([c for day in days for c in calendar.open_on(day, 0)], brands)


def play(people: Population, offer: Offer, start: int) -> tuple[Events, Requests]:
    """Let everyone of the market come at one instant."""
    members = people.members[0]
    count = len(members)
    nothing = np.zeros(count, np.int64)
    sessions = Sessions(members, np.full(count, start), nothing, nothing.astype(bool))
    bought = np.zeros((count, len(offer.campaigns)), np.int16)
    return visit(np.random.default_rng(0), people, offer, sessions, bought)


def test_who_comes_just_before_the_close_cannot_go_on_after_it(people, offer):
    closes = int(np.sort(offer.closes_at_J)[0])
    events, requests = play(people, offer, closes - 100)
    closing = np.flatnonzero(offer.closes_at_J == closes)
    for campaign, at in ((events.campaign_E, events.at_E), (requests.campaign_R, requests.at_R)):
        assert (at[np.isin(campaign, closing)] < closes).all()
        assert len(at) > 0
    assert np.isin(events.campaign_E, closing).any()


def test_who_comes_earlier_can(people, offer):
    closes = int(np.sort(offer.closes_at_J)[0])
    _, requests = play(people, offer, closes - 7_200)
    assert np.isin(requests.campaign_R, np.flatnonzero(offer.closes_at_J == closes)).any()


def test_a_page_shows_each_campaign_at_most_once_in_consecutive_places(people, offer):
    events, _ = play(people, offer, int(offer.opens_at_J.max()) + 60)
    shown = events.kind_E == KINDS.index("impression")
    for session in np.unique(events.session_E[shown])[:50]:
        mine = shown & (events.session_E == session)
        assert sorted(events.position_E[mine]) == list(range(1, mine.sum() + 1))
        assert len(set(events.campaign_E[mine])) == mine.sum()


def test_what_is_sold_out_is_not_put_into_a_cart(people, offer):
    gone = offer.campaigns[0]
    gone.left_P = np.zeros_like(gone.left_P)
    gone.left_P[0] = 1
    events, requests = play(people, offer, int(offer.opens_at_J.max()) + 60)
    carted = (events.kind_E == KINDS.index("add_to_cart")) & (events.campaign_E == 0)
    assert set(events.product_E[carted]) <= {0}
    assert set(requests.product_R[requests.campaign_R == 0]) <= {0}
    assert (events.campaign_E == 0).any()

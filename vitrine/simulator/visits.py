"""What visitors see and do on one local day in one market: a page, clicks, looks, carts, requests.

Everything is drawn for all sessions at once. Instants are int64 seconds since the epoch. Letters in
names are axes: S sessions, J campaigns, V campaign views, K product looks.
"""

from dataclasses import dataclass

import numpy as np

from vitrine.simulator import taste
from vitrine.simulator.population import Population
from vitrine.simulator.taste import Offer
from vitrine.simulator.vocabulary import COLOURS

KINDS = (
    "impression",
    "campaign_view",
    "product_view",
    "search",
    "add_to_cart",
    "checkout_start",
)
ANONYMOUS_SHARE = 0.08
"""Visitors who are not logged in; they can look, but not order."""
SEARCH_SHARE = 0.2
"""Visits that begin with a search and go straight to a campaign that the customer likes."""
SHORTEST_PAGE = 5
MEAN_SCROLL = 5.0
MEAN_MORE_LOOKS = 1.2
MEAN_LOOKS = 1 + MEAN_MORE_LOOKS
COLOUR_WEIGHT = 0.7
QUANTITY_SHARES = (0.88, 0.1, 0.02)
_COLOUR_NUMBER = {name: n for n, name in enumerate(COLOURS)}


@dataclass(frozen=True)
class Sessions:
    """Who comes when; arrays of length S."""

    customer_S: np.ndarray
    start_S: np.ndarray
    device_S: np.ndarray
    is_anonymous_S: np.ndarray


@dataclass(frozen=True)
class Events:
    """Events in no particular order; -1 means none. Arrays of length E."""

    kind_E: np.ndarray
    session_E: np.ndarray
    campaign_E: np.ndarray
    product_E: np.ndarray
    position_E: np.ndarray
    at_E: np.ndarray

    def only(self, is_kept_E: np.ndarray) -> "Events":
        """Return some of the events."""
        return Events(**{name: column[is_kept_E] for name, column in vars(self).items()})

    def by_time(self) -> np.ndarray:
        """Return the order in which they are reported."""
        return np.argsort(self.at_E, kind="stable")


@dataclass(frozen=True)
class Requests:
    """Order lines that customers wish to buy; arrays of length R."""

    session_R: np.ndarray
    campaign_R: np.ndarray
    product_R: np.ndarray
    quantity_R: np.ndarray
    at_R: np.ndarray

    def only(self, is_kept_R: np.ndarray) -> "Requests":
        """Return some of the requests."""
        return Requests(**{name: column[is_kept_R] for name, column in vars(self).items()})

    def by_time(self) -> np.ndarray:
        """Return the order in which they become order lines: by instant, then by session."""
        return np.lexsort((self.session_R, self.at_R))


@dataclass(frozen=True)
class Landing:
    """What a letter's link opens in each session: a campaign, or in it a product; length S."""

    campaign_S: np.ndarray
    product_S: np.ndarray
    """Place in the campaign, -1 for none."""


def visit(
    draws: np.random.Generator,
    people: Population,
    offer: Offer,
    sessions: Sessions,
    bought_SJ: np.ndarray,
    landing: Landing | None = None,
) -> tuple[Events, Requests]:
    """Play all sessions of a day; the offer holds one campaign at least."""
    utility_SJ = taste.utility(people, sessions.customer_S, offer, bought_SJ)
    start_S = sessions.start_S
    open_SJ = (offer.opens_at_J <= start_S[:, None]) & (start_S[:, None] < offer.closes_at_J)
    open_SJ &= np.array([bool(c.left_P.any()) for c in offer.campaigns])
    place_SJ, shown_SJ = _page(draws, offer, start_S, open_SJ)
    searched_SJ = _searched(draws, utility_SJ, open_SJ)
    chance_SJ = taste.click_chance(utility_SJ, place_SJ + 1)
    clicked_SJ = shown_SJ & (draws.random(place_SJ.shape) < chance_SJ)
    turn_SJ, viewed_SJ = place_SJ, clicked_SJ | searched_SJ
    if landing:
        rows = np.arange(len(start_S))
        turn_SJ = place_SJ.copy()
        turn_SJ[rows, landing.campaign_S] = -1
        viewed_SJ[rows, landing.campaign_S] = True
    views = _views(draws, sessions, turn_SJ, viewed_SJ)
    looks = _looks(draws, people, offer, sessions, utility_SJ, views, landing)
    checkout_S, paid_S = _checkouts(draws, sessions, looks)
    events = _events(sessions, place_SJ, shown_SJ, searched_SJ, views, looks, checkout_S)
    return _while_open(events, offer), _requests(draws, offer, looks, checkout_S, paid_S)


@dataclass(frozen=True)
class _Views:
    session_V: np.ndarray
    campaign_V: np.ndarray
    at_V: np.ndarray


@dataclass(frozen=True)
class _Looks:
    session_K: np.ndarray
    campaign_K: np.ndarray
    product_K: np.ndarray
    at_K: np.ndarray
    is_carted_K: np.ndarray


def _page(
    draws: np.random.Generator, offer: Offer, start_S: np.ndarray, open_SJ: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Order the page: fresh and appealing campaigns first, the same for all but for chance."""
    age_SJ = (start_S[:, None] - offer.opens_at_J) / 86_400
    score_SJ = 0.3 * offer.appeal_J - 0.1 * age_SJ + draws.gumbel(size=open_SJ.shape)
    order_SJ = np.argsort(np.where(open_SJ, -score_SJ, np.inf), axis=1, kind="stable")
    place_SJ = np.empty_like(order_SJ)
    np.put_along_axis(place_SJ, order_SJ, np.arange(order_SJ.shape[1])[None, :], axis=1)
    length_S = SHORTEST_PAGE + draws.poisson(MEAN_SCROLL, len(start_S))
    return place_SJ, open_SJ & (place_SJ < length_S[:, None])


def _searched(
    draws: np.random.Generator, utility_SJ: np.ndarray, open_SJ: np.ndarray
) -> np.ndarray:
    """Pick, for some sessions, one campaign by taste: softmax of 1.6 × utility."""
    score_SJ = np.where(open_SJ, 1.6 * utility_SJ + draws.gumbel(size=open_SJ.shape), -np.inf)
    searches_S = (draws.random(len(open_SJ)) < SEARCH_SHARE) & open_SJ.any(axis=1)
    searched_SJ = np.zeros(open_SJ.shape, bool)
    rows = np.flatnonzero(searches_S)
    searched_SJ[rows, np.argmax(score_SJ[rows], axis=1)] = True
    return searched_SJ


def _views(
    draws: np.random.Generator, sessions: Sessions, place_SJ: np.ndarray, viewed_SJ: np.ndarray
) -> _Views:
    """Visit the chosen campaigns down the page, about a minute and a half each."""
    session_V, campaign_V = np.nonzero(viewed_SJ)
    order = np.lexsort((place_SJ[session_V, campaign_V], session_V))
    session_V, campaign_V = session_V[order], campaign_V[order]
    turn_V = _turns(session_V)
    pause_V = draws.integers(0, 25, len(session_V))
    return _Views(session_V, campaign_V, sessions.start_S[session_V] + 40 + 90 * turn_V + pause_V)


def _turns(sorted_N: np.ndarray) -> np.ndarray:
    """Number the rows of each group from 0: [3, 3, 7] gives [0, 1, 0]."""
    first_N = np.searchsorted(sorted_N, sorted_N, side="left")
    return np.arange(len(sorted_N)) - first_N


def _looks(
    draws: np.random.Generator,
    people: Population,
    offer: Offer,
    sessions: Sessions,
    utility_SJ: np.ndarray,
    views: _Views,
    landing: Landing | None,
) -> _Looks:
    """Look at some products of each campaign, the liked colours first; put some into the cart."""
    colour_JP, left_JP = _shelves(offer)
    colour_VP = colour_JP[views.campaign_V]
    customer_V1 = sessions.customer_S[views.session_V][:, None]
    liking_VP = COLOUR_WEIGHT * people.colour_taste_NC[customer_V1, np.maximum(colour_VP, 0)]
    score_VP = liking_VP + draws.gumbel(size=colour_VP.shape)
    if landing:
        is_landed_V = landing.campaign_S[views.session_V] == views.campaign_V
        is_landed_V &= landing.product_S[views.session_V] >= 0
        rows = np.flatnonzero(is_landed_V)
        score_VP[rows, landing.product_S[views.session_V[rows]]] = np.inf
    order_VP = np.argsort(np.where(colour_VP >= 0, -score_VP, np.inf), axis=1, kind="stable")
    rank_VP = np.argsort(order_VP, axis=1, kind="stable")
    count_V = 1 + draws.poisson(MEAN_MORE_LOOKS, len(colour_VP))
    view_K, product_K = np.nonzero((rank_VP < count_V[:, None]) & (colour_VP >= 0))
    session_K, campaign_K = views.session_V[view_K], views.campaign_V[view_K]
    wish_K = utility_SJ[session_K, campaign_K] + liking_VP[view_K, product_K]
    is_carted_K = draws.random(len(view_K)) < taste.cart_chance(wish_K)
    return _Looks(
        session_K,
        campaign_K,
        product_K,
        views.at_V[view_K] + 8 + 14 * rank_VP[view_K, product_K],
        is_carted_K & (left_JP[campaign_K, product_K] > 0),
    )


def _shelves(offer: Offer) -> tuple[np.ndarray, np.ndarray]:
    """Lay the products out as (J, P): colour number, -1 where there is none; stock left."""
    colour_JP = colours(offer)
    left_JP = np.zeros(colour_JP.shape, np.int64)
    for j, campaign in enumerate(offer.campaigns):
        left_JP[j, : len(campaign.products)] = campaign.left_P
    return colour_JP, left_JP


def colours(offer: Offer) -> np.ndarray:
    """Return the products' colours by number as (J, P), -1 where a campaign has no more."""
    widest = max(len(c.products) for c in offer.campaigns)
    colour_JP = np.full((len(offer.campaigns), widest), -1)
    for j, campaign in enumerate(offer.campaigns):
        colour_JP[j, : len(campaign.products)] = [
            _COLOUR_NUMBER[p.colour] for p in campaign.products
        ]
    return colour_JP


def _checkouts(
    draws: np.random.Generator, sessions: Sessions, looks: _Looks
) -> tuple[np.ndarray, np.ndarray]:
    """Return when each session starts to check out, -1 for never, and whether it pays."""
    count = len(sessions.customer_S)
    last_S = np.full(count, -1, np.int64)
    carted = looks.is_carted_K
    np.maximum.at(last_S, looks.session_K[carted], looks.at_K[carted] + 36)
    goes_S = (last_S >= 0) & ~sessions.is_anonymous_S & (draws.random(count) < taste.CHECKOUT)
    return np.where(goes_S, last_S, -1), goes_S & (draws.random(count) < taste.PAYMENT)


def _events(
    sessions: Sessions,
    place_SJ: np.ndarray,
    shown_SJ: np.ndarray,
    searched_SJ: np.ndarray,
    views: _Views,
    looks: _Looks,
    checkout_S: np.ndarray,
) -> Events:
    shown_s, shown_j = np.nonzero(shown_SJ)
    place = place_SJ[shown_s, shown_j]
    search_s = np.flatnonzero(searched_SJ.any(axis=1))
    cart_k = np.flatnonzero(looks.is_carted_K)
    check_s = np.flatnonzero(checkout_S >= 0)
    start_S = sessions.start_S
    parts = (
        ("impression", shown_s, shown_j, None, place + 1, start_S[shown_s] + 2 + place),
        ("search", search_s, None, None, None, start_S[search_s] + 1),
        ("campaign_view", views.session_V, views.campaign_V, None, None, views.at_V),
        ("product_view", looks.session_K, looks.campaign_K, looks.product_K, None, looks.at_K),
        (
            "add_to_cart",
            looks.session_K[cart_k],
            looks.campaign_K[cart_k],
            looks.product_K[cart_k],
            None,
            looks.at_K[cart_k] + 6,
        ),
        ("checkout_start", check_s, None, None, None, checkout_S[check_s]),
    )
    return Events(
        kind_E=np.concatenate([np.full(len(p[1]), KINDS.index(p[0])) for p in parts]),
        session_E=np.concatenate([p[1] for p in parts]),
        campaign_E=_filled(parts, 2),
        product_E=_filled(parts, 3),
        position_E=_filled(parts, 4),
        at_E=np.concatenate([p[5] for p in parts]),
    )


def _filled(parts: tuple, field: int) -> np.ndarray:
    return np.concatenate([np.full(len(p[1]), -1) if p[field] is None else p[field] for p in parts])


def _while_open(events: Events, offer: Offer) -> Events:
    """Drop what would happen on the page of a campaign that has closed meanwhile."""
    closes_E = offer.closes_at_J[events.campaign_E]
    return events.only((events.campaign_E < 0) | (events.at_E < closes_E))


def _requests(
    draws: np.random.Generator,
    offer: Offer,
    looks: _Looks,
    checkout_S: np.ndarray,
    paid_S: np.ndarray,
) -> Requests:
    """Turn the carts of paying sessions into order lines, a minute after the checkout began."""
    quantity_K = 1 + draws.choice(3, len(looks.session_K), p=QUANTITY_SHARES)
    at_K = checkout_S[looks.session_K] + 60
    keep = looks.is_carted_K & paid_S[looks.session_K]
    keep &= at_K < offer.closes_at_J[looks.campaign_K]
    wishes = Requests(looks.session_K, looks.campaign_K, looks.product_K, quantity_K, at_K)
    return wishes.only(keep)

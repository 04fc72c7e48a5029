"""What visitors saw and did on a day: those who order online, and many more who do not.

A session opens a page of a department, then looks at some products; who buys looks at the goods,
puts them into the cart and checks out a minute before the order.
"""

from dataclasses import dataclass

import numpy as np

from vitrine.simulator.retailer.choices import choose, liked_department
from vitrine.simulator.retailer.clock import seconds
from vitrine.simulator.retailer.customers import Customers
from vitrine.simulator.retailer.demand import Demand, spread
from vitrine.simulator.retailer.orders import Facts, turns
from vitrine.simulator.retailer.seasons import WEEK
from vitrine.simulator.retailer.shelf import PAGE, Layout
from vitrine.simulator.retailer.shop import EVENTS_PER_CUSTOMER_AND_DAY, Retailer
from vitrine.simulator.retailer.vocabulary import CHANNELS, DEVICES

EVENT_KINDS = (
    "impression",
    "campaign_view",
    "product_view",
    "search",
    "add_to_cart",
    "checkout_start",
)
MEAN_EVENTS = 13.3
"""Events of a session, measured; the number of sessions follows from it."""
PAGE_PART = 8
"""Products of a page that come into sight."""
MORE_LOOKS = 1.2
PRODUCT_VIEW_SHARE, SEARCH_SHARE, CART_SHARE, ANONYMOUS_SHARE = 0.75, 0.3, 0.12, 0.3
LOOK_SECONDS = 50
TABLET_SHARE = 0.15
"""Of those without a phone."""
_STORE, _APP = CHANNELS.index("store"), CHANNELS.index("app")


@dataclass(frozen=True)
class _Sessions:
    """Arrays of length S; the buyers' come first, in the order of their baskets."""

    customer_S: np.ndarray
    is_anonymous_S: np.ndarray
    device_S: np.ndarray
    start_S: np.ndarray
    paid_at_S: np.ndarray
    """int64, instant of the order, -1 without one"""


@dataclass(frozen=True)
class _Looks:
    """Products that were looked at, by session; arrays of length K."""

    session_K: np.ndarray
    product_K: np.ndarray
    is_carted_K: np.ndarray
    at_K: np.ndarray


@dataclass(frozen=True)
class VisitorBook:
    """Writes down the visits of any day."""

    shop: Retailer
    customers: Customers
    layout: Layout
    demand: Demand

    def events(self, day: int, sold: Facts) -> Facts:
        """Return the events of a day in the order of time, given its order lines."""
        draws = self.shop.draws("sessions", day)
        online = {name: column[sold["channel"] != _STORE] for name, column in sold.items()}
        sessions, session_L = self._sessions(draws, day, online)
        looks = self._looks(draws, day, sessions, online, session_L)
        rows = _joined(
            self._impressions(draws, day, sessions),
            _looked(draws, looks),
            _searched(draws, sessions),
            _checked_out(sessions),
        )
        order = np.argsort(rows["occurred_at"], kind="stable")
        rows = {name: column[order] for name, column in rows.items()}
        session_E, stem = rows["session"], self.shop.stem(day)
        who_E = np.where(sessions.is_anonymous_S[session_E], -1, sessions.customer_S[session_E])
        return rows | {
            "event": stem + np.arange(len(order)),
            "session": stem + session_E,
            "customer": who_E,
            "device": sessions.device_S[session_E],
        }

    def _sessions(
        self, draws: np.random.Generator, day: int, online: Facts
    ) -> tuple[_Sessions, np.ndarray]:
        """Return the day's sessions, and that of each line ordered online."""
        _, first_B, session_L = np.unique(online["basket"], return_index=True, return_inverse=True)
        buyers = {name: column[first_B] for name, column in online.items()}
        visitor_V, start_V = self._visitors(draws, day, len(first_B))
        who_S = np.r_[buyers["customer"], visitor_V]
        on_app_S = np.r_[buyers["channel"] == _APP, np.zeros(len(visitor_V), bool)]
        device_S = self._devices(draws, who_S, on_app_S)
        paid_S = np.r_[buyers["occurred_at"], np.full(len(visitor_V), -1)]
        is_anonymous_S = (paid_S < 0) & (draws.random(len(who_S)) < ANONYMOUS_SHARE)
        start_S = np.r_[buyers["occurred_at"], start_V]
        return _Sessions(who_S, is_anonymous_S, device_S, start_S, paid_S), session_L

    def _visitors(
        self, draws: np.random.Generator, day: int, buyers: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return who comes without ordering, and when, up to the day's number of sessions."""
        on, there = self.shop.date_of(day), self.shop.customers_by(day)
        wanted = self.shop.customer_count * EVENTS_PER_CUSTOMER_AND_DAY / MEAN_EVENTS
        curious_N = self.demand.weights(day) + 0.3 * self.customers.activity_N[:there]
        who_V = spread(draws, curious_N, round(wanted * WEEK[on.weekday()]) - buyers)
        luck_V, nobody_V = draws.random(len(who_V)), np.zeros(len(who_V), bool)
        second_V = seconds(luck_V, nobody_V, self.customers.market_N[who_V], on)
        return who_V, self.shop.midnight(day) + second_V

    def _devices(
        self, draws: np.random.Generator, who_S: np.ndarray, on_app_S: np.ndarray
    ) -> np.ndarray:
        luck_S = draws.random((2, len(who_S)))
        on_phone_S = on_app_S | (luck_S[0] < self.customers.phone_share_N[who_S])
        return np.where(on_phone_S, DEVICES.index("phone"), 1 + (luck_S[1] < TABLET_SHARE))

    def _looks(
        self,
        draws: np.random.Generator,
        day: int,
        sessions: _Sessions,
        online: Facts,
        session_L: np.ndarray,
    ) -> _Looks:
        """Look at some products and then at what is bought; buyers start early enough for it."""
        who_S = sessions.customer_S
        browsed = np.repeat(np.arange(len(who_S)), 1 + draws.poisson(MORE_LOOKS, len(who_S)))
        product = choose(self.customers, self.layout, day, who_S[browsed], draws)
        session_K = np.r_[browsed, session_L]
        is_bought_K = np.arange(len(session_K)) >= len(browsed)
        order = np.lexsort((is_bought_K, session_K))
        session_K, is_bought_K = session_K[order], is_bought_K[order]
        _start_early(sessions, np.bincount(session_K), self.shop.midnight(day))
        pause_K = draws.integers(0, 20, len(session_K))
        return _Looks(
            session_K,
            np.r_[product, online["product"]][order],
            is_bought_K | (draws.random(len(session_K)) < CART_SHARE),
            sessions.start_S[session_K] + LOOK_SECONDS * (turns(session_K) + 1) + pause_K,
        )

    def _impressions(self, draws: np.random.Generator, day: int, sessions: _Sessions) -> Facts:
        """Show a part of the page of a department that the visitor likes."""
        page_GT = self.layout.shelf(day).pages()
        department_S = liked_department(self.customers, self.layout, sessions.customer_S)
        first_S = PAGE_PART * draws.choice(PAGE // PAGE_PART, len(department_S), p=[0.7, 0.2, 0.1])
        place_ST = first_S[:, None] + np.arange(PAGE_PART)
        product_ST = page_GT[department_S[:, None], place_ST]
        session, place = np.repeat(np.arange(len(first_S)), PAGE_PART), place_ST.ravel()
        return {
            "session": session,
            "kind": np.full(len(session), EVENT_KINDS.index("impression")),
            "product": product_ST.ravel(),
            "position": place + 1,
            "occurred_at": sessions.start_S[session] + 2 + place % PAGE_PART,
        }


def _start_early(sessions: _Sessions, looks_S: np.ndarray, midnight: int) -> None:
    """Move the start of buyers' sessions, so that their looks end before they check out."""
    early_S = 90 + LOOK_SECONDS * (looks_S + 1)
    has_paid_S = sessions.paid_at_S >= 0
    sessions.start_S[has_paid_S] -= early_S[has_paid_S]
    np.maximum(sessions.start_S, midnight, out=sessions.start_S)


def _looked(draws: np.random.Generator, looks: _Looks) -> Facts:
    seen = np.flatnonzero(draws.random(len(looks.at_K)) < PRODUCT_VIEW_SHARE)
    carted = np.flatnonzero(looks.is_carted_K)
    parts = (
        ("campaign_view", np.arange(len(looks.at_K)), 0),
        ("product_view", seen, 6),
        ("add_to_cart", carted, 25),
    )
    place = np.concatenate([rows for _, rows, _ in parts])
    after = np.repeat([after for _, _, after in parts], [len(rows) for _, rows, _ in parts])
    kinds = np.repeat([EVENT_KINDS.index(k) for k, _, _ in parts], [len(r) for _, r, _ in parts])
    return {
        "session": looks.session_K[place],
        "kind": kinds,
        "product": looks.product_K[place],
        "position": np.full(len(place), -1),
        "occurred_at": looks.at_K[place] + after,
    }


def _searched(draws: np.random.Generator, sessions: _Sessions) -> Facts:
    who = np.flatnonzero(draws.random(len(sessions.start_S)) < SEARCH_SHARE)
    return _pageless("search", who, sessions.start_S[who] + 1)


def _checked_out(sessions: _Sessions) -> Facts:
    who = np.flatnonzero(sessions.paid_at_S >= 0)
    at = np.maximum(sessions.paid_at_S[who] - 60, sessions.start_S[who])
    return _pageless("checkout_start", who, at)


def _pageless(kind: str, session: np.ndarray, at: np.ndarray) -> Facts:
    nothing = np.full(len(session), -1)
    return {
        "session": session,
        "kind": np.full(len(session), EVENT_KINDS.index(kind)),
        "product": nothing,
        "position": nothing,
        "occurred_at": at,
    }


def _joined(*parts: Facts) -> Facts:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

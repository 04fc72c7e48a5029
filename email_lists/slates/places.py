"""Which of a customer's candidates fill the places of a letter, all customers at once.

A place takes what is worth most of its own kind, net of what its scarcity costs. Customers do not
depend on each other here: what a scarce offer costs is said from outside (`allocation`).

Shape legend: N customers, C candidates of each, O offers, K places, S kinds of place, B customers
of a chunk.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CHUNK = 8192
"""Customers served together: what is computed of them fits into a processor's cache."""


@dataclass(frozen=True)
class Offers:
    """What can be shown: an offer is one product in one campaign. Arrays of length O."""

    worth_O: np.ndarray
    """float64: what a sold unit is worth, as `allocation.worth`; above 0."""
    room_O: np.ndarray
    """float64: expected units that may be promised, as `allocation.rooms`; inf: any number."""
    brand_O: np.ndarray
    """int32"""
    product_O: np.ndarray
    """int32: nobody is shown one product twice, be it in two campaigns."""


@dataclass(frozen=True)
class Candidates:
    """What each customer could be shown; arrays of shape (N, C)."""

    offer_NC: np.ndarray
    """int32, index of the offer; -1: there is none. Of equals the first column goes first."""
    slot_NC: np.ndarray
    """int8: the kind of place that it is a candidate for."""
    probability_NC: np.ndarray
    """float32: chance that this customer buys it."""
    gain_NC: np.ndarray | None = None
    """float32: what showing it is worth, whatever its scarcity; None: probability × worth."""

    @property
    def count(self) -> int:
        """How many customers there are: N."""
        return len(self.offer_NC)

    def take(self, rows: np.ndarray | slice) -> "Candidates":
        """Return those of some customers."""
        gain_NC = None if self.gain_NC is None else self.gain_NC[rows]
        return Candidates(
            self.offer_NC[rows], self.slot_NC[rows], self.probability_NC[rows], gain_NC
        )

    def gains(self, offers: Offers) -> np.ndarray:
        """Return what showing each is worth: float32 [N, C]; of no candidate, any number."""
        if self.gain_NC is not None:
            return self.gain_NC
        return offers.worth_O.astype(np.float32)[self.offer_NC] * self.probability_NC


@dataclass(frozen=True)
class Places:
    """How many of each kind a letter shows.

    `Places((3, 3, 1), fallback=3)` has three places of kind 0, three of kind 1, one of kind 2, and
    fills what stays empty with candidates of kind 3.
    """

    quotas: tuple[int, ...]
    fallback: int | None = None
    brand_limit: int | None = 2
    """Places that one brand may take; None: all."""
    drawn: int | None = None
    """The kind whose best candidate takes its first place before anything else is looked at."""

    @property
    def count(self) -> int:
        """All places: K."""
        return sum(self.quotas)

    @property
    def kind_K(self) -> np.ndarray:
        """The kind of each place, in the order in which `choose` returns them."""
        return np.repeat(np.arange(len(self.quotas)), self.quotas)


def choose(
    candidates: Candidates, offers: Offers, places: Places, scarcity_O: np.ndarray
) -> np.ndarray:
    """Choose what each customer is shown.

    First of all comes what was drawn, so that nothing else decides about it: the best candidate of
    the kind `drawn`. Then the best candidate goes first, by its gain less probability × scarcity,
    if a place of its kind is free, its brand is below the limit and its product is not shown yet.
    What is worth less than nothing is left out. Then the fallback's fill what is empty, again the
    best first.

    Returns
    -------
    numpy.ndarray
        int16 [N, K]: columns of the candidates, -1 for an empty place; places of kind 0 first.
    """
    chosen_NK = np.full((candidates.count, places.count), -1, np.int16)
    for rows in chunks(np.arange(candidates.count)):
        letters = _Letters.of(candidates.take(rows), offers, places, scarcity_O)
        letters.fill()
        chosen_NK[rows] = letters.column_KB.T
    return chosen_NK


def bids(
    candidates: Candidates,
    offers: Offers,
    places: Places,
    scarcity_O: np.ndarray,
    chosen_NK: np.ndarray,
) -> np.ndarray:
    """Return the scarcity at which each place might as well show something else.

    That is the scarcity now, and what would be lost with the best other candidate for the place (of
    its kind, else of the fallback's, else nothing), per unit of probability. Brands are not looked
    at.

    >>> one = Candidates(np.array([[0, 1]]), np.zeros((1, 2)), np.array([[0.5, 0.5]]))
    >>> two = Offers(np.array([8.0, 6.0]), np.full(2, np.inf), np.arange(2), np.arange(2))
    >>> bids(one, two, Places((1,)), np.array([1.0, 0.0]), np.array([[0]])).tolist()
    [[2.0]]

    Returns
    -------
    numpy.ndarray
        float64 [N, K]; of an empty place, any number.
    """
    bid_NK = np.empty(chosen_NK.shape)
    for rows in chunks(np.arange(candidates.count)):
        part = candidates.take(rows)
        bid_NK[rows] = _bids(part, offers, places, scarcity_O, chosen_NK[rows])
    return bid_NK


def chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Cut some customers' numbers into pieces."""
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))


def _net(candidates: Candidates, offers: Offers, scarcity_O: np.ndarray) -> np.ndarray:
    """Return gain less probability × scarcity, float32 [B, C]; -inf where nothing is to be had."""
    cost_BC = scarcity_O.astype(np.float32)[candidates.offer_NC] * candidates.probability_NC
    net_BC = candidates.gains(offers) - cost_BC
    return np.where((candidates.offer_NC >= 0) & (net_BC >= 0), net_BC, np.float32(-np.inf))


@dataclass(frozen=True)
class _Letters:
    """A chunk's letters while they are filled, its candidates by falling worth."""

    places: Places
    order_CB: np.ndarray
    """Columns of the candidates, the best first, as far down as anybody has one."""
    is_there_CB: np.ndarray
    slot_CB: np.ndarray
    brand_CB: np.ndarray
    product_CB: np.ndarray
    column_KB: np.ndarray
    brand_KB: np.ndarray
    product_KB: np.ndarray

    @classmethod
    def of(
        cls, candidates: Candidates, offers: Offers, places: Places, scarcity_O: np.ndarray
    ) -> "_Letters":
        net_BC = _net(candidates, offers, scarcity_O)
        deepest = int((net_BC >= 0).sum(axis=1).max(initial=0))
        order_BC = np.argsort(-net_BC, axis=1, kind="stable")[:, :deepest]
        offer_CB = np.take_along_axis(candidates.offer_NC, order_BC, axis=1).T.copy()
        empty_KB = np.full((places.count, len(net_BC)), -1, np.int32)
        return cls(
            places=places,
            order_CB=order_BC.T.copy(),
            is_there_CB=np.take_along_axis(net_BC >= 0, order_BC, axis=1).T.copy(),
            slot_CB=np.take_along_axis(candidates.slot_NC, order_BC, axis=1).T.copy(),
            brand_CB=offers.brand_O[offer_CB],
            product_CB=offers.product_O[offer_CB],
            column_KB=empty_KB.astype(np.int16),
            brand_KB=empty_KB.copy(),
            product_KB=empty_KB.copy(),
        )

    def fill(self) -> None:
        """Fill the place of what was drawn, then all by their own kinds, then by the fallback's."""
        first_S = np.cumsum([0, *self.places.quotas])
        kinds = [(slot, *first_S[slot : slot + 2]) for slot in range(len(self.places.quotas))]
        if self.places.drawn is not None:
            self._fill_drawn(self.places.drawn, int(first_S[self.places.drawn]))
        self._fill_from(kinds)
        if self.places.fallback is not None:
            self._fill_from([(self.places.fallback, 0, self.places.count)])

    def _fill_drawn(self, slot: int, place: int) -> None:
        """Give a place to the best candidate of a kind, while nothing is shown that forbids it."""
        if len(self.order_CB):
            is_drawn_CB = self.is_there_CB & (self.slot_CB == slot)
            b = np.flatnonzero(is_drawn_CB.any(axis=0))
            self._settle(is_drawn_CB[:, b].argmax(axis=0), b, np.full(b.size, place))

    def _fill_from(self, kinds: list[tuple[int, int, int]]) -> None:
        """Let candidates of each kind take the places from `first` to before `end`."""
        for c in range(len(self.order_CB)):
            if (self.column_KB >= 0).all():
                return
            is_allowed_B = self._allowed(c)
            for slot, first, end in kinds:
                is_empty_KB = self.column_KB[first:end] < 0
                fits_B = is_allowed_B & (self.slot_CB[c] == slot) & is_empty_KB.any(axis=0)
                b = np.flatnonzero(fits_B)
                self._settle(c, b, first + is_empty_KB[:, b].argmax(axis=0))

    def _allowed(self, c: int) -> np.ndarray:
        limit = self.places.brand_limit or self.places.count
        of_brand_B = (self.brand_KB == self.brand_CB[c]).sum(axis=0)
        is_shown_B = (self.product_KB == self.product_CB[c]).any(axis=0)
        is_allowed_B: np.ndarray = self.is_there_CB[c] & (of_brand_B < limit) & ~is_shown_B
        return is_allowed_B

    def _settle(self, c: int | np.ndarray, b: np.ndarray, k: np.ndarray) -> None:
        self.column_KB[k, b] = self.order_CB[c, b]
        self.brand_KB[k, b] = self.brand_CB[c, b]
        self.product_KB[k, b] = self.product_CB[c, b]


def _bids(
    candidates: Candidates,
    offers: Offers,
    places: Places,
    scarcity_O: np.ndarray,
    chosen_BK: np.ndarray,
) -> np.ndarray:
    column_BK = chosen_BK.astype(np.int64)
    offer_BK = np.take_along_axis(candidates.offer_NC, column_BK, axis=1)
    net_BC = _net(candidates, offers, scarcity_O)
    net_BK = np.take_along_axis(net_BC, column_BK, axis=1)
    product_BK = np.where(chosen_BK < 0, -1, offers.product_O[offer_BK])
    product_BC = offers.product_O[candidates.offer_NC]
    for product_B in product_BK.T:
        net_BC[product_BC == product_B[:, None]] = -np.inf
    instead_BK = _best_of_kinds(net_BC, candidates.slot_NC, places)
    probability_BK = np.take_along_axis(candidates.probability_NC, column_BK, axis=1)
    lost_BK = (net_BK - instead_BK) / np.maximum(probability_BK, np.finfo(np.float32).tiny)
    bid_BK: np.ndarray = scarcity_O[offer_BK] + lost_BK
    return bid_BK


def _best_of_kinds(net_BC: np.ndarray, slot_BC: np.ndarray, places: Places) -> np.ndarray:
    """Return what each place could show of what is left: float32 [B, K], 0 for nothing."""
    slots = range(len(places.quotas))
    best_BS = np.stack([_best_of(net_BC, slot_BC == s) for s in slots], axis=1)
    if places.fallback is not None:
        spare_B = _best_of(net_BC, slot_BC == places.fallback)
        best_BS = np.where(best_BS >= 0, best_BS, spare_B[:, None])
    best_BK: np.ndarray = np.maximum(best_BS, 0)[:, places.kind_K]
    return best_BK


def _best_of(net_BC: np.ndarray, is_kind_BC: np.ndarray) -> np.ndarray:
    best_B: np.ndarray = np.where(is_kind_BC, net_BC, -np.inf).max(axis=1, initial=-np.inf)
    return best_B

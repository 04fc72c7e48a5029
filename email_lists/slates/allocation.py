"""Limited stock: expected demand stays within it, and a place goes where it is worth most.

Each offer has a price of its scarcity: what an expected unit of it would be worth elsewhere. Every
customer is shown what is worth most after these prices (`places`), so that a scarce product goes to
those who have nothing as good instead. The prices are the multipliers of the linear programme "most
worth, no offer promised beyond its room" (Bertsekas 1999, Nonlinear Programming, chapter 6), found
by trial on some customers: the price of what is wished for too much rises, of the rest it falls.
What is still promised too often goes to the highest bids, as in an auction; whoever is refused
chooses again.

Shape legend: N customers, C candidates of each, O offers, K places, H holders of offers that are
promised too often, L losers among them.
"""

from dataclasses import dataclass, replace

import numpy as np

from email_lists.slates.places import Candidates, Offers, Places, bids, choose, chunks

LEAST_WORTH = 0.01
"""Share of its price that the sale of a unit is worth at least, be it below its cost."""
SAMPLE = 50_000
"""Customers whose wishes make the prices; all of them are served by these."""
ROUNDS = 40
"""Trials of the prices."""
FIRST_STEP, FASTER, SLOWER = 0.25, 1.3, 0.5
"""First change of a price as a share of its worth; what the next is multiplied by where the price
goes on, and where it turns back (Riedmiller and Braun 1993, Rprop)."""
DISCOUNT = 0.95
"""Of the prices found: one that is a little low is mended by the bids, one that is a little high
leaves a room empty."""
SECOND_LOOKS = 8
"""Further places of an offer that may be found for its last bit of room at a time."""
ROUNDING = 1e-9
"""Share of a room that stays free, lest the same sum in another order exceed it."""


@dataclass(frozen=True)
class Allocation:
    """Who is shown what, and what scarcity costs."""

    chosen_NK: np.ndarray
    """int16: columns of the candidates, -1 for an empty place; places of kind 0 first."""
    scarcity_O: np.ndarray
    """float64: price of an expected unit, 0 where there is enough for everybody."""
    expected_O: np.ndarray
    """float64: sum of the probabilities of what is shown; never above the room."""


def worth(price_O: np.ndarray, unit_cost_O: np.ndarray) -> np.ndarray:
    """Return what the sale of a unit is worth: its margin, where its cost is known.

    Where it is not (NaN), the median of the known margins, as shares of their prices, stands for
    it; where no cost is known, the price itself counts.

    >>> worth(np.array([10.0, 20.0, 5.0]), np.array([5.0, np.nan, 2.5])).tolist()
    [5.0, 10.0, 2.5]
    """
    share_O = 1 - unit_cost_O / price_O
    is_known_O = ~np.isnan(share_O)
    usual = float(np.median(share_O[is_known_O])) if is_known_O.any() else 1.0
    worth_O: np.ndarray = price_O * np.maximum(np.where(is_known_O, share_O, usual), LEAST_WORTH)
    return worth_O


def rooms(stock_O: np.ndarray, factor: float, promised_O: np.ndarray | float = 0.0) -> np.ndarray:
    """Return the expected units that may still be promised: stock × factor less those promised.

    >>> rooms(np.array([3.0, np.nan, -1.0]), 2.0, 1.0).tolist()
    [5.0, inf, 0.0]
    """
    room_O: np.ndarray = np.where(
        np.isnan(stock_O), np.inf, np.maximum(stock_O * factor - promised_O, 0)
    )
    return room_O


def allocate(candidates: Candidates, offers: Offers, places: Places, seed: int) -> Allocation:
    """Choose what each customer is shown, no offer beyond its room.

    Parameters
    ----------
    seed
        Of the customers whose wishes make the prices, and of whose turn is first among equals.

    Returns
    -------
    Allocation
        The same whatever else the machine does.
    """
    return settle(candidates, offers, places, scarcity(candidates, offers, places, seed), seed)


def settle(
    candidates: Candidates, offers: Offers, places: Places, scarcity_O: np.ndarray, seed: int
) -> Allocation:
    """Choose at given prices; what is still wished for too often goes to the highest bids.

    Without prices (all 0) nobody is shown anything but the best as long as there is enough for all.
    """
    room_O = offers.room_O * (1 - ROUNDING)
    turn_N = np.random.default_rng(seed).permutation(candidates.count)
    left = replace(candidates, offer_NC=candidates.offer_NC.copy())
    chosen_NK = choose(left, offers, places, scarcity_O)
    bidding = _Bidding.of(left, offers, places, scarcity_O)
    while (lost := _lost(left, offers, bidding, chosen_NK, room_O, turn_N)).count:
        lost.give_up(left.offer_NC)
        bidding.is_known_N[lost.row_H] = False
        for rows in chunks(np.unique(lost.row_H)):
            chosen_NK[rows] = choose(left.take(rows), offers, places, scarcity_O)
    shown = _Shown.of(candidates, chosen_NK)
    return Allocation(chosen_NK, scarcity_O, shown.expected(offers))


def scarcity(candidates: Candidates, offers: Offers, places: Places, seed: int) -> np.ndarray:
    """Find the prices at which the customers wish for no more than there is, about.

    Returns
    -------
    numpy.ndarray
        float64 [O]: in the currency of the offers' worth, 0 where there is enough.
    """
    size = min(SAMPLE, candidates.count)
    rows = np.sort(np.random.default_rng(seed).permutation(candidates.count)[:size])
    sample, room_O = candidates.take(rows), offers.room_O * (size / max(candidates.count, 1))
    scarcity_O, step_O = np.zeros(room_O.size), FIRST_STEP * offers.worth_O
    before_O = np.zeros(room_O.size)
    for _ in range(ROUNDS):
        chosen_NK = choose(sample, offers, places, scarcity_O)
        wished_O = _Shown.of(sample, chosen_NK).expected(offers)
        sign_O = np.sign(wished_O - room_O)
        turned_O = sign_O * before_O
        step_O *= np.select([turned_O > 0, turned_O < 0], [FASTER, SLOWER], 1.0)
        scarcity_O = np.clip(scarcity_O + step_O * sign_O, 0, offers.worth_O)
        before_O = sign_O
    return DISCOUNT * scarcity_O


@dataclass(frozen=True)
class _Shown:
    """Some of the filled places; arrays of length H."""

    row_H: np.ndarray
    place_H: np.ndarray
    column_H: np.ndarray
    offer_H: np.ndarray
    probability_H: np.ndarray

    @classmethod
    def of(cls, candidates: Candidates, chosen_NK: np.ndarray) -> "_Shown":
        """List all filled places."""
        row_H, place_H = np.nonzero(chosen_NK >= 0)
        column_H = chosen_NK[row_H, place_H]
        offer_H = candidates.offer_NC[row_H, column_H]
        return cls(row_H, place_H, column_H, offer_H, candidates.probability_NC[row_H, column_H])

    @property
    def count(self) -> int:
        """How many places there are: H."""
        return len(self.row_H)

    def take(self, which: np.ndarray) -> "_Shown":
        """Return some of them, by a mask or by their numbers."""
        return _Shown(**{name: column[which] for name, column in vars(self).items()})

    def expected(self, offers: Offers) -> np.ndarray:
        """Sum the probabilities of each offer: float64 [O]."""
        weights_H = self.probability_H.astype(np.float64)
        return np.bincount(self.offer_H, weights_H, offers.room_O.size)

    def give_up(self, offer_NC: np.ndarray) -> None:
        """Strike each offer from the candidates of the customer who held it."""
        for place in np.unique(self.place_H):
            one = self.take(self.place_H == place)
            offer_HC = offer_NC[one.row_H]
            offer_HC[offer_HC == one.offer_H[:, None]] = -1
            offer_NC[one.row_H] = offer_HC


@dataclass(frozen=True)
class _Bidding:
    """Bids that were made: they stand until their customer loses a place."""

    left: Candidates
    offers: Offers
    places: Places
    scarcity_O: np.ndarray
    bid_NK: np.ndarray
    is_known_N: np.ndarray

    @classmethod
    def of(
        cls, left: Candidates, offers: Offers, places: Places, scarcity_O: np.ndarray
    ) -> "_Bidding":
        """Begin without any; `left` changes while places are lost."""
        bid_NK = np.empty((left.count, places.count))
        return cls(left, offers, places, scarcity_O, bid_NK, np.zeros(left.count, bool))

    def of_places(self, held: _Shown, chosen_NK: np.ndarray) -> np.ndarray:
        """Return the bids of some places: float64 [H]."""
        row_I = np.unique(held.row_H[~self.is_known_N[held.row_H]])
        self.bid_NK[row_I] = bids(
            self.left.take(row_I), self.offers, self.places, self.scarcity_O, chosen_NK[row_I]
        )
        self.is_known_N[row_I] = True
        return np.asarray(self.bid_NK[held.row_H, held.place_H])


def _lost(
    left: Candidates,
    offers: Offers,
    bidding: _Bidding,
    chosen_NK: np.ndarray,
    room_O: np.ndarray,
    turn_N: np.ndarray,
) -> _Shown:
    """Return the places that must show something else: the lowest bids beyond a room.

    Of equal bids the customer whose turn comes first keeps the place.
    """
    shown = _Shown.of(left, chosen_NK)
    held = shown.take((shown.expected(offers) > room_O)[shown.offer_H])
    bid_H = bidding.of_places(held, chosen_NK)
    order = np.lexsort((turn_N[held.row_H], -bid_H, held.offer_H))
    ordered = held.take(order)
    return ordered.take(~_kept(ordered, room_O))


def _kept(ordered: _Shown, room_O: np.ndarray) -> np.ndarray:
    """Keep the first places of each offer that fit into its room, and then the next that still do.

    Without a second look a room for few would stay empty behind one who is a little too much.
    """
    weights_H = ordered.probability_H.astype(np.float64)
    kept_H = _running(ordered) <= room_O[ordered.offer_H]
    for _ in range(SECOND_LOOKS):
        taken_O = np.bincount(ordered.offer_H, weights_H * kept_H, room_O.size)
        fits_H = taken_O[ordered.offer_H] + weights_H <= room_O[ordered.offer_H]
        fitting = np.flatnonzero(fits_H & ~kept_H)
        if not fitting.size:
            break
        _, first = np.unique(ordered.offer_H[fitting], return_index=True)
        kept_H[fitting[first]] = True
    return kept_H


def _running(ordered: _Shown) -> np.ndarray:
    """Sum the probabilities up to each place, from the first of its offer on: float64 [H]."""
    weights_H = ordered.probability_H.astype(np.float64)
    total_H = np.cumsum(weights_H)
    first_H = np.searchsorted(ordered.offer_H, ordered.offer_H)
    running_H: np.ndarray = total_H - (total_H - weights_H)[first_H]
    return running_H

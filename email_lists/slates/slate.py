"""Seven products per customer, chosen for all at once, so that limited stock goes where it counts.

Shape legend: N customers, B customers of a batch, C columns of candidates, O offers (a product in a
campaign), S strategies, K places of a slate.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from email_lists.slates import allocation, promises
from email_lists.slates.assortment import NOWHERE
from email_lists.slates.calibration import Calibration, falling
from email_lists.slates.candidates import Finds, Slot, look_up
from email_lists.slates.places import Candidates, Offers, Places
from email_lists.slates.shelves import Shelves
from email_lists.slates.strategies import DRAWN, FALLBACK, QUOTAS, Strategies
from vitrine.list_policy import ListPolicy

PRODUCTS_SHOWN = sum(QUOTAS)
BATCH = 8192
"""Customers whose candidates are looked up together; bounds the memory, changes no result."""
_PIN = 2.0
"""Times the most that a sale counts: what the last pin gains beside its sale, and each one more
than the next. A sale gains, and its scarcity costs, less than once that."""


@dataclass(frozen=True)
class Rules:
    """What is chosen by."""

    policy: ListPolicy
    strategies: Strategies
    calibration: Calibration
    activity_N: np.ndarray
    """float32: order lines of the last 90 days, as the calibration was fitted with."""
    draw_N: np.ndarray
    """float64 in [0, 1): decides what is shown from somewhere new."""
    seed: int
    promised: pa.Table = field(default_factory=lambda: promises.NOTHING)
    """What other lists of the night promise, as `promises.by_others`."""


@dataclass(frozen=True)
class Slates:
    """What every customer is shown, in the order of the page; -1 where a place stays empty."""

    product_NK: np.ndarray
    """int32 positions in the assortment's products."""
    offer_NK: np.ndarray
    slot_NK: np.ndarray
    reason_NK: np.ndarray
    cause_NK: np.ndarray
    probability_NK: np.ndarray
    """float32: the chance that the customer buys it."""
    propensity_NK: np.ndarray
    """float32: the chance with which it got its place; 1 where nothing was drawn."""
    scarcity_O: np.ndarray
    """float64: what a promised unit of an offer costs, shop currency; 0 where there is enough."""
    expected_O: np.ndarray
    """float64: units that are expected to be sold by this list."""

    @classmethod
    def nothing(cls, customers: int) -> "Slates":
        """Return empty slates, for a shop that sells nothing."""
        none_NK = np.full((customers, PRODUCTS_SHOWN), NOWHERE, np.int32)
        zero_NK = np.zeros(none_NK.shape, np.float32)
        codes = {f"{name}_NK": none_NK for name in ("product", "offer", "slot", "reason", "cause")}
        return cls(
            **codes,
            probability_NK=zero_NK,
            propensity_NK=zero_NK,
            scarcity_O=np.zeros(0),
            expected_O=np.zeros(0),
        )


@dataclass
class _Wishes:
    """Everything that may be chosen, of all customers."""

    product_NC: np.ndarray
    reason_NC: np.ndarray
    cause_NC: np.ndarray
    offer_NC: np.ndarray
    place_NC: np.ndarray
    probability_NC: np.ndarray
    gain_NC: np.ndarray
    propensity_N: np.ndarray
    slot_C: np.ndarray

    @classmethod
    def empty(cls, count: int, slot_C: np.ndarray) -> "_Wishes":
        """Make room for `count` customers."""
        shape = (count, slot_C.size)
        return cls(
            product_NC=np.empty(shape, np.int32),
            reason_NC=np.empty(shape, np.int8),
            cause_NC=np.empty(shape, np.int32),
            offer_NC=np.empty(shape, np.int32),
            place_NC=np.empty(shape, np.int8),
            probability_NC=np.empty(shape, np.float32),
            gain_NC=np.empty(shape, np.float32),
            propensity_N=np.ones(count, np.float32),
            slot_C=slot_C,
        )


def choose(
    shelves: Shelves, rules: Rules, say: Callable[[int, int], None] = lambda done, of: None
) -> Slates:
    """Choose each customer's slate.

    A place goes to the candidate of its kind whose sale gains most, less what its stock is worth to
    others; at most two of a brand (where the shop has several brands), no product twice, nor two of
    one brand and name. Where a kind has none left, the place goes to a popular product; where there
    is none of those either, it stays empty. `say` is told how many customers of how many were
    looked up.
    """
    count = shelves.market_N.size
    if not shelves.assortment.offers.num_rows:
        return Slates.nothing(count)
    wishes: _Wishes | None = None
    for first in range(0, count, BATCH):
        end = min(first + BATCH, count)
        found = look_up(shelves, first, end)
        wishes = wishes or _Wishes.empty(count, found.slot_C)
        _price(wishes, found, shelves, rules, slice(first, end))
        say(end, count)
    if wishes is None:
        return Slates.nothing(count)
    chosen = allocation.allocate(
        Candidates(wishes.offer_NC, wishes.place_NC, wishes.probability_NC, wishes.gain_NC),
        _offers(shelves, rules),
        Places(QUOTAS, FALLBACK, shelves.brand_limit, DRAWN),
        rules.seed,
    )
    return _slates(wishes, chosen)


def priced(
    found: Finds, shelves: Shelves, rules: Rules, batch: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Return the chance that each candidate of a batch is bought, and what showing it gains.

    Both float32 [B, C]; the gain is in shop currency, before what its stock is worth to others, and
    means nothing where there is no candidate. Where too little was bought to learn from, the chance
    falls with the place in the source (`calibration.falling`).
    """
    offer_BC = shelves.assortment.offer_MP[shelves.market_N[batch, None], found.product_NC]
    cluster_B = shelves.groups.cluster_G[shelves.groups.group_N[batch]]
    chance_BC = rules.calibration.apply(
        np.broadcast_to(found.slot_C, offer_BC.shape),
        found.score_NC,
        shelves.sold.units_CP[cluster_B[:, None], found.product_NC].astype(np.float32),
        np.broadcast_to(rules.activity_N[batch, None], offer_BC.shape),
    )
    if not rules.calibration.is_learnt:
        chance_BC = chance_BC * falling(found.slot_C)
    value_SO = _values(shelves, rules).astype(np.float32)
    pin = np.float32(_PIN) * value_SO.max()
    gain_BC = chance_BC * value_SO[rules.strategies.code_N[batch, None], offer_BC]
    is_pinned_C = found.slot_C == Slot.PINNED
    gain_BC[:, is_pinned_C] += pin * np.arange(is_pinned_C.sum(), 0, -1, dtype=np.float32)
    return chance_BC, gain_BC


def _price(wishes: _Wishes, found: Finds, shelves: Shelves, rules: Rules, batch: slice) -> None:
    """Write a batch's candidates, with what each is worth, into `wishes`."""
    strategies = rules.strategies
    place_BC = strategies.places_of(found.slot_C)[strategies.code_N[batch]]
    offer_BC = shelves.assortment.offer_MP[shelves.market_N[batch, None], found.product_NC]
    is_there_BC = (found.product_NC != NOWHERE) & (place_BC != NOWHERE)
    is_there_BC &= ~_beside_pins(found, is_there_BC, shelves)
    is_drawn_BC, propensity_B = _drawn(found, is_there_BC, rules, batch)
    wishes.product_NC[batch] = found.product_NC
    wishes.reason_NC[batch] = found.reason_NC
    wishes.cause_NC[batch] = found.cause_NC
    wishes.offer_NC[batch] = np.where(is_there_BC & is_drawn_BC, offer_BC, NOWHERE)
    wishes.place_NC[batch] = place_BC
    wishes.probability_NC[batch], wishes.gain_NC[batch] = priced(found, shelves, rules, batch)
    wishes.propensity_N[batch] = propensity_B


def _beside_pins(found: Finds, is_there_BC: np.ndarray, shelves: Shelves) -> np.ndarray:
    """Tell what is not to be drawn: bool [B, C].

    What is drawn is placed before pins are, and would take theirs where brands are limited.
    """
    is_pinned_C, is_new_C = found.slot_C == Slot.PINNED, found.slot_C == Slot.NEW
    brand_BC = shelves.assortment.brand.code_P[found.product_NC]
    is_barred_BC = np.zeros(is_there_BC.shape, bool)
    for pin in np.flatnonzero(is_pinned_C):
        is_same_BW = brand_BC[:, is_new_C] == brand_BC[:, [pin]]
        is_barred_BC[:, is_new_C] |= is_same_BW & is_there_BC[:, [pin]]
    return is_barred_BC


def _drawn(
    found: Finds, is_there_BC: np.ndarray, rules: Rules, batch: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one candidate from somewhere new for each customer.

    By a softmax over what each may teach, as a share of the best, so that it is known how probable
    each was; with temperature 0 it is the best. Returns which columns remain, bool [B, C], and the
    propensity of what was drawn, float64 [B] (1 for who has none).
    """
    is_new_C = found.slot_C == Slot.NEW
    score_BW = np.where(is_there_BC, found.score_NC, 0.0)[:, is_new_C]
    share_BW = score_BW / np.maximum(score_BW.max(axis=1, keepdims=True), np.finfo(float).tiny)
    temperature = rules.policy.exploration.temperature
    weight_BW = np.where(
        score_BW > 0,
        np.exp((share_BW - 1) / temperature) if temperature else share_BW == 1,
        0.0,
    )
    until_BW = np.cumsum(weight_BW, axis=1)
    total_B1 = until_BW[:, -1:]
    drawn_B = (until_BW <= rules.draw_N[batch, None] * total_B1).sum(axis=1)
    drawn_B1 = np.minimum(drawn_B, weight_BW.shape[1] - 1)[:, None]
    is_kept_BC = np.broadcast_to(~is_new_C, is_there_BC.shape).copy()
    is_kept_BC[:, is_new_C] = np.arange(weight_BW.shape[1]) == drawn_B1
    weight_B1 = np.take_along_axis(weight_BW, drawn_B1, axis=1)
    propensity_B1 = np.where(total_B1 > 0, weight_B1 / np.where(total_B1 > 0, total_B1, 1), 1.0)
    return is_kept_BC, propensity_B1[:, 0]


def _values(shelves: Shelves, rules: Rules) -> np.ndarray:
    """Return what a sale counts by strategy and offer, shop currency: float64 [S, O].

    With weight 1 it counts what it is worth, with 0 what the median sale is, between them the
    weighted geometric mean of the two.
    """
    worth_O = _worth(shelves)
    weight_S = rules.strategies.worth_weights(rules.policy.allocation.worth_weight)
    usual = np.median(worth_O)
    value_SO: np.ndarray = usual * (worth_O / usual) ** weight_S[:, None]
    return value_SO


def _worth(shelves: Shelves) -> np.ndarray:
    """Return what a sale of each offer is worth, shop currency: the margin where it is known."""
    products, offers = shelves.assortment.products, shelves.assortment.offers
    unit_cost_P = np.full(products.num_rows, np.nan)
    if "unit_cost" in products.column_names:
        unit_cost_P = products["unit_cost"].cast(pa.float64()).to_numpy()
    return allocation.worth(offers["price"].to_numpy(), unit_cost_P[shelves.assortment.product_O])


def _offers(shelves: Shelves, rules: Rules) -> Offers:
    assortment = shelves.assortment
    stock_O = assortment.offers["stock_left"].cast(pa.float64()).to_numpy()
    room_O = allocation.rooms(
        stock_O,
        rules.policy.allocation.stock_factor,
        promises.units_of(rules.promised, assortment.offers),
    )
    return Offers(
        worth_O=_worth(shelves),
        room_O=promises.rooms_left(room_O, rules.promised, assortment.offers),
        brand_O=assortment.brand.code_P[assortment.product_O],
        # Variants look alike in a letter: one of them is enough.
        product_O=assortment.article_P[assortment.product_O],
    )


def _slates(wishes: _Wishes, chosen: allocation.Allocation) -> Slates:
    """Put each customer's choices in the order of the page: pins, then the likeliest first."""
    column_NK = chosen.chosen_NK.astype(np.int64)
    slot_NK = np.where(column_NK == NOWHERE, np.int8(NOWHERE), wishes.slot_C[column_NK])
    chance_NK = np.take_along_axis(wishes.probability_NC, np.maximum(column_NK, 0), axis=1)
    key_NK = np.where(slot_NK == Slot.PINNED, np.float32(-2), -chance_NK)
    order_NK = np.argsort(
        np.where(column_NK == NOWHERE, np.float32(1), key_NK), axis=1, kind="stable"
    )
    column_NK = np.take_along_axis(column_NK, order_NK, axis=1)
    slot_NK = np.take_along_axis(slot_NK, order_NK, axis=1)
    is_there_NK = column_NK != NOWHERE

    def taken(value_NC: np.ndarray, nothing: Any = NOWHERE) -> np.ndarray:
        value_NK = np.take_along_axis(value_NC, np.maximum(column_NK, 0), axis=1)
        return np.where(is_there_NK, value_NK, value_NC.dtype.type(nothing))

    return Slates(
        product_NK=taken(wishes.product_NC),
        offer_NK=taken(wishes.offer_NC),
        slot_NK=slot_NK,
        reason_NK=taken(wishes.reason_NC),
        cause_NK=taken(wishes.cause_NC),
        probability_NK=taken(wishes.probability_NC, 0),
        propensity_NK=np.where(slot_NK == Slot.NEW, wishes.propensity_N[:, None], np.float32(1)),
        scarcity_O=chosen.scarcity_O,
        expected_O=chosen.expected_O,
    )

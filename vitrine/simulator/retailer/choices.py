"""Which products customers choose: by department, brand and appeal, and again what they like.

Each customer has a few favourites that change now and then. They are looked up, not remembered: who
buys from a short list soon buys something again.
"""

import numpy as np

from vitrine.simulator.retailer.customers import Customers
from vitrine.simulator.retailer.noise import uniform
from vitrine.simulator.retailer.shelf import ALL, LASTING, REDUCED, Layout, Shelf

FAVOURITE_DEPARTMENT, FAVOURITE_BRAND = 0.4, 0.45
SLOTS = ((28, 0, 0.3), (28, 14, 0.2), (112, 0, 0.2), (112, 56, 0.15), (448, 100, 0.15))
"""Favourites: they are chosen anew every so many days, from a day on; share of the wishes."""
_HIGHEST_SEASON = 2.5


def choose(
    customers: Customers, layout: Layout, day: int, who_L: np.ndarray, draws: np.random.Generator
) -> np.ndarray:
    """Choose a product for each wish, int32, length L; `who_L` says who wishes.

    A favourite is bought where it is still offered, and out of its season only now and then.
    """
    shelf = layout.shelf(day)
    fresh_L = _fresh(customers, shelf, who_L, draws.random((4, len(who_L))))
    luck_L, slot_luck_L, season_luck_L = draws.random((3, len(who_L)))
    slot_L = np.searchsorted(np.cumsum([s for _, _, s in SLOTS]), slot_luck_L)
    is_again = (luck_L < customers.loyalty_N[who_L]) & (slot_L < len(SLOTS))
    for slot in range(len(SLOTS)):
        at = np.flatnonzero(is_again & (slot_L == slot))
        liked = _favourite(customers, layout, day, slot, who_L[at])
        season = shelf.season_G[layout.products.department_P[liked]]
        there = (shelf.weight_P[liked] > 0) & (season_luck_L[at] < season)
        fresh_L[at[there]] = liked[there]
    return fresh_L


def _fresh(
    customers: Customers, shelf: Shelf, who_L: np.ndarray, luck_XL: np.ndarray
) -> np.ndarray:
    profile_L = customers.profile_N[who_L]
    liked_L = liked_department(customers, shelf.layout, who_L)
    season_L = shelf.season_G[liked_L] / _HIGHEST_SEASON
    chance_L = np.where(customers.is_single_N[who_L], 1.0, FAVOURITE_DEPARTMENT * 2.5 * season_L)
    chosen_L = _department(shelf.mix_KG, profile_L, luck_XL[1])
    department_L = np.where(luck_XL[0] < chance_L, liked_L, chosen_L)
    is_loyal = luck_XL[2] < FAVOURITE_BRAND
    brand_L = np.where(is_loyal, customers.maturity_N[who_L].astype(np.int64), -1)
    product_L = shelf.pick(ALL, department_L, brand_L, luck_XL[3])
    bargain = np.flatnonzero(customers.is_bargain_N[who_L])
    if shelf.has(REDUCED):
        product_L[bargain] = shelf.pick(
            REDUCED, department_L[bargain], brand_L[bargain], luck_XL[3, bargain]
        )
    return product_L


def liked_department(customers: Customers, layout: Layout, who_L: np.ndarray) -> np.ndarray:
    """Return the favourite department of each customer, all seasons alike."""
    mix_KG = layout.mix_KG.cumsum(axis=1)
    return _department(mix_KG, customers.profile_N[who_L], customers.department_N[who_L])


def _department(mix_KG: np.ndarray, profile_L: np.ndarray, luck_L: np.ndarray) -> np.ndarray:
    """Find each luck's department in its profile's cumulated mix: one search for all profiles."""
    count = mix_KG.shape[1]
    steps = (mix_KG[:, :-1] + np.arange(len(mix_KG))[:, None]).ravel()
    place_L = np.searchsorted(steps, profile_L + np.asarray(luck_L, np.float64), side="right")
    return place_L - profile_L.astype(np.int64) * (count - 1)


def _favourite(
    customers: Customers, layout: Layout, day: int, slot: int, who_L: np.ndarray
) -> np.ndarray:
    """Look up what the customers like in a slot: chosen on the day when its era began."""
    days, offset, _ = SLOTS[slot]
    era = (day + offset) // days
    shelf, seed = layout.shelf(era * days - offset), layout.shop.seed
    luck = [uniform(seed, f"favourite {slot} {n}", who_L, era) for n in range(3)]
    profile_L = customers.profile_N[who_L]
    mixed_L = _department(shelf.mix_KG, profile_L, luck[0])
    own_L = liked_department(customers, layout, who_L)
    department_L = np.where((luck[1] < 0.5) | customers.is_single_N[who_L], own_L, mixed_L)
    return shelf.pick(LASTING, department_L, customers.maturity_N[who_L].astype(np.int64), luck[2])

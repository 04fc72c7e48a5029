"""The products as compact arrays, made block by block, and their prices and appeal on a day.

Arrays end with P, the number of products; products are numbered in the order of their launch. Most
live for weeks: bought most right after the launch, marked down later. A few stay for years.
"""

from dataclasses import dataclass, fields
from datetime import date

import numpy as np

from vitrine.simulator.retailer.seasons import is_black_week, is_sale
from vitrine.simulator.retailer.shop import Retailer
from vitrine.simulator.retailer.vocabulary import (
    BRANDS_PER_SECTOR,
    COLOURS,
    DEPARTMENTS,
    LASTING_SECTORS,
    MATERIALS,
    PATTERNS,
    STYLES,
    SUMMER_COLOURS,
    WINTER_COLOURS,
)

BLOCK = 4_096
APPEAL_SPREAD = 1.05
"""Standard deviation of the logarithm of a product's appeal."""
LASTING_SHARE = 0.03
MEDIAN_LIFE_DAYS = 20
"""Time in which the sales of a product of fashion fall to 1/e."""
LONGEST_LIVES = 5
"""A product leaves the shop after so many times its life."""
LASTING_LIFE_DAYS = 1_500
LASTING_APPEAL = 0.4
"""Appeal of what is always there, relative to what is new."""
MARKDOWNS = ((2.0, 0.3), (3.0, 0.5), (4.0, 0.7))
"""After so many lives, the share of the list price that is taken off."""
SALE_SHARE, SALE_DEPTH = 0.3, 0.3
DISCOUNT_PULL = 0.8
"""How much more a product sells per discount share: 1 + 0.8 × discount."""


@dataclass(frozen=True)
class Products:
    """Arrays of length P."""

    launch_P: np.ndarray
    """int32, day of the launch, negative before the founding"""
    department_P: np.ndarray
    brand_P: np.ndarray
    """int8, within the sector"""
    colour_P: np.ndarray
    pattern_P: np.ndarray
    material_P: np.ndarray
    style_P: np.ndarray
    list_cents_P: np.ndarray
    cost_cents_P: np.ndarray
    is_lasting_P: np.ndarray
    life_days_P: np.ndarray
    appeal_P: np.ndarray
    sale_luck_P: np.ndarray
    """float32 in [0, 1), decides which sales a product takes part in"""


def make_products(shop: Retailer, count: int) -> Products:
    """Draw the first `count` products of a shop."""
    blocks = [_block(shop, number) for number in range(-(-count // BLOCK))]
    joined = {
        f.name: np.concatenate([getattr(b, f.name) for b in blocks])[:count]
        for f in fields(Products)
    }
    return Products(**joined)


def _block(shop: Retailer, number: int) -> Products:
    draws = shop.draws("products", number)
    share_G = np.array([d.share for d in DEPARTMENTS])
    lasts_G = np.array([d.sector in LASTING_SECTORS for d in DEPARTMENTS])
    price_G = np.array([d.price for d in DEPARTMENTS])
    department = draws.choice(len(DEPARTMENTS), BLOCK, p=share_G / share_G.sum()).astype(np.int8)
    lasting = draws.random(BLOCK) < np.where(lasts_G[department], 0.25, LASTING_SHARE)
    life = MEDIAN_LIFE_DAYS * np.exp(0.4 * draws.standard_normal(BLOCK))
    life = np.where(lasting, LASTING_LIFE_DAYS, life)
    launch = _launch(shop, draws, number, np.where(lasting, 900, LONGEST_LIVES * life))
    price = np.round(price_G[department] * np.exp(0.3 * draws.standard_normal(BLOCK)))
    cents = np.maximum(100 * price - 1, 199).astype(np.int64)
    brand = draws.choice(BRANDS_PER_SECTOR, BLOCK, p=[0.24, 0.22, 0.18, 0.15, 0.12, 0.09])
    return Products(
        launch_P=launch,
        department_P=department,
        brand_P=brand.astype(np.int8),
        colour_P=_colour(shop, draws, launch),
        pattern_P=draws.choice(len(PATTERNS), BLOCK, p=[0.55, 0.15, 0.2, 0.1]).astype(np.int8),
        material_P=draws.integers(0, len(MATERIALS), BLOCK).astype(np.int8),
        style_P=draws.integers(0, len(STYLES), BLOCK).astype(np.int8),
        list_cents_P=cents,
        cost_cents_P=np.round(cents * draws.uniform(0.25, 0.4, BLOCK)).astype(np.int64),
        is_lasting_P=lasting,
        life_days_P=life.astype(np.float32),
        appeal_P=np.exp(APPEAL_SPREAD * draws.standard_normal(BLOCK))
        * np.where(lasting, LASTING_APPEAL, 1.0),
        sale_luck_P=draws.random(BLOCK, np.float32),
    )


def _launch(
    shop: Retailer, draws: np.random.Generator, number: int, reach: np.ndarray
) -> np.ndarray:
    """Launch day by day; what is in the shop on day 0 came at some time within its reach."""
    launched = shop.launched_on(np.arange(BLOCK) + number * BLOCK)
    earlier = -1 - draws.random(BLOCK) * reach
    return np.where(launched < 0, earlier, launched).astype(np.int32)


def _colour(shop: Retailer, draws: np.random.Generator, launch: np.ndarray) -> np.ndarray:
    """Choose the colour by the season after the launch, the first of a palette most."""
    month = (np.datetime64(shop.founded_on) + launch + 30).astype("datetime64[M]").astype(int) % 12
    shares = np.arange(len(SUMMER_COLOURS), 0, -1.0)
    place = draws.choice(len(SUMMER_COLOURS), len(launch), p=shares / shares.sum())
    palettes = [[COLOURS.index(c) for c in p] for p in (SUMMER_COLOURS, WINTER_COLOURS)]
    is_winter = ((month < 2) | (month > 7)).astype(np.int64)
    return np.array(palettes)[is_winter, place].astype(np.int8)


def discounts(products: Products, day: int, on: date) -> np.ndarray:
    """Return the share of the list price that is off on a day, float64, length P."""
    lives = (day - products.launch_P) / products.life_days_P
    off = np.zeros(len(lives))
    for after, depth in MARKDOWNS:
        off[lives >= after] = depth
    off[products.is_lasting_P] = 0
    if is_sale(on):
        luck = (products.sale_luck_P + 0.37 * on.year + 0.53 * (on.month > 5)) % 1
        off = np.where(luck < SALE_SHARE, np.maximum(off, SALE_DEPTH), off)
    if is_black_week(on):
        off = np.where((products.sale_luck_P * 7) % 1 < 0.4, np.maximum(off, 0.2), off)
    return off


def prices(products: Products, off_P: np.ndarray) -> np.ndarray:
    """Return the prices after a discount, int64 cents, length P."""
    return np.round(products.list_cents_P * (1 - off_P)).astype(np.int64)


def appeal(products: Products, day: int, off_P: np.ndarray) -> np.ndarray:
    """Return how much each product is wanted on a day, length P; 0 before and after its life.

    Sales climb in the first week and then fall by 1/e every life.
    """
    age = day - products.launch_P
    lives = age / products.life_days_P
    curve = np.minimum(1, 0.3 + age / 7) * np.exp(-lives)
    is_offered = (age >= 0) & (lives < LONGEST_LIVES)
    return np.where(is_offered, products.appeal_P * curve * (1 + DISCOUNT_PULL * off_P), 0.0)

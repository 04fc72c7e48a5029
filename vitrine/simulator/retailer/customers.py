"""The customers as compact arrays, made block by block: a later day has more of them, never others.

Arrays end with N, the number of customers; customers are numbered in the order they registered.
"""

from dataclasses import dataclass, fields

import numpy as np

from vitrine.demographics import AGE_BANDS
from vitrine.simulator.retailer.shop import Retailer
from vitrine.simulator.retailer.vocabulary import (
    BRANDS_PER_SECTOR,
    DEPARTMENTS,
    GENDERS,
    GROUPS,
    MARKETS,
)

BLOCK = 65_536
ACTIVITY_SPREAD = 1.25
"""Standard deviation of the logarithm of a customer's activity."""
NEVER_BUYS = 0.03
OLD_CUSTOMERS = 0.4
"""Share of those who registered before the founding and have ordered before it."""
FOUNDERS_DEBUT_DAYS = 130
"""Mean day of the first order of the others."""
MEAN_STAY_DAYS = 400
SINGLE_DEPARTMENT, BARGAINS_ONLY, ONE_SEASON = 0.08, 0.06, 0.05
_PARENT = 0.35


@dataclass(frozen=True)
class Customers:
    """Arrays of length N; what is hidden comes last."""

    market_N: np.ndarray
    gender_N: np.ndarray
    is_gender_given_N: np.ndarray
    birth_year_N: np.ndarray
    is_birth_year_given_N: np.ndarray
    group_N: np.ndarray
    is_group_given_N: np.ndarray
    postcode_N: np.ndarray
    allows_email_N: np.ndarray
    allows_profiling_N: np.ndarray
    withdraws_on_N: np.ndarray
    """int32, day on which the permission to write ends"""
    debut_N: np.ndarray
    """int32, day of the first order; 2**30 for never"""
    activity_N: np.ndarray
    stay_days_N: np.ndarray
    profile_N: np.ndarray
    """int8, see `tastes`: gender, age band and whether there are children"""
    department_N: np.ndarray
    """float32 in [0, 1), place of the favourite department in the profile's mix"""
    maturity_N: np.ndarray
    """int8, the favourite brand within each sector"""
    loyalty_N: np.ndarray
    """float32, share of lines that are looked for among the favourites"""
    web_share_N: np.ndarray
    phone_share_N: np.ndarray
    is_single_N: np.ndarray
    is_bargain_N: np.ndarray
    quarter_N: np.ndarray
    """int8, the only quarter of the year to buy in, -1 for any"""


def make_customers(shop: Retailer, count: int) -> Customers:
    """Draw the first `count` customers of a shop."""
    blocks = [_block(shop, number) for number in range(-(-count // BLOCK))]
    joined = {
        f.name: np.concatenate([getattr(b, f.name) for b in blocks])[:count]
        for f in fields(Customers)
    }
    return Customers(**joined)


def _block(shop: Retailer, number: int) -> Customers:
    """Draw one block; its size does not depend on how many of it are wanted."""
    draws = shop.draws("customers", number)
    joined = shop.joined_on(np.arange(BLOCK) + number * BLOCK)
    chance = draws.random
    gender = draws.choice(len(GENDERS), BLOCK, p=[0.70, 0.28, 0.02]).astype(np.int8)
    age = np.where(chance(BLOCK) < 0.6, draws.normal(27, 5, BLOCK), draws.normal(50, 10, BLOCK))
    age = np.clip(age, 16, 90).astype(np.int64)
    is_parent = (chance(BLOCK) < _PARENT) & (age > 24) & (age < 55)
    activity = np.exp(ACTIVITY_SPREAD * draws.standard_normal(BLOCK).clip(-3, 3.2))
    maturity = np.clip((age - 16) / 60 * BRANDS_PER_SECTOR + draws.normal(0, 1.2, BLOCK), 0, None)
    return Customers(
        market_N=draws.choice(len(MARKETS), BLOCK, p=[m.share for m in MARKETS]).astype(np.int8),
        gender_N=gender,
        is_gender_given_N=chance(BLOCK) > 0.06,
        birth_year_N=(shop.founded_on.year - age).astype(np.int16),
        is_birth_year_given_N=chance(BLOCK) > 0.02,
        group_N=draws.integers(0, len(GROUPS), BLOCK).astype(np.int8),
        is_group_given_N=chance(BLOCK) > 0.3,
        postcode_N=draws.integers(10_000, 99_000, BLOCK).astype(np.int32),
        allows_email_N=chance(BLOCK) < 0.62,
        allows_profiling_N=chance(BLOCK) < 0.75,
        withdraws_on_N=(joined + 3 + draws.exponential(3_000, BLOCK)).astype(np.int32),
        debut_N=_debut(draws, joined),
        activity_N=activity.astype(np.float32),
        stay_days_N=draws.exponential(MEAN_STAY_DAYS, BLOCK).astype(np.float32),
        profile_N=_profile(gender, age, is_parent),
        department_N=draws.random(BLOCK, np.float32),
        maturity_N=np.minimum(maturity, BRANDS_PER_SECTOR - 1).astype(np.int8),
        loyalty_N=draws.beta(2, 3, BLOCK).astype(np.float32),
        web_share_N=draws.beta(1.6, 1.0, BLOCK).astype(np.float32),
        phone_share_N=draws.beta(2, 1.5, BLOCK).astype(np.float32),
        is_single_N=chance(BLOCK) < SINGLE_DEPARTMENT,
        is_bargain_N=chance(BLOCK) < BARGAINS_ONLY,
        quarter_N=np.where(chance(BLOCK) < ONE_SEASON, draws.integers(0, 4, BLOCK), -1).astype(
            np.int8
        ),
    )


def _debut(draws: np.random.Generator, joined: np.ndarray) -> np.ndarray:
    """Order first on the day of registration; founders some time before or after day 0."""
    waited = draws.exponential(FOUNDERS_DEBUT_DAYS, len(joined))
    waited = np.where(draws.random(len(joined)) < OLD_CUSTOMERS, -1 - waited, waited)
    debut = np.where(joined < 0, waited, joined)
    return np.where(draws.random(len(joined)) < NEVER_BUYS, 2**30, debut).astype(np.int32)


def _profile(gender: np.ndarray, age: np.ndarray, is_parent: np.ndarray) -> np.ndarray:
    band = np.searchsorted([high for _, high, _ in AGE_BANDS], age)
    return ((gender * len(AGE_BANDS) + band) * 2 + is_parent).astype(np.int8)


def profile_mixes() -> np.ndarray:
    """Return each profile's weights of the departments, (K, G), rows sum to 1."""
    mixes = [
        [d.share * _liking(d.audience, gender, band, is_parent) for d in DEPARTMENTS]
        for gender in range(len(GENDERS))
        for band in range(len(AGE_BANDS))
        for is_parent in (False, True)
    ]
    mix_KG = np.array(mixes)
    return mix_KG / mix_KG.sum(axis=1, keepdims=True)


def _liking(audience: str, gender: int, band: int, is_parent: bool) -> float:
    """Weigh an audience for a customer: own goods first, goods for children if there are any."""
    if audience == "kids":
        return 3.0 if is_parent else 0.25
    if audience == "everyone":
        return 0.5 + 0.3 * band
    own = {"women": (1.0, 0.15, 0.6), "men": (0.25, 3.0, 1.2)}
    return own[audience][gender]

"""The customers: who they are, how active, and what they secretly like.

Tastes are drawn around a mean that follows gender, age and country, so a demographic cluster tells
a part of them; the rest is the customer's own.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vitrine.demographics import AGE_BANDS
from vitrine.interval import midnight
from vitrine.simulator.catalogue import LATENT
from vitrine.simulator.local_time import DAY
from vitrine.simulator.raw_format import numbered
from vitrine.simulator.shop import MARKETS, Shop
from vitrine.simulator.vocabulary import (
    AUDIENCES,
    COLOURS,
    FIRST_NAMES,
    GROUPS,
    LAST_NAMES,
    SECTORS,
)

GENDERS = ("female", "male", "other")
CLUSTER_SHARE = 0.45
"""Share of the variance of tastes that the demographic cluster explains."""
SILENT_SHARE = 0.08
"""Customers who registered and never come."""
NEWCOMER_SHARE = 0.18
"""Customers who register after the shop's first day, in the `NEWCOMER_DAYS` after it."""
NEWCOMER_DAYS = 90


@dataclass(frozen=True)
class Population:
    """Arrays of length N, one entry a customer; what is hidden comes last."""

    ids: pa.Array
    addresses: pa.Array
    market_N: np.ndarray
    gender_N: np.ndarray
    is_gender_given_N: np.ndarray
    birth_year_N: np.ndarray
    is_birth_year_given_N: np.ndarray
    group_N: np.ndarray
    is_group_given_N: np.ndarray
    postcode_N: np.ndarray
    signed_up_at_N: np.ndarray
    is_known_at_founding_N: np.ndarray
    allows_email_N: np.ndarray
    allows_profiling_N: np.ndarray
    has_dead_address_N: np.ndarray
    visits_per_day_N: np.ndarray
    phone_share_N: np.ndarray
    sector_taste_NS: np.ndarray
    character_taste_NL: np.ndarray
    audience_taste_NA: np.ndarray
    colour_taste_NC: np.ndarray
    price_level_N: np.ndarray
    bargain_N: np.ndarray
    members: tuple[np.ndarray, ...]
    """Per market, the indices of its customers."""

    def ids_of(self, who: np.ndarray, is_missing: np.ndarray | None = None) -> pa.Array:
        """Return the ids of customers; null where missing."""
        return self.ids.take(pa.array(who, pa.int64(), mask=is_missing))


def make_population(shop: Shop) -> Population:
    """Draw the customers of a shop."""
    draws, count = shop.draws("population"), shop.customer_count
    market_N = draws.choice(len(MARKETS), count, p=[m.share for m in MARKETS])
    market_N[: len(MARKETS)] = np.arange(len(MARKETS))
    gender_N = draws.choice(len(GENDERS), count, p=[0.64, 0.34, 0.02])
    age_N = np.clip(draws.normal(42, 14, count), 18, 88).astype(np.int64)
    signed_up_at_N, known_N = _sign_ups(shop, draws)
    activity = 0.32 * np.exp(draws.normal(-0.4, 0.9, count))
    is_silent = draws.random(count) < SILENT_SHARE
    return Population(
        ids=numbered("U", np.arange(count), 7),
        addresses=pa.array(_addresses(draws, count)),
        market_N=market_N,
        gender_N=gender_N,
        is_gender_given_N=draws.random(count) > 0.05,
        birth_year_N=shop.founded_on.year - age_N,
        is_birth_year_given_N=draws.random(count) > 0.07,
        group_N=draws.integers(0, len(GROUPS), count),
        is_group_given_N=draws.random(count) > 0.3,
        postcode_N=draws.integers(1_000, 96_000, count),
        signed_up_at_N=signed_up_at_N,
        is_known_at_founding_N=known_N,
        allows_email_N=draws.random(count) < 0.85,
        allows_profiling_N=draws.random(count) < 0.75,
        has_dead_address_N=draws.random(count) < 0.012,
        visits_per_day_N=np.where(is_silent, 0.0, np.minimum(activity, 3.0)),
        phone_share_N=draws.beta(2, 2, count),
        **_tastes(shop, market_N, gender_N, age_N),
        members=tuple(np.flatnonzero(market_N == m) for m in range(len(MARKETS))),
    )


def _sign_ups(shop: Shop, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    founded = int(midnight(shop.founded_on).timestamp())
    count = shop.customer_count
    is_new = draws.random(count) < NEWCOMER_SHARE
    before = founded - draws.integers(DAY, 1_000 * DAY, count)
    after = founded + draws.integers(6 * 3_600, NEWCOMER_DAYS * DAY, count)
    return np.where(is_new, after, before), ~is_new


def _addresses(draws: np.random.Generator, count: int) -> list[str]:
    """Make addresses up, in domains that are reserved for examples."""
    firsts, lasts = draws.choice(FIRST_NAMES, count), draws.choice(LAST_NAMES, count)
    return [
        f"{first}.{last}.{number}@example.{'com' if number % 3 else 'org'}"
        for number, (first, last) in enumerate(zip(firsts, lasts, strict=True))
    ]


def _tastes(
    shop: Shop, market_N: np.ndarray, gender_N: np.ndarray, age_N: np.ndarray
) -> dict[str, np.ndarray]:
    draws = shop.draws("tastes")
    band_N = np.searchsorted([high for _, high, _ in AGE_BANDS], age_N)
    groups = ((gender_N, len(GENDERS)), (band_N, len(AGE_BANDS)), (market_N, len(MARKETS)))

    def taste(width: int) -> np.ndarray:
        shared = [draws.standard_normal((size, width))[which] for which, size in groups]
        own = draws.standard_normal((len(age_N), width))
        together = np.sqrt(CLUSTER_SHARE / len(groups)) * np.sum(shared, axis=0)
        return (together + np.sqrt(1 - CLUSTER_SHARE) * own).astype(np.float32)

    return {
        "sector_taste_NS": taste(len(SECTORS)),
        "character_taste_NL": taste(LATENT),
        "audience_taste_NA": _audience_taste(draws, gender_N, age_N),
        "colour_taste_NC": taste(len(COLOURS)),
        "price_level_N": taste(1)[:, 0],
        "bargain_N": taste(1)[:, 0],
    }


def _audience_taste(
    draws: np.random.Generator, gender_N: np.ndarray, age_N: np.ndarray
) -> np.ndarray:
    """Prefer goods for oneself; parents of small children prefer goods for kids too."""
    taste_NA = np.zeros((len(age_N), len(AUDIENCES)), np.float32)
    for_women, for_men = AUDIENCES.index("women"), AUDIENCES.index("men")
    taste_NA[:, for_women] = np.array([0.8, -1.0, 0.0])[gender_N]
    taste_NA[:, for_men] = np.array([-0.8, 1.0, 0.0])[gender_N]
    is_parent = (age_N > 24) & (age_N < 50) & (draws.random(len(age_N)) < 0.5)
    taste_NA[:, AUDIENCES.index("kids")] = np.where(is_parent, 1.0, -1.0)
    return taste_NA

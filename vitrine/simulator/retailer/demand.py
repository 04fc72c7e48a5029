"""Who orders on a day, and how much: an exact number of baskets, drawn by customers' weights."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vitrine.simulator.retailer.customers import Customers
from vitrine.simulator.retailer.noise import uniform
from vitrine.simulator.retailer.shop import Retailer

SPELL_DAYS = 28
"""A customer's mood to buy holds so long, from a day of its own on."""
LEAST_MOOD = 0.6
"""A spell's mood is this and an exponential draw: few spells have most of the orders."""
HABIT = np.array([2.6, 0.9, 0.7, 0.6, 0.6, 0.7, 0.9], np.float32)
"""How a customer's week goes, from the customer's favourite weekday on."""
LEFT_OVER = 0.12
"""Share of the activity that stays when a customer's stay is over."""
LARGEST_BASKET = 30
BASKET_MEDIAN, BASKET_SPREAD = 2.3, 0.85
_LUCK_STEPS = 4_096


@dataclass(frozen=True)
class Baskets:
    """Orders of a day; arrays of length B."""

    customer_B: np.ndarray
    size_B: np.ndarray


@dataclass(frozen=True)
class Demand:
    """Decides who comes on a day."""

    shop: Retailer
    customers: Customers

    @cached_property
    def _size_shares(self) -> np.ndarray:
        size = np.arange(1, LARGEST_BASKET + 1)
        shares = np.exp(-0.5 * (np.log(size / BASKET_MEDIAN) / BASKET_SPREAD) ** 2) / size
        return shares / shares.sum()

    @cached_property
    def _moods(self) -> np.ndarray:
        luck = (np.arange(_LUCK_STEPS) + 0.5) / _LUCK_STEPS
        return (LEAST_MOOD - np.log(luck)).astype(np.float32)

    def baskets_of(self, day: int) -> Baskets:
        """Draw a day's baskets: the first orders that are due, and others up to its number."""
        draws = self.shop.draws("baskets", day)
        mean_size = float(self._size_shares @ np.arange(1, LARGEST_BASKET + 1))
        count = self.shop.share_of(day, self.shop.sale_count / mean_size)
        there = self.shop.customers_by(day)
        first_B = np.flatnonzero(self.customers.debut_N[:there] == day)[:count]
        again_B = spread(draws, self.weights(day), count - len(first_B))
        customer_B = np.r_[first_B, again_B]
        return Baskets(customer_B, self._sizes(draws, len(customer_B)))

    def weights(self, day: int) -> np.ndarray:
        """Return how much each customer who has ordered before is drawn to order again."""
        who, there = self.customers, self.shop.customers_by(day)
        debut_N = who.debut_N[:there]
        age_N = np.maximum(day - debut_N, 0)
        number_N = np.arange(there)
        luck_N = uniform(self.shop.seed, "spell", number_N, (day + number_N * 11) // SPELL_DAYS)
        mood_N = self._moods[(luck_N * _LUCK_STEPS).astype(np.int64)]
        mood_N *= HABIT[(day + number_N * 3) % len(HABIT)]
        left_N = np.maximum(np.exp(-age_N / who.stay_days_N[:there]), LEFT_OVER)
        weight_N = who.activity_N[:there] * mood_N * left_N
        quarter = (self.shop.date_of(day).month - 1) // 3
        elsewhere_N = (who.quarter_N[:there] >= 0) & (who.quarter_N[:there] != quarter)
        return np.where((debut_N >= day) | elsewhere_N, 0, weight_N)

    def _sizes(self, draws: np.random.Generator, count: int) -> np.ndarray:
        """Draw basket sizes evenly over their distribution, so that their sum hardly varies."""
        luck = (draws.permutation(count) + draws.random()) / max(count, 1)
        return 1 + np.searchsorted(np.cumsum(self._size_shares)[:-1], luck, side="right")


def spread(draws: np.random.Generator, weight_N: np.ndarray, count: int) -> np.ndarray:
    """Draw `count` places by weight, evenly (systematic sampling: one draw, equal steps)."""
    total_N = np.cumsum(weight_N, dtype=np.float64)
    if count <= 0 or not len(total_N) or total_N[-1] <= 0:
        return np.zeros(0, np.int64)
    at = (np.arange(count) + draws.random()) / count * total_N[-1]
    at = np.minimum(at, np.nextafter(total_N[-1], 0))
    return np.searchsorted(total_N, at, side="right")

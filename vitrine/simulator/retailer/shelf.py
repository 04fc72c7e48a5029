"""What the shop offers on one day, laid out so that many choices are one search.

Products lie in the order of department and brand; a choice among a range of them is a search in the
cumulative weights.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from vitrine.simulator.retailer.customers import profile_mixes
from vitrine.simulator.retailer.products import Products, appeal, discounts, prices
from vitrine.simulator.retailer.seasons import department_factors
from vitrine.simulator.retailer.shop import Retailer
from vitrine.simulator.retailer.vocabulary import BRANDS_PER_SECTOR, DEPARTMENTS

ALL, REDUCED, LASTING = range(3)
"""Which weights a choice is made by: all products, reduced ones, or those that stay longest."""
STAYS_DAYS = 30
"""Goods that become a favourite are those that are still there after so long."""
PAGE = 24
CACHED_SHELVES = 16


class Layout:
    """The products' places, in the order of department and brand; shelves are made from it."""

    def __init__(self, shop: Retailer, products: Products) -> None:
        self.shop = shop
        self.products = products
        self.mix_KG = profile_mixes()
        key_P = products.department_P.astype(np.int64) * BRANDS_PER_SECTOR + products.brand_P
        self.order_P = np.argsort(key_P, kind="stable")
        ends = np.arange(len(DEPARTMENTS) * BRANDS_PER_SECTOR + 1)
        self.bound_R = np.searchsorted(key_P[self.order_P], ends)
        """int, where each department's each brand begins; one more for the end"""
        self.shelf = lru_cache(CACHED_SHELVES)(self._shelf)

    def _shelf(self, day: int) -> "Shelf":
        return Shelf(self, day)


class Shelf:
    """One day's weights, prices and seasonal mixes."""

    def __init__(self, layout: Layout, day: int) -> None:
        products, on = layout.products, layout.shop.date_of(day)
        self.layout = layout
        self.off_P = discounts(products, day, on)
        self.cents_P = prices(products, self.off_P)
        self.weight_P = appeal(products, day, self.off_P)
        stays_P = np.where(products.is_lasting_P, 1.5, np.exp(-STAYS_DAYS / products.life_days_P))
        kinds = (1.0, self.off_P > 0, stays_P)
        self.total_WP = np.stack([self._cumulated(self.weight_P * kind) for kind in kinds])
        self.season_G = department_factors(on)
        mix_KG = layout.mix_KG * self.season_G
        self.mix_KG = np.cumsum(mix_KG / mix_KG.sum(axis=1, keepdims=True), axis=1)

    def _cumulated(self, weight_P: np.ndarray) -> np.ndarray:
        return np.r_[0.0, np.cumsum(weight_P[self.layout.order_P])]

    def pick(
        self, which: int, department_L: np.ndarray, brand_L: np.ndarray, luck_L: np.ndarray
    ) -> np.ndarray:
        """Choose products by weight, int32, length L.

        `brand_L` is -1 for any brand. Where a brand has nothing, the department serves, and where
        that has nothing, the whole shop.
        """
        bound_R, total = self.layout.bound_R, self.total_WP[which]
        first_L = department_L * BRANDS_PER_SECTOR + np.maximum(brand_L, 0)
        low, high = total[bound_R[first_L]], total[bound_R[first_L + 1]]
        first_L = department_L * BRANDS_PER_SECTOR
        is_any = (brand_L < 0) | (high <= low)
        low = np.where(is_any, total[bound_R[first_L]], low)
        high = np.where(is_any, total[bound_R[first_L + BRANDS_PER_SECTOR]], high)
        low, high = np.where(high <= low, 0, low), np.where(high <= low, total[-1], high)
        at = np.minimum(low + luck_L * (high - low), np.nextafter(high, low))
        place_L = np.searchsorted(total, at, side="right") - 1
        return self.layout.order_P[np.minimum(place_L, len(total) - 2)].astype(np.int32)

    def has(self, which: int) -> bool:
        """Tell whether there is anything to pick."""
        return bool(self.total_WP[which][-1] > 0)

    def pages(self) -> np.ndarray:
        """Return the most wanted products of each department, and then of the shop, (G, PAGE).

        Where the whole shop has fewer, the page begins again.
        """
        layout = self.layout
        best_P = self._best(np.arange(len(self.weight_P)))
        bounds = layout.bound_R[::BRANDS_PER_SECTOR]
        pages = []
        for low, high in pairwise(bounds):
            own = self._best(np.sort(layout.order_P[low:high]))
            pages.append(np.resize(np.r_[own, best_P[~np.isin(best_P, own)]], PAGE))
        return np.array(pages)

    def _best(self, products: np.ndarray) -> np.ndarray:
        """Return those of some products that are offered, the most wanted first."""
        offered = products[self.weight_P[products] > 0]
        return offered[np.argsort(-self.weight_P[offered], kind="stable")[: 2 * PAGE]]

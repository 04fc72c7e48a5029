"""Brand campaigns: what opens at 07:00 local time, for how long, with which products and stock."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from vitrine.simulator.catalogue import Catalogue, Product
from vitrine.simulator.local_time import instant_at
from vitrine.simulator.shop import MARKETS, Shop

OPENING_HOUR = 7
ANNOUNCEMENT_HOUR = 16
LONGEST_DAYS = 15
DURATION_DAYS = (1, 2, 3, 4, 5, 7, 10, 15)
DURATION_SHARES = (0.08, 0.16, 0.22, 0.18, 0.14, 0.12, 0.06, 0.04)


@dataclass
class Campaign:
    """One brand's sale in one market; `left_P` is the stock and falls as orders come in."""

    id: str
    market: int
    brand: int
    sub_sector: int
    announced_at: int
    opens_at: int
    closes_at: int
    depth: float
    """Discount as a share of the list price."""
    appeal: float
    """What it gains with every customer alike."""
    products: list[Product]
    price_P: np.ndarray
    initial_P: np.ndarray
    left_P: np.ndarray


class Calendar:
    """Schedules campaigns day by day; a brand has at most one open in a market."""

    def __init__(self, shop: Shop, catalogue: Catalogue) -> None:
        self.shop = shop
        self.catalogue = catalogue
        self._closes_on = [[date.min] * shop.brand_count for _ in MARKETS]

    def open_on(self, day: date, market: int) -> list[Campaign]:
        """Schedule the campaigns that open on a day; days must come in order."""
        draws = self.shop.draws("campaigns", day.toordinal(), market)
        free = [b for b, last in enumerate(self._closes_on[market]) if last <= day]
        wanted = max(2, int(draws.poisson(self.shop.openings_per_day)))
        brands = draws.permutation(free)[:wanted]
        return [self._schedule(draws, day, market, int(b), place) for place, b in enumerate(brands)]

    def _schedule(
        self, draws: np.random.Generator, day: date, market: int, brand: int, place: int
    ) -> Campaign:
        zone = MARKETS[market].timezone
        announced_on = day - timedelta(days=self.shop.announced_days)
        closes_on = day + timedelta(days=int(draws.choice(DURATION_DAYS, p=DURATION_SHARES)))
        self._closes_on[market][brand] = closes_on
        kind = int(draws.integers(2))
        offered = self.catalogue.range_of(brand, kind, day)
        picks = np.sort(draws.permutation(len(offered))[: draws.integers(6, 12)])
        products = [offered[p] for p in picks]
        depth, appeal = float(draws.uniform(0.2, 0.7)), float(0.5 * draws.standard_normal())
        stock_P = self._stock(draws, market, appeal, len(products))
        return Campaign(
            id=f"C{day:%Y%m%d}{MARKETS[market].country}{place:02d}",
            market=market,
            brand=brand,
            sub_sector=products[0].sub_sector,
            announced_at=instant_at(announced_on, ANNOUNCEMENT_HOUR, zone),
            opens_at=instant_at(day, OPENING_HOUR, zone),
            closes_at=instant_at(closes_on, OPENING_HOUR, zone),
            depth=depth,
            appeal=appeal,
            products=products,
            price_P=np.round([p.list_price * (1 - depth) for p in products], 2),
            initial_P=stock_P,
            left_P=stock_P.copy(),
        )

    def _stock(
        self, draws: np.random.Generator, market: int, appeal: float, count: int
    ) -> np.ndarray:
        """Buy stock for the demand that a merchant would guess, which is often too little."""
        members = self.shop.customer_count * MARKETS[market].share
        expected = members * 0.005 * np.exp(0.7 * appeal + 0.6 * draws.standard_normal(count))
        return np.maximum(1, np.ceil(expected)).astype(np.int64)

"""Where a price stands among the offers of the catalogue, as known when the last week ended."""

import math
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import mean

from vitrine.interval import DAY, floor
from vitrine.proof.history import MICROSECOND, History

STEPS = 20
WHOLE_CATALOGUE = "all"
NOTHING_KNOWN = 0.5


def price_quantile(
    history: History, sector: str | None, price: float | None, as_of: datetime
) -> float:
    """Return the share of cheaper offers, in steps; the middle of the steps of the same price."""
    ladder = price_ladder(history, sector, last_week_end(history, as_of)) if sector else []
    if price is None or not ladder:
        return NOTHING_KNOWN
    below = [step for step in ladder if step <= round(price, 4)]
    if not below:
        return 0.0
    return mean(n / STEPS for n, step in enumerate(ladder) if step == max(below)) + 0.5 / STEPS


def last_week_end(history: History, as_of: datetime) -> datetime:
    """Return the last Monday, 00:00 UTC, of which a day feature may know all before."""
    day = floor(as_of - history.rule.day_delay, DAY)
    return day - timedelta(days=day.weekday())


@lru_cache(maxsize=32)
def price_ladder(history: History, sector: str, instant: datetime) -> list[float]:
    """Return the prices of which 0, 5, 10 … 95 per cent of the offers are not dearer."""
    prices = sorted(_prices(history, sector, instant - MICROSECOND))
    if not prices:
        return []
    ranks = [math.ceil(len(prices) * step / STEPS - 1e-9) for step in range(STEPS)]
    return [prices[max(rank, 1) - 1] for rank in ranks]


def _prices(history: History, sector: str, as_of: datetime) -> list[float]:
    """Return the newest price of every offer so far."""
    found = []
    for key in history.keys("campaign_products"):
        offer = history.latest("campaign_products", key, as_of)
        campaign = history.latest("campaigns", key[0], as_of)
        if offer and campaign and sector in (WHOLE_CATALOGUE, campaign["sector"]):
            found.append(offer["price"])
    return found

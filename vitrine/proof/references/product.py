"""What is known about a product: who buys it where, how its sales move, how long it will last."""

from collections import Counter
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import mean
from typing import Any

from vitrine.proof import counts
from vitrine.proof.counts import by_day, ratio, sales
from vitrine.proof.history import MICROSECOND, SALE, UNKNOWN, Fact, History
from vitrine.proof.references.classes import AGE_BANDS, age_band, most
from vitrine.proof.references.offers import stock_on_sale
from vitrine.proof.references.seasons import season_began_at
from vitrine.proof.references.shopping import favourite_channel

Values = dict[str, Any]
YEAR, MONTH, WEEKS = 365, 28, 8
LONGEST_DAYS = 730.0


def product(history: History, product_id: str, as_of: datetime) -> Values:
    """Answer for `feat_product`."""
    lines = sales(history.facts(product_id=product_id))
    year = history.learnt_daily(lines, as_of, YEAR)
    share, rank = season_place(history, product_id, as_of)
    return {
        "product_season_unit_ratio": share,
        "product_season_rank": rank,
        "product_favourite_age_band": favourite_age_band(history, year),
        "product_average_price": ratio(counts.turnover(year, by_day), counts.units(year)),
        "product_favourite_channel": favourite_channel(year),
        "product_momentum_ratio": momentum(history, lines, as_of),
        "product_trend": trend(history, lines, as_of),
        "product_stock_left_days": stock_left_days(history, product_id, lines, as_of),
    }


def favourite_age_band(history: History, year: list[Fact]) -> str:
    """Name the age band that bought most units, as the buyers were known at the receipt."""
    units = dict.fromkeys(AGE_BANDS, 0)
    for line in year:
        customer_id, received_at = line.customer_id, line.received_at
        cluster = history.value("customers", customer_id, "demographic_cluster", received_at)
        if age_band(cluster) in units:
            units[age_band(cluster)] += line.quantity
    return most(units)


def weeks(history: History, lines: list[Fact], as_of: datetime) -> list[int]:
    """Return the units that became known in each of the last eight weeks, oldest first."""
    starts = [as_of - timedelta(days=7 * week) for week in range(WEEKS, 0, -1)]
    known = history.known_daily(lines, as_of)
    return [
        counts.units([f for f in known if start < f.day_at <= start + timedelta(days=7)])
        for start in starts
    ]


def momentum(history: History, lines: list[Fact], as_of: datetime) -> float:
    """Return the slope of a line through the weeks, over their mean."""
    units = weeks(history, lines, as_of)
    slope = sum((n - 3.5) * count for n, count in enumerate(units)) / 42
    return slope / mean(units) if any(units) else 0.0


def trend(history: History, lines: list[Fact], as_of: datetime) -> str:
    """Name how the sales move; the rules are described in macros/product_rules.sql."""
    ever = counts.units(history.known_daily(lines, as_of))
    recent = sum(weeks(history, lines, as_of))
    slope = momentum(history, lines, as_of)
    if not ever or not recent:
        return "declining" if ever else UNKNOWN
    if recent == ever and slope > 0:
        return "emerging"
    if abs(slope) < 0.1:
        return "stable"
    return "trending" if slope > 0 else "declining"


def season_place(history: History, product_id: str, as_of: datetime) -> tuple[float, int]:
    """Return the share of its sector's units of the season, and the rank among the products."""
    readable = history.last_readable_day(as_of)
    units = _season_units(history, season_began_at(as_of), readable)
    day_end = readable - history.rule.day_delay - MICROSECOND
    sector = _sector(history, product_id, day_end)
    alike = {p: n for p, n in units.items() if _sector(history, p, day_end) == sector}
    if not alike.get(product_id):
        return 0.0, 0
    ranked = sorted(alike, key=lambda p: (-alike[p], p))
    return alike[product_id] / sum(alike.values()), ranked.index(product_id) + 1


@lru_cache(maxsize=8)
def _season_units(history: History, began_at: datetime, as_of: datetime) -> Counter[str]:
    units: Counter[str] = Counter()
    for line in history.known_daily(_received_since(history, began_at), as_of):
        units[str(line.product_id)] += line.quantity
    return units


@lru_cache(maxsize=2)
def _received_since(history: History, instant: datetime) -> list[Fact]:
    return history.of_campaigns(None, SALE, instant)


def _sector(history: History, product_id: str, as_of: datetime) -> str:
    return history.value("products", product_id, "sector", as_of)


def stock_left_days(history: History, product_id: str, lines: list[Fact], as_of: datetime) -> float:
    """Return how long the stock of the day's end lasts at the pace of the last four weeks."""
    day_end = history.last_readable_day(as_of) - history.rule.day_delay
    stocks = stock_on_sale(history, product_id, day_end - MICROSECOND)
    if not stocks:
        return 0.0
    left = [count for count in stocks if count is not None]
    a_day = counts.units(history.learnt_daily(lines, as_of, MONTH)) / MONTH
    return min(LONGEST_DAYS, ratio(sum(left), a_day, LONGEST_DAYS)) if left else LONGEST_DAYS

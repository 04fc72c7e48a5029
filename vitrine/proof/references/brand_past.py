"""What became of a brand's last campaigns, as known on the days that they closed."""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from vitrine.interval import DAY, floor
from vitrine.proof import counts
from vitrine.proof.counts import by_receipt, ratio
from vitrine.proof.history import MICROSECOND, History
from vitrine.proof.references.offers import offers
from vitrine.proof.references.rates import guessed_conversion, guessed_sell_through, smoothed

Values = dict[str, Any]
PRIOR_VIEWS = PRIOR_STOCK = 50
LAST = 3


class Closed(NamedTuple):
    """A campaign that is over, and what had become of it when the day of its end was readable."""

    closed_at: datetime
    campaign_id: str
    available_at: datetime
    brand: str
    sector: str
    order_count: int
    view_count: int
    unit_count: int
    turnover: float
    stock: int


def brand_past(history: History, brand: str, sector: str | None, as_of: datetime) -> Values:
    """Answer for the `brand_last_3` features; without a sector they are drawn towards 0."""
    over = [c for c in closed_campaigns(history) if c.available_at <= as_of]
    past = sorted(c for c in over if c.brand == brand)[-LAST:]
    conversion, sold_out, average = usual(history, over, sector) if sector else (0.0, 0.0, 0.0)
    return {
        "brand_last_3_conversion_ratio": _conversion(past, conversion),
        "brand_last_3_sell_through_ratio": _sold_out(past, sold_out),
        "brand_last_3_turnover": _average(past, average),
    }


def usual(history: History, over: list[Closed], sector: str) -> tuple[float, float, float]:
    """Return conversion, sell-through and turnover of a sector's campaigns that are over.

    They are drawn towards those of the whole shop's.
    """
    alike = [c for c in over if c.sector == sector]
    everywhere = ratio(sum(c.turnover for c in over), len(over))
    return (
        _conversion(alike, _conversion(over, guessed_conversion(history))),
        _sold_out(alike, _sold_out(over, guessed_sell_through(history))),
        _average(alike, everywhere),
    )


def _conversion(campaigns: list[Closed], prior: float) -> float:
    orders, views = (sum(getattr(c, n) for c in campaigns) for n in ("order_count", "view_count"))
    return smoothed(orders, views, prior, PRIOR_VIEWS)


def _sold_out(campaigns: list[Closed], prior: float) -> float:
    return smoothed(_sold(campaigns), sum(c.stock for c in campaigns), prior, PRIOR_STOCK)


def _average(campaigns: list[Closed], prior: float) -> float:
    return (sum(c.turnover for c in campaigns) + prior) / (len(campaigns) + 1)


def _sold(campaigns: list[Closed]) -> int:
    """Add up the units of the campaigns whose stock is known."""
    return sum(c.unit_count for c in campaigns if c.stock > 0)


@lru_cache(maxsize=1)
def closed_campaigns(history: History) -> list[Closed]:
    """Return every campaign that ever closed, once: when its description first said so."""
    found = []
    for campaign_id in history.keys("campaigns"):
        versions = history.versions("campaigns", campaign_id, history.ends["daily"])
        for n, version in enumerate(versions):
            if version["closes_at"] is None:
                continue
            closed_at = max(version["closes_at"], version["received_at"])
            is_last = n + 1 == len(versions)
            if is_last or closed_at < versions[n + 1]["received_at"]:
                found.append(_closed(history, version, closed_at))
                break
    return [c for c in found if floor(c.closed_at, DAY) + DAY <= history.ends["daily"]]


def _closed(history: History, version: dict[str, Any], closed_at: datetime) -> Closed:
    available_at = history.rule.day(closed_at)
    campaign_id = version["campaign_id"]
    known = history.known_daily(history.facts(campaign_id=campaign_id), available_at)
    end_of_day = floor(closed_at, DAY) + DAY - MICROSECOND
    newest = [rows[-1] for rows in offers(history, campaign_id, end_of_day).values()]
    return Closed(
        closed_at,
        campaign_id,
        available_at,
        version["brand"],
        version["sector"],
        counts.orders(known, by_receipt),
        counts.views(known),
        counts.units(known),
        counts.line_turnover(known),
        sum(row["initial_stock"] or 0 for row in newest),
    )

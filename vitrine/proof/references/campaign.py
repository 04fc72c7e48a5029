"""What is known about a campaign: its description, and how it did day by day."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from vitrine.interval import EPOCH
from vitrine.proof import counts
from vitrine.proof.counts import by_receipt, days_since, ratio, sales
from vitrine.proof.history import SALE, UNKNOWN, Fact, History, Row
from vitrine.proof.references.brand_past import brand_past
from vitrine.proof.references.offers import offers
from vitrine.proof.references.prices import price_quantile

Values = dict[str, Any]
HOUR = timedelta(hours=1)
PERMANENT_HOURS = 720.0


def campaign(history: History, campaign_id: str, as_of: datetime) -> Values:
    """Answer for `feat_campaign`."""
    facts = history.facts(campaign_id=campaign_id)
    known = history.known_daily(facts, as_of)
    values = described(history, campaign_id, as_of)
    values |= assortment(history, campaign_id, as_of)
    for days in (1, 7, 28):
        values |= activity(history.learnt_daily(facts, as_of, days), f"{days}d")
    last_week, last_month = values["campaign_unit_count_7d"], values["campaign_unit_count_28d"]
    values |= {
        "campaign_trend_ratio": (last_week + 1) / (last_month / 4 + 1),
        "campaign_return_ratio": ratio(counts.returned_units(known), counts.units(known)),
        "campaign_days_since_last_sale": days_since([f.occurred_at for f in sales(known)], as_of),
    }
    name, is_described = str(values["brand"]), history.latest("campaigns", campaign_id, as_of)
    sector = str(values["sector"]) if is_described else None
    values["campaign_price_level_ratio"] = price_level(history, sector, values, as_of)
    return values | brand(history, name, as_of) | brand_past(history, name, sector, as_of)


def described(history: History, campaign_id: str, as_of: datetime) -> Values:
    """Say what the campaign's newest row says."""
    known = history.latest("campaigns", campaign_id, as_of)
    return {
        "brand": known["brand"] if known else UNKNOWN,
        "business_type": known["business_type"] if known else UNKNOWN,
        "sector": known["sector"] if known else UNKNOWN,
        "sub_sector": known["sub_sector"] if known else UNKNOWN,
        "campaign_country": known["country"] if known else UNKNOWN,
        "campaign_duration_hours": (known["closes_at"] - known["opens_at"]) / HOUR
        if known and known["closes_at"]
        else PERMANENT_HOURS,
    }


def assortment(history: History, campaign_id: str, as_of: datetime) -> Values:
    """Say how many products there are and what they cost."""
    known = offers(history, campaign_id, as_of)
    price = sum(rows[-1]["price"] for rows in known.values())
    full_price = sum(list_price(history, rows) for rows in known.values())
    return {
        "campaign_product_count": len(known),
        "campaign_average_price": ratio(price, len(known)),
        "campaign_discount_ratio": max(0.0, 1 - ratio(price, full_price, otherwise=1.0)),
    }


def price_level(history: History, sector: str | None, values: Values, as_of: datetime) -> float:
    """Say where the average price stands in the sector."""
    price = values["campaign_average_price"] if values["campaign_product_count"] else None
    return price_quantile(history, sector, price, as_of)


def list_price(history: History, rows: list[Row]) -> float:
    """Return a product's list price as known when its present offer was first made.

    Whoever sells above the list price gives no discount.
    """
    offer = [(row["price"], row["initial_stock"]) for row in rows]
    made = next(n for n in range(len(rows)) if len(set(offer[n:])) == 1)
    product = history.latest("products", rows[made]["product_id"], rows[made]["received_at"])
    return max(rows[made]["price"], (product and product["list_price"]) or 0.0)


def activity(learnt: list[Fact], span: str) -> Values:
    """Count what became known of the campaign in a span of days."""
    return {
        f"campaign_unit_count_{span}": counts.units(learnt),
        f"campaign_turnover_{span}": counts.line_turnover(learnt),
        f"campaign_buyer_count_{span}": counts.buyers(learnt, by_receipt),
        f"campaign_view_count_{span}": counts.views(learnt),
    }


def brand(history: History, name: str, as_of: datetime) -> Values:
    """Add up what all campaigns of a brand sold; a line's brand is the one known at its receipt."""
    lines = [] if name == UNKNOWN else sold_by(history, name)
    month = history.learnt_daily(lines, as_of, 28)
    year = history.learnt_daily(lines, as_of, 365)
    return {
        "brand_unit_count_28d": counts.units(month),
        "brand_unit_count_365d": counts.units(year),
        "brand_turnover_365d": counts.line_turnover(year),
    }


@lru_cache(maxsize=8)
def sold_by(history: History, brand: str) -> list[Fact]:
    """Return the lines sold in campaigns that were the brand's when the line came."""
    campaigns = history.where("campaigns", "brand", brand)
    return [
        line
        for line in history.of_campaigns(campaigns, SALE, EPOCH)
        if history.value("campaigns", line.campaign_id, "brand", line.received_at) == brand
    ]

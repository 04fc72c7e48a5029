"""What a campaign offers, and what of it was on sale at an instant, known to the receipt."""

from datetime import datetime
from typing import Any

from vitrine.interval import DAY
from vitrine.proof.counts import sales
from vitrine.proof.history import History, Row

STOCK_UNKNOWN = -1


def on_sale(history: History, campaign_id: str, product_id: str, as_of: datetime) -> dict[str, Any]:
    """Answer for `on_sale`: whether a product could be bought in a campaign, for how much."""
    rows = history.versions("campaign_products", (campaign_id, product_id), as_of)
    if not rows or not _is_open(history, campaign_id, product_id, as_of):
        return {"is_on_sale": False, "price": 0.0, "stock_left": 0}
    left = _left(history, rows[-1], as_of)
    if left is not None and left <= 0:
        return {"is_on_sale": False, "price": 0.0, "stock_left": 0}
    stock = STOCK_UNKNOWN if left is None else left
    return {"is_on_sale": True, "price": rows[-1]["price"], "stock_left": stock}


def offers(
    history: History, campaign_id: str, as_of: datetime, database: str = "daily"
) -> dict[str, list[Row]]:
    """Return, by product, every row about what the campaign offers that was received by then."""
    found = {}
    for key in history.where("campaign_products", "campaign_id", campaign_id):
        rows = history.versions("campaign_products", key, as_of, database)
        if rows:
            found[key[1]] = rows
    return found


def opened_at(history: History, campaign_id: str, as_of: datetime) -> datetime | None:
    """Return when it opens as far as known; a permanent campaign opened when first heard of."""
    versions = history.versions("campaigns", campaign_id, as_of)
    if not versions:
        return None
    if versions[-1]["closes_at"] is None:
        return min(row["opens_at"] for row in versions)
    opens_at: datetime = versions[-1]["opens_at"]
    return opens_at


def stock_on_sale(history: History, product_id: str, as_of: datetime) -> list[int | None]:
    """Return the stock left of a product in each campaign in which it is on sale; null: unknown."""
    found = []
    for campaign_id, _ in history.where("campaign_products", "product_id", product_id):
        rows = history.versions("campaign_products", (campaign_id, product_id), as_of)
        if rows and _is_open(history, campaign_id, product_id, as_of):
            left = _left(history, rows[-1], as_of)
            if left is None or left > 0:
                found.append(left)
    return found


def _is_open(history: History, campaign_id: str, product_id: str, as_of: datetime) -> bool:
    """Say whether it has opened and not closed."""
    opens_at = opened_at(history, campaign_id, as_of)
    closes_at = closed_at(history, campaign_id, product_id, as_of)
    if opens_at is None or closes_at is None:
        return False
    return opens_at <= as_of < closes_at


def closed_at(
    history: History, campaign_id: str, product_id: str, as_of: datetime
) -> datetime | None:
    """Return when it closes as far as known; without an end, long after the product's last sale."""
    campaign = history.latest("campaigns", campaign_id, as_of)
    if campaign is None:
        return None
    if campaign["closes_at"] is not None:
        closes_at: datetime = campaign["closes_at"]
        return closes_at
    sold = [f.occurred_at for f in _sold(history, campaign_id, product_id, as_of)]
    return max(sold) + history.permanent_days * DAY if sold else None


def _left(history: History, offer: Row, as_of: datetime) -> int | None:
    """Return the initial stock less what was sold, or what was counted where none is stated."""
    campaign_id, product_id = offer["campaign_id"], offer["product_id"]
    if offer["initial_stock"] is None:
        return _counted(history, campaign_id, product_id, as_of)
    sold = sum(f.quantity for f in _sold(history, campaign_id, product_id, as_of))
    return int(offer["initial_stock"]) - sold


def _sold(history: History, campaign_id: str, product_id: str, as_of: datetime) -> list:
    facts = history.facts(campaign_id=campaign_id, product_id=product_id)
    end = history.ends["daily"]
    return [f for f in sales(facts) if f.received_at <= as_of and f.received_at < end]


def _counted(history: History, campaign_id: str, product_id: str, as_of: datetime) -> int | None:
    """Add up, warehouse by warehouse, the latest count that is known.

    Only counts made since the opening stand, as it was known when the count came.
    """
    latest: dict[str, Row] = {}
    for key in history.where("stock_levels", "product_id", product_id):
        for count in history.versions("stock_levels", key, as_of):
            came = count["received_at"]
            opens_at = opened_at(history, campaign_id, came)
            best = latest.get(count["location"])
            if opens_at is None or count["occurred_at"] < opens_at:
                continue
            if best is None or count["occurred_at"] > best["occurred_at"]:
                latest[count["location"]] = count
    return sum(count["quantity"] for count in latest.values()) if latest else None

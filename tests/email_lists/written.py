"""Rows of a list made by hand, as letters are rendered and delivered from."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from email_lists.people import SCHEMA
from vitrine.interval import parse_instant

SEND_AT = parse_instant("2026-03-02T06:30:00Z")


def campaign(rank: int = 1, **said: Any) -> dict[str, Any]:
    """Return a campaign of a row: open since the first, until the eighth of March."""
    return {
        "rank": rank,
        "campaign_id": f"k{rank}",
        "name": "Kiln",
        "brand": "Kiln",
        "sector": "home",
        "opens_at": parse_instant("2026-03-01T06:00:00Z"),
        "closes_at": parse_instant("2026-03-08T06:00:00Z"),
        "score": 0.5,
        "reason": "ranked_for_you",
    } | said


def product(position: int = 1, **said: Any) -> dict[str, Any]:
    """Return a product of a row."""
    return {
        "position": position,
        "slot": "similar",
        "product_id": f"p{position:02}",
        "campaign_id": "k1",
        "name": f"blue mug {position}",
        "brand": "Kiln",
        "price": 1234.5,
        "reason": "similar_to_bought",
        "cause_product_id": "p20",
        "cause_name": "red mug",
        "probability": 0.01,
        "propensity": 1.0,
        "bought_today_count": None,
    } | said


def person(customer_id: str = "anna", **said: Any) -> dict[str, Any]:
    """Return a row of a list: one campaign, one product, in French."""
    return {
        "customer_id": customer_id,
        "message_id": f"letter-to-{customer_id}",
        "consent_id": f"consent-of-{customer_id}",
        "country": "FR",
        "language": "fr",
        "timezone": "Europe/Paris",
        "send_at": SEND_AT,
        "local_day": SEND_AT.date(),
        "segment": "loyal",
        "strategy": "selection",
        "arm": "standard",
        "arm_propensity": 1.0,
        "has_history": True,
        "campaigns": [campaign()],
        "products": [product()],
    } | said


def people(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Return the rows as a list."""
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)

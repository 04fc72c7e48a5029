"""The retailer behind a landing folder: founded by the first call, continued by the later ones."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from vitrine.errors import BadArgumentError
from vitrine.interval import Interval, format_instant, midnight
from vitrine.publish import atomic_file
from vitrine.simulator.retailer.shop import Retailer
from vitrine.simulator.shop import RETAILER, shop_file, stored

DEFAULT_CUSTOMERS = 13_700
SESSION_DAYS = 30
"""Visits are recorded for the last so many days of the interval that founds the shop, and on."""


def found(landing: Path, interval: Interval, seed: int, customers: int | None) -> Retailer:
    """Return the retailer that writes to `landing`; the first call founds it.

    Raises
    ------
    BadArgumentError
        If the shop exists with another kind, seed or size, or begins after the interval's start.
    BadInputError
        If the shop's file cannot be understood.
    """
    shop = stored(landing, _retailer, "retailer")
    if shop is None:
        shop = _new(interval, seed, customers or DEFAULT_CUSTOMERS)
        _store(landing, shop)
    shop.refuse_another(landing, interval, seed, customers)
    return shop


def _new(interval: Interval, seed: int, customers: int) -> Retailer:
    founded_on, last = interval.start.date(), interval.days()[-1]
    if interval.start != midnight(founded_on):
        raise BadArgumentError(
            "a new shop's first interval starts at a UTC midnight,"
            f" not at {format_instant(interval.start)}"
        )
    sessions_from = max(founded_on, last - timedelta(days=SESSION_DAYS - 1))
    return Retailer(seed, customers, founded_on, sessions_from)


def _retailer(values: dict[str, Any]) -> Retailer:
    dates = {n: date.fromisoformat(values[n]) for n in ("founded_on", "sessions_from")}
    return Retailer(values["seed"], values["customer_count"], **dates)


def _store(landing: Path, shop: Retailer) -> None:
    values = {
        "kind": RETAILER,
        "seed": shop.seed,
        "customer_count": shop.customer_count,
        "founded_on": shop.founded_on.isoformat(),
        "sessions_from": shop.sessions_from.isoformat(),
    }
    with atomic_file(shop_file(landing)) as path:
        path.write_text(json.dumps(values, indent=2) + "\n")

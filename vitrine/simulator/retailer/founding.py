"""The retailer behind a landing folder: founded by the first call, continued by the later ones."""

import json
from datetime import date, timedelta
from pathlib import Path

from vitrine.errors import BadArgumentError, BadInputError
from vitrine.interval import Interval, format_instant, midnight
from vitrine.publish import atomic_file
from vitrine.simulator.retailer.shop import Retailer
from vitrine.simulator.shop import RETAILER, shop_file

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
    file = shop_file(landing)
    if file.exists():
        shop = _load(file)
    else:
        shop = _new(interval, seed, customers or DEFAULT_CUSTOMERS)
        _store(file, shop)
    _refuse_another(shop, file, interval, seed, customers)
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


def _load(file: Path) -> Retailer:
    try:
        values = json.loads(file.read_text())
        dates = {n: date.fromisoformat(values[n]) for n in ("founded_on", "sessions_from")}
        return Retailer(values["seed"], values["customer_count"], **dates)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{file} does not hold a simulated retailer's parameters ({error});"
            " simulate into an empty landing folder"
        ) from None


def _store(file: Path, shop: Retailer) -> None:
    values = {
        "kind": RETAILER,
        "seed": shop.seed,
        "customer_count": shop.customer_count,
        "founded_on": shop.founded_on.isoformat(),
        "sessions_from": shop.sessions_from.isoformat(),
    }
    with atomic_file(file) as path:
        path.write_text(json.dumps(values, indent=2) + "\n")


def _refuse_another(
    shop: Retailer, file: Path, interval: Interval, seed: int, customers: int | None
) -> None:
    if customers not in (None, shop.customer_count):
        raise BadArgumentError(
            f"{file} is a shop of {shop.customer_count} customers, not {customers};"
            " leave --customers away, or simulate into an empty landing folder"
        )
    if seed != shop.seed:
        raise BadArgumentError(
            f"{file} is a shop of seed {shop.seed}, not {seed};"
            " set VITRINE_SEED to it, or simulate into an empty landing folder"
        )
    if interval.start < midnight(shop.founded_on):
        raise BadArgumentError(
            f"the shop in {file} was founded on {shop.founded_on};"
            f" {format_instant(interval.start)} lies before that"
        )

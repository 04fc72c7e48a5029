"""What a customer did in each sector: the product's, or the campaign's where that is unknown."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from vitrine.interval import DAY, floor
from vitrine.proof import counts
from vitrine.proof.counts import by_day
from vitrine.proof.history import MICROSECOND, SALE, UNKNOWN, VIEWS, Fact, History

Values = dict[str, Any]


def customer_sector(history: History, customer_id: str, sector: str, as_of: datetime) -> Values:
    """Answer for `feat_customer_sector`."""
    return sector_activity(history, customer_id, sector, as_of, "customer")


def sector_activity(
    history: History, customer_id: str, sector: str | None, as_of: datetime, prefix: str
) -> Values:
    """Say what the customer spent and viewed in a sector; nothing in an unknown one."""
    facts = history.facts(customer_id=customer_id)
    values: Values = {}
    for days in (7, 30, 365):
        sectors = by_sector(history, history.learnt_daily(facts, as_of, days))
        here = sectors.get(sector, []) if sector is not None else []
        values[f"{prefix}_sector_turnover_{days}d"] = counts.turnover(here, by_day)
        values[f"{prefix}_sector_view_count_{days}d"] = counts.views(here)
    return values


def sector_of(history: History, fact: Fact) -> str:
    """Name the product's sector, or the campaign's, as known at the end of the day of receipt."""
    return described(history, fact, "sector", floor(fact.received_at, DAY) + DAY - MICROSECOND)


def described(history: History, fact: Fact, level: str, instant: datetime) -> str:
    """Name the product's sector or sub-sector as known at an instant, or the campaign's."""
    for table, key in (("products", fact.product_id), ("campaigns", fact.campaign_id)):
        known = history.latest(table, key, instant)
        if known is not None:
            return str(known[level])
    return UNKNOWN


def by_sector(history: History, known: Iterable[Fact]) -> dict[str, list[Fact]]:
    """Sort what a customer viewed, put into the cart and bought by sector."""
    sectors: dict[str, list[Fact]] = defaultdict(list)
    for fact in known:
        if fact.kind in (*VIEWS, "add_to_cart", *SALE):
            sectors[sector_of(history, fact)].append(fact)
    return sectors


def favourite_sector(history: History, known: list[Fact]) -> str:
    """Name the sector of most units, then of most views, then the last in the alphabet."""
    ranked = [(counts.units(f), counts.views(f), s) for s, f in by_sector(history, known).items()]
    return max(ranked)[2] if ranked else UNKNOWN

"""What a customer buys where, when, in which colour and for whom; and the groups that follow."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from vitrine.interval import DAY, Interval, floor
from vitrine.proof import counts
from vitrine.proof.counts import by_day, by_receipt, ratio, sales
from vitrine.proof.history import SALE, UNKNOWN, VIEWS, Fact, History
from vitrine.proof.references.classes import OTHER, age_band, class_of, most, words
from vitrine.proof.references.customer_sectors import by_sector, described
from vitrine.proof.references.prices import WHOLE_CATALOGUE, price_quantile
from vitrine.proof.references.seasons import season_began_at, season_of

Values = dict[str, Any]
YEAR = 365
WEEK = timedelta(days=7)
HABIT_UNITS = 3
BESTSELLERS = 100


def shopping(history: History, customer_id: str, as_of: datetime) -> Values:
    """Answer for the part of `feat_customer` that looks at what was bought and clicked."""
    facts = history.facts(customer_id=customer_id)
    year = sales(history.learnt_daily(facts, as_of, YEAR))
    paid, bought = counts.turnover(year, by_day), counts.units(year)
    values: Values = {
        "customer_favourite_sub_sector": favourite_sub_sector(history, facts, as_of),
        "customer_purchase_power_ratio": price_quantile(
            history, WHOLE_CATALOGUE, paid / bought if bought else None, as_of
        ),
        "customer_favourite_channel": favourite_channel(year),
        "customer_favourite_colour": favourite_colour(history, facts, as_of),
    }
    return values | made_for(history, year) | breadth(history, facts, as_of)


def favourite_sub_sector(history: History, facts: tuple[Fact, ...], as_of: datetime) -> str:
    """Name the sub-sector of most units so far, then the last in the alphabet."""
    units: Counter[str] = Counter()
    for line in sales(history.known_daily(facts, as_of)):
        units[described(history, line, "sub_sector", line.received_at)] += line.quantity
    return max(units, key=lambda name: (units[name], name), default=UNKNOWN)


def favourite_channel(year: list[Fact]) -> str:
    """Name the channel of most units."""
    units = dict.fromkeys(words("channel"), 0) | _units_by(year, lambda f: _channel(f))
    units.pop(OTHER, None)
    return most(units, OTHER if year else UNKNOWN)


def _channel(line: Fact) -> str:
    return class_of("channel", line.channel)


def favourite_colour(history: History, facts: tuple[Fact, ...], as_of: datetime) -> str:
    """Name the colour of most units that became known in the season of the instant."""
    from_at = season_began_at(as_of) + history.rule.day_delay
    season = [f for f in sales(history.known_daily(facts, as_of)) if f.day_at > from_at]
    units = _units_by(season, lambda f: _trait(history, f, "colour"))
    return most({name: units.get(name, 0) for name in words("colour")})


def made_for(history: History, year: list[Fact]) -> Values:
    """Say for whom the bought products are made."""
    units = _units_by(year, lambda f: _trait(history, f, "audience"))
    bought, women, men = counts.units(year), units.get("women", 0), units.get("men", 0)
    shares = {
        f"customer_{name}_unit_ratio": ratio(units.get(name, 0), bought)
        for name in words("audience")
    }
    return shares | {
        "customer_likely_gender": likely_gender(women, men),
        "customer_buys_for_children": units.get("children", 0) > 0,
    }


def likely_gender(women: int, men: int) -> str:
    """Name whom four of five units are made for."""
    if women + men == 0:
        return UNKNOWN
    return "female" if women >= 4 * men else "male" if men >= 4 * women else "both"


def _trait(history: History, line: Fact, kind: str) -> str:
    """Name the class of a product's colour or audience as known at the line's receipt."""
    product = history.latest("products", line.product_id, line.received_at)
    return class_of(kind, product[kind] if product else None)


def _units_by(lines: list[Fact], class_name: Callable[[Fact], str]) -> dict[str, int]:
    units: Counter[str] = Counter()
    for line in lines:
        units[class_name(line)] += line.quantity
    return dict(units)


def breadth(history: History, facts: tuple[Fact, ...], as_of: datetime) -> Values:
    """Count campaigns and products bought and looked at, and reactions to e-mails."""
    values: Values = {}
    for days in (30, 365):
        lines = sales(history.learnt_daily(facts, as_of, days))
        values[f"customer_purchased_campaign_count_{days}d"] = _distinct(lines, "campaign_id")
        values[f"customer_purchased_product_count_{days}d"] = _distinct(lines, "product_id")
    for days in (7, 30):
        learnt = history.learnt_daily(facts, as_of, days)
        views = [f for f in learnt if f.kind in VIEWS]
        values[f"customer_viewed_campaign_count_{days}d"] = _distinct(views, "campaign_id")
        values[f"customer_viewed_product_count_{days}d"] = _distinct(views, "product_id")
        values[f"customer_email_open_count_{days}d"] = counts.of_kind(learnt, "email_opened")
        values[f"customer_email_click_count_{days}d"] = counts.of_kind(learnt, "email_clicked")
    return values


def _distinct(facts: list[Fact], column: str) -> int:
    """Add up each day's distinct values."""
    values = {(getattr(fact, column), by_receipt(fact)) for fact in facts}
    return len({(value, day) for value, day in values if value is not None})


def customer_groups(history: History, customer_id: str, as_of: datetime) -> Values:
    """Answer for `customer_groups`; the rules are described in macros/customer_rules.sql."""
    facts = history.facts(customer_id=customer_id)
    known = sales(history.known_daily(facts, as_of))
    year = sales(history.learnt_daily(facts, as_of, YEAR))
    bought = counts.units(year)
    has_habits = bought >= HABIT_UNITS
    sectors = [counts.units(f) for s, f in by_sector(history, year).items() if s != UNKNOWN]
    seasons = _units_by(year, lambda f: str(season_of(f.occurred_on)))
    discounted = [f for f in year if is_discounted(history, f)]
    followed = [f for f in year if is_bestseller(history, f)]
    first = min((f.occurred_at for f in known), default=as_of)
    return {
        "is_bestseller_follower": has_habits and counts.units(followed) >= 0.5 * bought,
        "is_single_sector": has_habits and max(sectors, default=0) >= 0.9 * bought,
        "is_discount_only": has_habits and counts.units(discounted) >= 0.9 * bought,
        "is_seasonal": has_habits
        and max(seasons.values()) >= 0.8 * bought
        and as_of - first >= YEAR * DAY,
    }


def is_discounted(history: History, line: Fact) -> bool:
    """Say whether less than the list price known at the receipt was paid."""
    product = history.latest("products", line.product_id, line.received_at)
    list_price = (product and product["list_price"]) or 0.0
    paid = counts.line_cents(line.unit_price, line.quantity)
    return paid < counts.line_cents(list_price, line.quantity)


def is_bestseller(history: History, line: Fact) -> bool:
    """Say whether the product was among the best of the buyer's age band in the week before."""
    week = floor(line.received_at, DAY) - timedelta(days=line.received_on.weekday())
    band = _age_band(history, line)
    return line.product_id in bestsellers(history, band, week - WEEK)


@lru_cache(maxsize=256)
def bestsellers(history: History, band: str, week: datetime) -> frozenset[str]:
    """Return what an age band bought most of among what was received in a week."""
    units: Counter[str] = Counter()
    for line in _received_in_week(history, week):
        if _age_band(history, line) == band:
            units[str(line.product_id)] += line.quantity
    ranked = sorted(units, key=lambda product_id: (-units[product_id], product_id))
    return frozenset(ranked[:BESTSELLERS])


@lru_cache(maxsize=4)
def _received_in_week(history: History, week: datetime) -> list[Fact]:
    return history.of_campaigns(None, SALE, week, week + WEEK)


def _age_band(history: History, line: Fact) -> str:
    cluster = history.value("customers", line.customer_id, "demographic_cluster", line.received_at)
    return age_band(cluster)


def customer_segments(history: History, customer_id: str, as_of: datetime) -> Values:
    """Answer for `customer_segments`; the rules are described in macros/customer_rules.sql."""
    facts = history.facts(customer_id=customer_id)
    known = sales(history.known_daily(facts, as_of))
    year = sales(history.learnt_daily(facts, as_of, YEAR))
    if not known or not year:
        return {"segment": "inactive" if known else "prospect"}
    if as_of - min(f.occurred_at for f in known) <= 30 * DAY:
        return {"segment": "new"}
    top = top_tenth(history, history.last_readable_day(as_of) - history.rule.day_delay)
    return {"segment": "top" if customer_id in top else "loyal"}


@lru_cache(maxsize=64)
def top_tenth(history: History, day_end: datetime) -> frozenset[str]:
    """Return the tenth that paid most of those who ordered within a year before a midnight."""
    end = min(day_end, history.ends["daily"])
    spent = history.spent(Interval(day_end - YEAR * DAY, end))
    ranked = sorted(spent, key=lambda customer_id: (-spent[customer_id], customer_id))
    return frozenset(ranked[: len(ranked) // 10])

"""Counts and sums over raw facts, one fact at a time.

Distinct things are distinct within a group, as the deltas define them: an order of which lines came
on two days of receipt counts once in each. `by` names the group of a fact.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from vitrine.interval import DAY
from vitrine.proof.history import SALE, VIEWS, Fact

NEVER_DAYS = 730.0
CENT = Decimal("0.01")
By = Callable[[Fact], Hashable]


def by_day(fact: Fact) -> Hashable:
    """Group by the UTC days of occurrence and receipt."""
    return fact.occurred_on, fact.received_on


def by_receipt(fact: Fact) -> Hashable:
    """Group by the UTC day of receipt."""
    return fact.received_on


def sales(facts: Iterable[Fact]) -> list[Fact]:
    """Keep what was bought."""
    return [f for f in facts if f.kind in SALE]


def of_kind(facts: Iterable[Fact], *kinds: str) -> int:
    """Count the facts of the given kinds."""
    return sum(f.kind in kinds for f in facts)


def views(facts: Iterable[Fact]) -> int:
    """Count pages of campaigns and products opened."""
    return of_kind(facts, *VIEWS)


def orders(facts: Iterable[Fact], by: By) -> int:
    """Count distinct orders with a sale."""
    return len({(f.order_id, by(f)) for f in sales(facts)})


def sessions(facts: Iterable[Fact], by: By) -> int:
    """Count distinct sessions."""
    return len({(f.session_id, by(f)) for f in facts if f.session_id is not None})


def buyers(facts: Iterable[Fact], by: By) -> int:
    """Count distinct customers who bought; guests are left out."""
    return len({(f.customer_id, by(f)) for f in sales(facts) if f.customer_id is not None})


def units(facts: Iterable[Fact]) -> int:
    """Add up the units bought."""
    return sum(f.quantity for f in sales(facts))


def returned_units(facts: Iterable[Fact]) -> int:
    """Add up the units that came back."""
    return sum(f.quantity for f in facts if f.kind == "return")


def turnover(facts: Iterable[Fact], by: By) -> float:
    """Add up what was paid, rounded to the cent once a group."""
    groups: dict[Hashable, Decimal] = defaultdict(Decimal)
    for fact in sales(facts):
        groups[by(fact)] += amount(fact.unit_price, fact.quantity)
    return float(sum(map(cents, groups.values())))


def line_turnover(facts: Iterable[Fact]) -> float:
    """Add up what was paid, rounded to the cent once a line."""
    return float(sum(line_cents(f.unit_price, f.quantity) for f in sales(facts)))


@lru_cache(maxsize=100_000)
def amount(unit_price: float, quantity: int) -> Decimal:
    """Return what units cost, before it is rounded."""
    return Decimal(repr(unit_price)) * quantity


@lru_cache(maxsize=100_000)
def line_cents(unit_price: float, quantity: int) -> Decimal:
    """Return what units cost, to the cent."""
    return cents(amount(unit_price, quantity))


def cents(amount: Decimal) -> Decimal:
    """Round to the cent, halves up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def ratio(part: float, whole: float, otherwise: float = 0.0) -> float:
    """Divide, or give `otherwise` where there is nothing to divide by."""
    return part / whole if whole > 0 else otherwise


def days_since(moments: Iterable[datetime], as_of: datetime) -> float:
    """Return the days since the latest moment; two years where there is none."""
    latest = max(moments, default=None)
    return NEVER_DAYS if latest is None else max(0.0, (as_of - latest) / DAY)

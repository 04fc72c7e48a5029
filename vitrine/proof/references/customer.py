"""What is known about a customer: description and activity."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from vitrine.interval import DAY, midnight
from vitrine.proof import counts
from vitrine.proof.counts import by_day, days_since, ratio, sales
from vitrine.proof.history import SALE, UNKNOWN, Fact, History
from vitrine.proof.references.classes import age_band
from vitrine.proof.references.customer_sectors import favourite_sector
from vitrine.proof.references.shopping import shopping

Values = dict[str, Any]
YEAR = 365


def customer(history: History, customer_id: str, as_of: datetime) -> Values:
    """Answer for `feat_customer`."""
    facts = history.facts(customer_id=customer_id)
    known = history.known_daily(facts, as_of)
    values = described(history, customer_id, as_of) | recency(known, as_of)
    for days in (7, 30, 365):
        values |= activity(history.learnt_daily(facts, as_of, days), f"{days}d")
    before = history.known_daily(facts, as_of - YEAR * DAY)
    values |= habits(history, history.learnt_daily(facts, as_of, YEAR), before)
    values["customer_favourite_sector"] = favourite_sector(history, known)
    return values | shopping(history, customer_id, as_of)


def described(history: History, customer_id: str, as_of: datetime) -> Values:
    """Say what the customer's newest row says, and since when there has been one."""
    versions = history.versions("customers", customer_id, as_of)
    if not versions:
        names = ("age_band", "gender", "socio_professional_group", "customer_country")
        return dict.fromkeys((*names, "demographic_cluster"), UNKNOWN) | {
            "customer_seniority_days": 0.0
        }
    newest = versions[-1]
    signed_up_at = min(row["signed_up_at"] for row in versions)
    return {
        "age_band": age_band(newest["demographic_cluster"]),
        "gender": newest["gender"] or UNKNOWN,
        "socio_professional_group": newest["socio_professional_group"] or UNKNOWN,
        "customer_country": newest["country"],
        "demographic_cluster": newest["demographic_cluster"],
        "customer_seniority_days": max(0.0, (as_of - signed_up_at) / DAY),
    }


def recency(known: list[Fact], as_of: datetime) -> Values:
    """Say how long ago the customer bought and came."""
    bought = [f.occurred_at for f in sales(known)]
    visits = [f for f in known if f.session_id is not None or f.kind in SALE]
    return {
        "customer_days_since_first_purchase": days_since([min(bought)] if bought else [], as_of),
        "customer_days_since_last_purchase": days_since(bought, as_of),
        "customer_days_since_last_visit": days_since(
            [midnight(f.occurred_on) for f in visits], as_of
        ),
    }


def activity(learnt: list[Fact], span: str) -> Values:
    """Count what became known of the customer in a span."""
    return {
        f"customer_order_count_{span}": counts.orders(learnt, by_day),
        f"customer_unit_count_{span}": counts.units(learnt),
        f"customer_turnover_{span}": counts.turnover(learnt, by_day),
        f"customer_session_count_{span}": counts.sessions(learnt, by_day),
        f"customer_view_count_{span}": counts.views(learnt),
        f"customer_cart_count_{span}": counts.of_kind(learnt, "add_to_cart"),
    }


def habits(history: History, learnt: list[Fact], before: list[Fact]) -> Values:
    """Describe a typical order, from what became known in a year; a part known before began one."""
    paid, bought = counts.turnover(learnt, by_day), counts.units(learnt)
    begun = {f.order_id for f in sales(before)}
    order_count = len({f.order_id for f in sales(learnt)} - begun)
    full_price = float(sum(list_value(history, f) for f in sales(learnt)))
    return {
        "customer_average_price": ratio(paid, bought),
        "customer_basket_unit_count": ratio(bought, order_count),
        "customer_basket_turnover": ratio(paid, order_count),
        "customer_discount_ratio": max(0.0, 1 - ratio(paid, full_price, otherwise=1.0)),
        "customer_return_ratio": ratio(counts.returned_units(learnt), bought),
    }


def list_value(history: History, line: Fact) -> Decimal:
    """Return what a line costs undiscounted: whoever pays more than the list price gets none."""
    product = history.latest("products", line.product_id, line.received_at)
    list_price = (product and product["list_price"]) or 0.0
    paid = counts.line_cents(line.unit_price, line.quantity)
    return max(paid, counts.line_cents(list_price, line.quantity))

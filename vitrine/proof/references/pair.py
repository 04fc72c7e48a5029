"""What a customer and a campaign have in common."""

from datetime import datetime
from typing import Any

from vitrine.interval import DAY
from vitrine.proof import counts
from vitrine.proof.counts import NEVER_DAYS, by_receipt, days_since, ratio, sales
from vitrine.proof.history import VIEWS, Fact, History, Row
from vitrine.proof.references.customer_sectors import by_sector, described, sector_activity

Values = dict[str, Any]


def pair(history: History, customer_id: str, campaign_id: str, as_of: datetime) -> Values:
    """Answer for `feat_customer_campaign`."""
    everything = history.facts(customer_id=customer_id)
    known = history.known_daily(everything, as_of)
    campaign = history.latest("campaigns", campaign_id, as_of)
    sector = campaign["sector"] if campaign else None
    return (
        _common(history, everything, known, campaign_id, as_of)
        | _shares(history, known, campaign)
        | sector_activity(history, customer_id, sector, as_of, "pair")
    )


def _common(
    history: History,
    everything: tuple[Fact, ...],
    known: list[Fact],
    campaign_id: str,
    as_of: datetime,
) -> Values:
    here = [f for f in known if f.campaign_id == campaign_id]
    recent = history.learnt_daily(everything, as_of, 90)
    bought = [f.occurred_at for f in sales(here)]
    viewed = [f.occurred_at for f in here if f.kind in VIEWS]
    return {
        "pair_order_count": counts.orders(here, by_receipt),
        "pair_order_count_90d": counts.orders(
            [f for f in recent if f.campaign_id == campaign_id], by_receipt
        ),
        "pair_unit_count": counts.units(here),
        "pair_days_since_last_bought": days_since(bought, as_of),
        "pair_usual_interval_days": usual_interval(bought, counts.orders(here, by_receipt)),
        "pair_view_count": len(viewed),
        "pair_days_since_last_viewed": days_since(viewed, as_of),
    }


def usual_interval(bought: list[datetime], order_count: int) -> float:
    """Return the average days between purchases; two years where there are fewer than two."""
    if order_count < 2:
        return NEVER_DAYS
    return (max(bought) - min(bought)) / DAY / (order_count - 1)


def _shares(history: History, known: list[Fact], campaign: Row | None) -> Values:
    """Say how much of what the customer bought and viewed was like the campaign."""
    sectors = by_sector(history, known)
    here = sectors.get(campaign["sector"], []) if campaign else []
    bought = sales(known)
    values: Values = {
        "pair_sector_unit_ratio": ratio(counts.units(here), counts.units(bought)),
        "pair_sector_view_ratio": ratio(counts.views(here), counts.views(known)),
    }
    alike = {
        "sub_sector": lambda f: described(history, f, "sub_sector", f.received_at),
        "brand": lambda f: history.value("campaigns", f.campaign_id, "brand", f.received_at),
    }
    for level, of in alike.items():
        same = [f for f in bought if campaign and of(f) == campaign[level]]
        values[f"pair_{level}_unit_ratio"] = ratio(counts.units(same), counts.units(bought))
    return values

"""How a campaign, and a campaign in a demographic cluster, did in the last 15-minute windows."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from vitrine.interval import DAY, QUARTER_HOUR, floor
from vitrine.proof import counts
from vitrine.proof.counts import By, ratio
from vitrine.proof.history import MICROSECOND, SALE, UNKNOWN, VIEWS, Fact, History
from vitrine.proof.references.offers import offers

Values = dict[str, Any]
DATABASE = "intraday"
PRIOR_VIEWS, PRIOR_ORDERS, PRIOR_STOCK, PRIOR_CLUSTER_ORDERS = 50, 20, 20, 10
HOUR, MONTH = 60, 28 * 1440
SLACK = timedelta(days=1)
"""More than any delay: a fact that became readable in a span was received at most this before."""


def cluster_of(history: History, fact: Fact) -> str:
    """Name the customer's cluster as known at the end of the fact's window of receipt."""
    end = fact.received_window + QUARTER_HOUR - MICROSECOND
    known = history.latest("customers", fact.customer_id, end, DATABASE)
    return UNKNOWN if known is None else str(known["demographic_cluster"])


def by_window(history: History) -> By:
    """Group as the windows are: by campaign, cluster, and windows of occurrence and receipt."""

    def group(fact: Fact) -> Hashable:
        cluster = cluster_of(history, fact)
        return fact.campaign_id, cluster, fact.window, fact.received_window

    return group


def campaign_performance(history: History, campaign_id: str, as_of: datetime) -> Values:
    """Answer for `feat_campaign_performance`."""
    group = by_window(history)
    facts = history.facts(campaign_id=campaign_id)
    quarter, hour, four_hours, day = (
        history.learnt_intraday(facts, as_of, minutes) for minutes in (15, HOUR, 240, 1440)
    )
    units_for_sale = stock(history, campaign_id, as_of)
    sold = counts.units(history.learnt_intraday(facts, as_of, MONTH)) if units_for_sale else 0
    known = history.latest("campaigns", campaign_id, as_of, DATABASE)
    sector = known["sector"] if known else None
    return {
        "campaign_turnover_15min": counts.turnover(quarter, group),
        "campaign_views_per_minute_15min": counts.views(quarter) / 15,
        "campaign_visitor_count_1h": counts.sessions(hour, group),
        "campaign_cart_count_1h": counts.of_kind(hour, "add_to_cart"),
        "campaign_turnover_1h": counts.turnover(hour, group),
        "campaign_conversion_ratio_1h": min(
            1.0,
            (counts.orders(hour, group) + PRIOR_VIEWS * sector_conversion(history, sector, as_of))
            / (counts.views(hour) + PRIOR_VIEWS),
        ),
        "campaign_unit_count_4h": counts.units(four_hours),
        "campaign_purchase_ratio_4h": (
            counts.orders(four_hours, group) + PRIOR_ORDERS * usual_share(history, sector, as_of)
        )
        / (counts.orders(everything(history, as_of, 240), group) + PRIOR_ORDERS),
        "campaign_unit_count_24h": counts.units(day),
        "campaign_turnover_24h": counts.turnover(day, group),
        "campaign_view_count_24h": counts.views(day),
        "campaign_sell_through_ratio": min(
            1.0,
            (sold + PRIOR_STOCK * usual_sell_through(history, sector, as_of))
            / (units_for_sale + PRIOR_STOCK),
        ),
    }


def everything(history: History, as_of: datetime, minutes: int) -> list[Fact]:
    """Return all sales that became known in a span."""
    return history.learnt_intraday(_month(history, as_of, None), as_of, minutes)


def _month(history: History, as_of: datetime, sector: str | None) -> list[Fact]:
    """Return the last weeks' sales; of the campaigns that were ever of a sector, also the views."""
    since = floor(as_of - timedelta(minutes=MONTH) - SLACK, 7 * DAY)
    return _received_since(history, since, sector)


@lru_cache(maxsize=3)
def _received_since(history: History, since: datetime, sector: str | None) -> list[Fact]:
    if sector is None:
        return history.of_campaigns(None, SALE, since)
    campaigns = history.where("campaigns", "sector", sector)
    return history.of_campaigns(campaigns, (*VIEWS, *SALE), since)


@lru_cache(maxsize=64)
def sector_conversion(history: History, sector: str | None, as_of: datetime) -> float:
    """Return the orders per view that a sector had in 28 days."""
    learnt = of_sector(history, sector, as_of) if sector else []
    return min(1.0, ratio(counts.orders(learnt, by_window(history)), counts.views(learnt)))


@lru_cache(maxsize=64)
def usual_share(history: History, sector: str | None, as_of: datetime) -> float:
    """Return the share of all orders that an average campaign of a sector had in 28 days."""
    if not sector:
        return 0.0
    learnt, group = of_sector(history, sector, as_of), by_window(history)
    active = {(f.received_window, f.campaign_id) for f in learnt}
    windows = len({window for window, _ in active})
    everywhere = counts.orders(everything(history, as_of, MONTH), group)
    return min(1.0, ratio(counts.orders(learnt, group) * windows, everywhere * len(active)))


@lru_cache(maxsize=64)
def usual_sell_through(history: History, sector: str | None, as_of: datetime) -> float:
    """Return the units that a sector sold over the stock that it announced in 28 days."""
    if not sector:
        return 0.0
    until = last_readable_window(history, as_of)
    changes = [c for c in stock_changes(history, sector) if c[1] <= until]
    since = until - timedelta(minutes=MONTH)
    announced = sum(count for _, at, count, is_here in changes if at > since and is_here)
    stocked_at: dict[str, datetime] = {}
    for campaign_id, at, _, _ in changes:
        stocked_at[campaign_id] = min(at, stocked_at.get(campaign_id, at))
    sold = counts.units(
        f
        for f in of_sector(history, sector, as_of)
        if f.campaign_id in stocked_at
        and stocked_at[f.campaign_id] < f.received_window + QUARTER_HOUR
    )
    return min(1.0, ratio(sold, announced))


@lru_cache(maxsize=16)
def stock_changes(history: History, sector: str) -> list[tuple[str, datetime, int, bool]]:
    """List what became known of the stock of campaigns that were ever of a sector.

    Campaign, instant, units more, and whether the campaign was of the sector then.
    """
    found = []
    for campaign_id in history.where("campaigns", "sector", sector):
        for rows in offers(history, campaign_id, history.ends[DATABASE], DATABASE).values():
            before = 0
            for row in rows:
                units, at = row["initial_stock"] or 0, row["received_at"]
                if units != before:
                    known = history.latest("campaigns", campaign_id, at, DATABASE)
                    is_here = known is not None and known["sector"] == sector
                    found.append((campaign_id, at, units - before, is_here))
                before = units
    return found


def of_sector(history: History, sector: str, as_of: datetime) -> list[Fact]:
    """Return views and sales of campaigns that were of a sector when the facts became readable."""
    return [
        f
        for f in history.learnt_intraday(_month(history, as_of, sector), as_of, MONTH)
        if _sector(history, f) == sector
    ]


def _sector(history: History, fact: Fact) -> str | None:
    known = history.latest("campaigns", fact.campaign_id, fact.window_at, DATABASE)
    return None if known is None else str(known["sector"])


def stock(history: History, campaign_id: str, as_of: datetime) -> int:
    """Add up the initial stock of the campaign's products, if it became known in 28 days."""
    known = offers(history, campaign_id, as_of, DATABASE).values()
    announced = [row["received_at"] for rows in known for row in rows if row["initial_stock"]]
    since = last_readable_window(history, as_of) - timedelta(minutes=MONTH)
    if not announced or min(announced) < since:
        return 0
    return sum(rows[-1]["initial_stock"] or 0 for rows in known)


def last_readable_window(history: History, as_of: datetime) -> datetime:
    """Return the last instant by then at which a window became readable."""
    delay = history.rule.window_delay
    return floor(as_of - delay, QUARTER_HOUR) + delay


def cluster_campaign(
    history: History, demographic_cluster: str, campaign_id: str, as_of: datetime
) -> Values:
    """Answer for `feat_cluster_campaign`."""
    group = by_window(history)
    bought = _of_cluster(history, demographic_cluster, as_of)

    def learnt(minutes: int) -> tuple[list[Fact], list[Fact]]:
        everywhere = history.learnt_intraday(bought, as_of, minutes)
        return [f for f in everywhere if f.campaign_id == campaign_id], everywhere

    values: Values = {"cluster_turnover_15min": counts.turnover(learnt(15)[0], group)}
    for name, minutes in {"1h": HOUR, "1d": 1440, "7d": 7 * 1440, "28d": MONTH}.items():
        here, everywhere = learnt(minutes)
        values[f"cluster_purchase_ratio_{name}"] = (
            counts.orders(here, group)
            + PRIOR_CLUSTER_ORDERS * share(history, campaign_id, as_of, minutes)
        ) / (counts.orders(everywhere, group) + PRIOR_CLUSTER_ORDERS)
    return values | {"cluster_order_count_28d": counts.orders(here, group)}


def share(history: History, campaign_id: str, as_of: datetime, minutes: int) -> float:
    """Return the campaign's share of the whole shop's orders in a span."""
    group, sold = by_window(history), everything(history, as_of, minutes)
    here = [f for f in sold if f.campaign_id == campaign_id]
    return ratio(counts.orders(here, group), counts.orders(sold, group))


@lru_cache(maxsize=64)
def _of_cluster(history: History, cluster: str, as_of: datetime) -> list[Fact]:
    """Return what the members of a cluster bought in the last weeks."""
    learnt = everything(history, as_of, MONTH)
    return [f for f in learnt if cluster_of(history, f) == cluster]

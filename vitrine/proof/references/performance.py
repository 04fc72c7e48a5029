"""How a campaign, and a campaign in a demographic cluster, did in the last 15-minute windows."""

from collections import Counter
from collections.abc import Hashable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from vitrine.interval import DAY, QUARTER_HOUR, Interval, floor
from vitrine.proof import counts
from vitrine.proof.counts import By, ratio
from vitrine.proof.history import MICROSECOND, SALE, UNKNOWN, VIEWS, Fact, History
from vitrine.proof.references.offers import offers
from vitrine.proof.references.rates import (
    guessed_conversion,
    guessed_sell_through,
    guessed_share,
    smoothed,
)

Values = dict[str, Any]
DATABASE = "intraday"
PRIOR_VIEWS, PRIOR_ORDERS, PRIOR_STOCK, PRIOR_CLUSTER_ORDERS = 50, 20, 20, 10
HOUR, MONTH = 60, 28 * 1440


def cluster_of(history: History, fact: Fact) -> str:
    """Name the customer's cluster as known at the end of the fact's window of receipt."""
    known = history.latest("customers", fact.customer_id, end_of_window(fact), DATABASE)
    return UNKNOWN if known is None else str(known["demographic_cluster"])


def end_of_window(fact: Fact) -> datetime:
    """Return the last instant of the fact's window of receipt."""
    return fact.received_window + QUARTER_HOUR - MICROSECOND


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
    orders_of_all = counts.orders(everything(history, as_of, 240), group)
    _, stock, sold = stocks(history, as_of).get(campaign_id, (None, 0, 0))
    sector = sector_at(history, campaign_id, end_of_windows(history, as_of) - MICROSECOND)
    return {
        "campaign_turnover_15min": counts.turnover(quarter, group),
        "campaign_views_per_minute_15min": counts.views(quarter) / 15,
        "campaign_visitor_count_1h": counts.sessions(hour, group),
        "campaign_cart_count_1h": counts.of_kind(hour, "add_to_cart"),
        "campaign_turnover_1h": counts.turnover(hour, group),
        "campaign_conversion_ratio_1h": smoothed(
            counts.orders(hour, group),
            counts.views(hour),
            sector_conversion(history, sector, as_of) if sector else 0.0,
            PRIOR_VIEWS,
        ),
        "campaign_unit_count_4h": counts.units(four_hours),
        "campaign_purchase_ratio_4h": smoothed(
            counts.orders(four_hours, group),
            orders_of_all,
            usual_share(history, sector, as_of) if sector else 0.0,
            PRIOR_ORDERS,
        ),
        "campaign_unit_count_24h": counts.units(day),
        "campaign_turnover_24h": counts.turnover(day, group),
        "campaign_view_count_24h": counts.views(day),
        "campaign_sell_through_ratio": smoothed(
            sold, stock, usual_sell_through(history, sector, as_of) if sector else 0.0, PRIOR_STOCK
        ),
    }


def end_of_windows(history: History, as_of: datetime) -> datetime:
    """Return the end of the newest window that is readable."""
    return floor(as_of - history.rule.window_delay, QUARTER_HOUR)


def sector_at(history: History, campaign_id: str | None, instant: datetime) -> str | None:
    """Name a campaign's sector as known at an instant."""
    known = history.latest("campaigns", campaign_id, instant, DATABASE)
    return None if known is None else str(known["sector"])


def everything(history: History, as_of: datetime, minutes: int) -> list[Fact]:
    """Return all sales that became known in a span."""
    since = _week_before(history, as_of)
    return history.learnt_intraday(_sold_since(history, since), as_of, minutes)


def of_sector(history: History, sector: str, as_of: datetime) -> list[Fact]:
    """Return views and sales of campaigns of a sector, as known when the facts' windows ended."""
    received = _of_sector_since(history, _week_before(history, as_of), sector)
    return [
        f
        for f in history.learnt_intraday(received, as_of, MONTH)
        if sector_at(history, f.campaign_id, end_of_window(f)) == sector
    ]


def _week_before(history: History, as_of: datetime) -> datetime:
    """Go back to a week's start before the last 28 days: many instants read the same facts."""
    month = timedelta(minutes=MONTH)
    return floor(end_of_windows(history, as_of) - month, 7 * DAY)


@lru_cache(maxsize=3)
def _sold_since(history: History, since: datetime) -> list[Fact]:
    return history.of_campaigns(None, SALE, since)


@lru_cache(maxsize=3)
def _of_sector_since(history: History, since: datetime, sector: str) -> list[Fact]:
    """Return the views and sales of the campaigns that were ever of a sector."""
    campaigns = history.where("campaigns", "sector", sector)
    return history.of_campaigns(campaigns, (*VIEWS, *SALE), since)


@lru_cache(maxsize=3)
def _orders_since(history: History, since: datetime) -> Counter[datetime]:
    """Count the shop's orders by window of receipt."""
    group = by_window(history)
    orders = {(f.order_id, group(f), f.received_window) for f in _sold_since(history, since)}
    return Counter(window for _, _, window in orders)


_busy_since = lru_cache(maxsize=3)(History.busy_windows)


def shop_windows(history: History, as_of: datetime) -> list[tuple[int, int, int]]:
    """Return orders, views and busy campaigns of each window of the last 28 days."""
    since, end = _week_before(history, as_of), end_of_windows(history, as_of)
    start = max(end - timedelta(minutes=MONTH), history.windows_from)
    orders, busy = _orders_since(history, since), _busy_since(history, since)
    month = Interval(start, min(end, history.ends[DATABASE]))
    return [(orders[window], *busy[window]) for window in busy if window in month]


@lru_cache(maxsize=64)
def shop_conversion(history: History, as_of: datetime) -> float:
    """Return the orders per view that the shop had in 28 days."""
    windows = shop_windows(history, as_of)
    orders, views = (sum(window[n] for window in windows) for n in (0, 1))
    return smoothed(orders, views, guessed_conversion(history), PRIOR_VIEWS)


@lru_cache(maxsize=64)
def sector_conversion(history: History, sector: str, as_of: datetime) -> float:
    """Return the orders per view that a sector had in 28 days."""
    learnt = of_sector(history, sector, as_of)
    orders = counts.orders(learnt, by_window(history))
    return smoothed(orders, counts.views(learnt), shop_conversion(history, as_of), PRIOR_VIEWS)


@lru_cache(maxsize=64)
def shop_share(history: History, as_of: datetime) -> float:
    """Return the share of the orders of its windows that an average campaign had in 28 days."""
    windows = shop_windows(history, as_of)
    orders = sum(orders for orders, _, _ in windows)
    exposed = sum(orders * campaigns for orders, _, campaigns in windows)
    return smoothed(orders, exposed, guessed_share(history), PRIOR_ORDERS)


@lru_cache(maxsize=64)
def usual_share(history: History, sector: str, as_of: datetime) -> float:
    """Return the same of an average campaign of a sector."""
    learnt = of_sector(history, sector, as_of)
    of_all = _orders_since(history, _week_before(history, as_of))
    busy = {(f.received_window, f.campaign_id) for f in learnt}
    exposed = sum(of_all[window] for window, _ in busy)
    orders = counts.orders(learnt, by_window(history))
    return smoothed(orders, exposed, shop_share(history, as_of), PRIOR_ORDERS)


@lru_cache(maxsize=64)
def usual_sell_through(history: History, sector: str | None, as_of: datetime) -> float:
    """Return how much of the stock of 28 days a sector sold; of the whole shop where None."""
    known = [s for s in stocks(history, as_of).values() if sector in (None, s[0])]
    stock, sold = sum(s[1] for s in known), sum(s[2] for s in known)
    prior = usual_sell_through(history, None, as_of) if sector else guessed_sell_through(history)
    return smoothed(sold, stock, prior, PRIOR_STOCK)


@lru_cache(maxsize=64)
def stocks(history: History, as_of: datetime) -> dict[str, tuple[str | None, int, int]]:
    """Return sector, stock and units sold of the campaigns whose stock became known in 28 days."""
    end = end_of_windows(history, as_of)
    sold = Counter[str]()
    for fact in everything(history, as_of, MONTH):
        sold[str(fact.campaign_id)] += fact.quantity
    found = {}
    for campaign_id, stocked_at in stocked(history).items():
        stock = stock_at(history, campaign_id, end - MICROSECOND)
        if end - timedelta(minutes=MONTH) <= stocked_at < end and stock > 0:
            sector = sector_at(history, campaign_id, end - MICROSECOND)
            found[campaign_id] = sector, stock, sold[campaign_id]
    return found


def stock_at(history: History, campaign_id: str, instant: datetime) -> int:
    """Add up the initial stock of the campaign's products, as known at an instant."""
    newest = [rows[-1] for rows in offers(history, campaign_id, instant, DATABASE).values()]
    return sum(row["initial_stock"] or 0 for row in newest)


@lru_cache(maxsize=1)
def stocked(history: History) -> dict[str, datetime]:
    """Return when something was first known of each campaign's stock."""
    first: dict[str, datetime] = {}
    for key in history.keys("campaign_products"):
        for row in history.versions("campaign_products", key, history.ends[DATABASE], DATABASE):
            if row["initial_stock"]:
                first[key[0]] = min(row["received_at"], first.get(key[0], row["received_at"]))
    return first


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

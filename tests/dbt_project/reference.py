"""What the feature functions should say, by slow loops over the shop's raw facts."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.dbt_project.small_shop import Row, Shop, measures, placed
from vitrine.interval import DAY, QUARTER_HOUR, floor

DAY_DELAY = timedelta(hours=3)
WINDOW_DELAY = timedelta(minutes=5)
MICROSECOND = timedelta(microseconds=1)
NEVER_DAYS = 730


def day_available_at(fact: Row) -> datetime:
    return floor(fact["received_at"], DAY) + DAY + DAY_DELAY


def window_available_at(fact: Row) -> datetime:
    return floor(fact["received_at"], QUARTER_HOUR) + QUARTER_HOUR + WINDOW_DELAY


def facts_of(shop: Shop, **subject: Any) -> list[Row]:
    facts = [placed(shop, fact) for fact in shop.tables["orders"] + shop.tables["events"]]
    return [fact for fact in facts if all(fact[k] == v for k, v in subject.items())]


def grown(facts: list[Row], available: Any, keys: tuple, as_of: datetime, span: timedelta) -> dict:
    """Add up what became available in (as_of - span, as_of], group by group as the deltas are."""
    groups = defaultdict(list)
    for fact in facts:
        if as_of - span < available(fact) <= as_of:
            groups[tuple(fact[key] for key in keys)].append(fact)
    sums = dict.fromkeys(measures([]), 0.0)
    for group in groups.values():
        for name, value in measures(group).items():
            sums[name] += value
    return sums


def days_since(moments: list[datetime], as_of: datetime) -> float:
    return max(0.0, (as_of - max(moments)) / DAY) if moments else NEVER_DAYS


def ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def customer(shop: Shop, customer_id: str, as_of: datetime) -> Row:
    known = shop.latest("customers", as_of, customer_id=customer_id)
    facts = facts_of(shop, customer_id=customer_id)
    past = [fact for fact in facts if day_available_at(fact) <= as_of]
    sales = [fact for fact in past if fact["kind"] == "sale"]
    keys = ("customer_id", "occurred_on", "ds")
    row: Row = {
        "customer_country": known["country"] if known else "unknown",
        "gender": (known and known["gender"]) or "unknown",
        "demographic_cluster": known["demographic_cluster"] if known else "unknown",
        "customer_seniority_days": (as_of - known["signed_up_at"]) / DAY if known else 0,
        "customer_days_since_last_purchase": days_since([f["occurred_at"] for f in sales], as_of),
        "customer_favourite_sector": _favourite_sector(past),
    }
    for days in (7, 30, 365):
        sums = grown(facts, day_available_at, keys, as_of, days * DAY)
        row |= {
            f"customer_order_count_{days}d": sums["order_count"],
            f"customer_unit_count_{days}d": sums["unit_count"],
            f"customer_turnover_{days}d": sums["turnover"],
            f"customer_session_count_{days}d": sums["session_count"],
            f"customer_view_count_{days}d": sums["view_count"],
            f"customer_cart_count_{days}d": sums["cart_count"],
        }
    year_ago = as_of - 365 * DAY
    begun = {fact["order_id"] for fact in sales if day_available_at(fact) <= year_ago}
    orders = {fact["order_id"] for fact in sales} - begun
    row["customer_basket_unit_count"] = ratio(sums["unit_count"], len(orders))
    row["customer_basket_turnover"] = ratio(sums["turnover"], len(orders))
    row["customer_average_price"] = ratio(sums["turnover"], sums["unit_count"])
    row["customer_return_ratio"] = ratio(sums["return_unit_count"], sums["unit_count"])
    return row


def campaign(shop: Shop, campaign_id: str, as_of: datetime) -> Row:
    known = shop.latest("campaigns", as_of, campaign_id=campaign_id)
    facts = facts_of(shop, campaign_id=campaign_id)
    sold = [f for f in facts if f["kind"] == "sale" and day_available_at(f) <= as_of]
    prices, list_prices = _offers(shop, campaign_id, as_of)
    row: Row = {
        "sector": known["sector"] if known else "unknown",
        "campaign_product_count": len(prices),
        "campaign_average_price": ratio(sum(prices), len(prices)),
        "campaign_discount_ratio": 1 - sum(prices) / sum(list_prices) if prices else 0.0,
        "campaign_days_since_last_sale": days_since([f["occurred_at"] for f in sold], as_of),
    }
    for days in (1, 7, 28):
        sums = grown(facts, day_available_at, ("ds",), as_of, days * DAY)
        row |= {
            f"campaign_{name}_{days}d": sums[name]
            for name in ("unit_count", "turnover", "buyer_count", "view_count")
        }
    return row


def context(shop: Shop, campaign_id: str, as_of: datetime) -> Row:
    known = shop.latest("campaigns", as_of, campaign_id=campaign_id)
    local = as_of.astimezone(ZoneInfo(known["timezone"])) if known else None
    closes_at = known and known["closes_at"]
    return {
        "local_hour": local.hour if local else 0,
        "local_weekday": local.isoweekday() if local else 1,
        "local_day_of_year": local.timetuple().tm_yday if local else 1,
        "section": known["sector"] if known else "unknown",
        "minutes_since_opening": max(0, (as_of - known["opens_at"]).total_seconds() / 60)
        if known
        else 0,
        "minutes_to_end": max(0, (closes_at - as_of).total_seconds() / 60) if closes_at else 43200,
    }


def pair(shop: Shop, customer_id: str, campaign_id: str, as_of: datetime) -> Row:
    known = shop.latest("campaigns", as_of, campaign_id=campaign_id)
    everything = [
        f for f in facts_of(shop, customer_id=customer_id) if day_available_at(f) <= as_of
    ]
    facts = [f for f in everything if f["campaign_id"] == campaign_id]
    bought = [f for f in facts if f["kind"] == "sale"]
    orders = {f["order_id"] for f in bought}
    moments = [f["occurred_at"] for f in bought]
    views = [f["occurred_at"] for f in facts if f["kind"] in ("campaign_view", "product_view")]
    span = (max(moments) - min(moments)) / DAY if len(orders) > 1 else None
    return {
        "pair_order_count": len(orders),
        "pair_unit_count": sum(f["quantity"] for f in bought),
        "pair_view_count": len(views),
        "pair_days_since_last_bought": days_since(moments, as_of),
        "pair_days_since_last_viewed": days_since(views, as_of),
        "pair_usual_interval_days": NEVER_DAYS if span is None else span / (len(orders) - 1),
        "pair_sector_unit_ratio": _unit_share(everything, "sector", known),
        "pair_brand_unit_ratio": _unit_share(everything, "brand", known),
        "pair_sub_sector_unit_ratio": _unit_share(everything, "sub_sector", known),
    }


def campaign_performance(shop: Shop, campaign_id: str, as_of: datetime) -> Row:
    keys = ("campaign_id", "demographic_cluster", "window_start_at", "received_window_start_at")
    end = floor(as_of - WINDOW_DELAY, QUARTER_HOUR)
    known = shop.latest("campaigns", end - MICROSECOND, campaign_id=campaign_id)
    everything = facts_of(shop)
    facts = [f for f in everything if f["campaign_id"] == campaign_id]
    sector = [f for f in everything if known and _sector(shop, f) == known["sector"]]

    def last(minutes: int, of: list[Row] = facts) -> dict:
        return grown(of, window_available_at, keys, as_of, timedelta(minutes=minutes))

    rate, share = 0.02, 0.05
    orders_of = _orders_by_window(_lately(everything, as_of))
    for level in (everything, sector):
        month = last(28 * 1440, level)
        rate = smoothed(month["order_count"], month["view_count"], rate, 50)
        exposed = sum(orders_of[window] for window, _ in _busy(_lately(level, as_of)))
        share = smoothed(month["order_count"], exposed, share, 20)
    sold, stock, sold_out = _sell_through(
        shop, campaign_id, known["sector"] if known else None, as_of
    )
    if known is None:
        rate = share = sold_out = 0.0
    return {
        "campaign_turnover_15min": last(15)["turnover"],
        "campaign_views_per_minute_15min": last(15)["view_count"] / 15,
        "campaign_visitor_count_1h": last(60)["visitor_count"],
        "campaign_cart_count_1h": last(60)["cart_count"],
        "campaign_conversion_ratio_1h": smoothed(
            last(60)["order_count"], last(60)["view_count"], rate, 50
        ),
        "campaign_purchase_ratio_4h": smoothed(
            last(240)["order_count"], last(240, everything)["order_count"], share, 20
        ),
        "campaign_unit_count_24h": last(1440)["unit_count"],
        "campaign_turnover_24h": last(1440)["turnover"],
        "campaign_sell_through_ratio": smoothed(sold, stock, sold_out, 20),
    }


def smoothed(part: float, whole: float, prior: float, weight: float) -> float:
    return (min(part, whole) + weight * prior) / (whole + weight)


def _lately(facts: list[Row], as_of: datetime) -> list[Row]:
    span = timedelta(days=28)
    return [fact for fact in facts if as_of - span < window_available_at(fact) <= as_of]


def _orders_by_window(facts: list[Row]) -> Counter[datetime]:
    """Count orders as the windows do: once for each campaign, cluster and window."""
    columns = (
        "received_window_start_at",
        "window_start_at",
        "campaign_id",
        "demographic_cluster",
        "order_id",
    )
    orders = {tuple(fact[c] for c in columns) for fact in facts if fact["kind"] == "sale"}
    return Counter(order[0] for order in orders)


def _busy(facts: list[Row]) -> set[tuple[datetime, str]]:
    """Return in which windows which campaigns had a view or an order."""
    kinds = ("campaign_view", "product_view", "sale")
    return {
        (fact["received_window_start_at"], fact["campaign_id"])
        for fact in facts
        if fact["kind"] in kinds
    }


def _sell_through(
    shop: Shop, campaign_id: str, sector: str | None, as_of: datetime
) -> tuple[float, float, float]:
    """Return units sold and stock of a campaign, and the share that its sector sold, of stocks that
    became known in 28 days."""
    end = floor(as_of - WINDOW_DELAY, QUARTER_HOUR)
    stocks: dict[str, float] = defaultdict(float)
    for offer in newest_offers(shop, None, end - MICROSECOND):
        stocks[offer["campaign_id"]] += offer["initial_stock"] or 0
    for offer in shop.tables["campaign_products"]:
        if offer["initial_stock"] and offer["received_at"] < end - 28 * DAY:
            stocks.pop(offer["campaign_id"], None)
    sold: Counter[str] = Counter()
    for fact in _lately(facts_of(shop, kind="sale"), as_of):
        sold[fact["campaign_id"]] += fact["quantity"]
    sectors = {}
    for stocked in stocks:
        known = shop.latest("campaigns", end - MICROSECOND, campaign_id=stocked)
        sectors[stocked] = known and known["sector"]
    prior = 0.5
    for level in (set(stocks), {c for c in stocks if sectors[c] == sector}):
        known_of = [c for c in level if stocks[c] > 0]
        prior = smoothed(
            sum(sold[c] for c in known_of), sum(stocks[c] for c in known_of), prior, 20
        )
    stock = stocks.get(campaign_id, 0)
    return sold[campaign_id] if stock else 0, stock, prior


def cluster(shop: Shop, demographic_cluster: str, campaign_id: str, as_of: datetime) -> Row:
    keys = ("campaign_id", "demographic_cluster", "window_start_at", "received_window_start_at")
    shopwide, cluster = facts_of(shop), facts_of(shop, demographic_cluster=demographic_cluster)
    campaign, facts = (
        [f for f in of if f["campaign_id"] == campaign_id] for of in (shopwide, cluster)
    )

    def last(minutes: int, of: list[Row]) -> dict:
        return grown(of, window_available_at, keys, as_of, timedelta(minutes=minutes))

    def share(minutes: int) -> float:
        mine, others, sold, all_sold = (
            last(minutes, of)["order_count"] for of in (facts, cluster, campaign, shopwide)
        )
        return (mine + 10 * ratio(sold, all_sold)) / (others + 10)

    return {"cluster_turnover_15min": last(15, facts)["turnover"]} | {
        f"cluster_purchase_ratio_{name}": share(minutes)
        for name, minutes in {"1h": 60, "1d": 1440, "7d": 10080, "28d": 40320}.items()
    }


def on_sale(shop: Shop, as_of: datetime, permanent_days: int) -> dict[tuple[str, str], Any]:
    """Return price and stock left of each campaign and product on sale."""
    found = {}
    for row in newest_offers(shop, None, as_of):
        key = (row["campaign_id"], row["product_id"])
        sales = [
            f
            for f in shop.tables["orders"]
            if (f["campaign_id"], f["product_id"], f["kind"]) == (*key, "sale")
            and f["received_at"] <= as_of
        ]
        known = shop.latest("campaigns", as_of, campaign_id=key[0])
        if known is None or not known["opens_at"] <= as_of:
            continue
        last = max((f["occurred_at"] for f in sales), default=None)
        closes_at = known["closes_at"] or (last and last + permanent_days * DAY)
        stock = row["initial_stock"]
        if stock is None:
            left = _counted(shop, *key, as_of)
        else:
            left = stock - sum(f["quantity"] for f in sales)
        if closes_at and as_of < closes_at and (left is None or left > 0):
            found[key] = (row["price"], left)
    return found


def _counted(shop: Shop, campaign_id: str, product_id: str, as_of: datetime) -> int | None:
    """Add up, warehouse by warehouse, the latest count that is known, if it was made since the
    opening as it was known when the count came."""
    latest: dict[str, Row] = {}
    for count in shop.tables["stock_levels"]:
        came = count["received_at"]
        campaign = shop.latest("campaigns", came, campaign_id=campaign_id)
        if count["product_id"] != product_id or came > as_of or campaign is None:
            continue
        best = latest.get(count["location"])
        if count["occurred_at"] >= campaign["opens_at"] and (
            best is None or count["occurred_at"] > best["occurred_at"]
        ):
            latest[count["location"]] = count
    return sum(count["quantity"] for count in latest.values()) if latest else None


def _sector(shop: Shop, fact: Row) -> str | None:
    end = window_available_at(fact) - WINDOW_DELAY - MICROSECOND
    known = shop.latest("campaigns", end, campaign_id=fact["campaign_id"])
    return known["sector"] if known else None


def _favourite_sector(past: list[Row]) -> str:
    units: dict[str, list[float]] = defaultdict(lambda: [0, 0])
    for fact in past:
        sums = measures([fact])
        units[fact["sector"]][0] += sums["unit_count"]
        units[fact["sector"]][1] += sums["view_count"]
    return max(units, key=lambda sector: (*units[sector], sector), default="unknown")


def _unit_share(facts: list[Row], level: str, known: Row | None) -> float:
    units = [(f[level], f["quantity"]) for f in facts if f["kind"] == "sale"]
    same = sum(count for value, count in units if known and value == known[level])
    return ratio(same, sum(count for _, count in units))


def newest_offers(shop: Shop, campaign_id: str | None, as_of: datetime) -> list[Row]:
    newest: dict[tuple[str, str], Row] = {}
    for row in sorted(shop.tables["campaign_products"], key=lambda r: r["received_at"]):
        if row["received_at"] <= as_of and campaign_id in (None, row["campaign_id"]):
            newest[row["campaign_id"], row["product_id"]] = row
    return list(newest.values())


def _offers(shop: Shop, campaign_id: str, as_of: datetime) -> tuple[list[float], list[float]]:
    offers = newest_offers(shop, campaign_id, as_of)
    products = [shop.latest("products", as_of, product_id=o["product_id"]) for o in offers]
    prices = [o["price"] for o in offers]
    return prices, [max(p, q["list_price"]) for p, q in zip(prices, products, strict=True) if q]

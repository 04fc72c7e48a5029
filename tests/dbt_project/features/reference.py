"""What the newer feature functions should say, by slow loops over the shop's raw facts."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from statistics import mean
from typing import Any

from tests.dbt_project import reference as basic
from tests.dbt_project.reference import DAY_DELAY, day_available_at, ratio
from tests.dbt_project.small_shop import Row, Shop, measures, placed
from vitrine.interval import DAY, floor

MANY_DAYS = 10**5 * DAY
CHANNELS = {"web": "web", "Mobile App": "app", "store": "store", "catalogue": "other"}
COLOURS = {"Navy Blue": "blue", "black": "black", "Off White": "white", "Maroon": "red"}
AUDIENCES = {"Women": "women", "men": "men", "Girls": "children"}
AGE_BANDS = ("16-24", "25-34", "35-49", "50-64", "65+")


class History:
    """A shop's facts, each with what was known of its customer, campaign and product then."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        facts = [placed(shop, fact) for fact in shop.tables["orders"] + shop.tables["events"]]
        self.facts = [fact | self._traits(fact) for fact in facts]
        self.sales = [fact for fact in self.facts if fact["kind"] == "sale"]

    def _traits(self, fact: Row) -> Row:
        product = self.shop.latest("products", fact["received_at"], product_id=fact["product_id"])
        list_price = (product and product["list_price"]) or 0
        return {
            "colour": COLOURS.get(product["colour"]) if product else None,
            "audience": AUDIENCES.get(product["audience"]) if product else None,
            "channel_class": CHANNELS.get(fact.get("channel", "")),
            "age_band": [*fact["demographic_cluster"].split(":"), "unknown"][1],
            "week": fact["ds"] - timedelta(days=fact["ds"].weekday()),
            "is_discounted": fact.get("unit_price", 0) < list_price,
        }


def of(facts: Iterable[Row], **subject: Any) -> list[Row]:
    return [fact for fact in facts if all(fact[k] == v for k, v in subject.items())]


def readable(facts: Iterable[Row], as_of: datetime, span: timedelta = MANY_DAYS) -> list[Row]:
    """Keep what became readable in (as_of - span, as_of]."""
    return [fact for fact in facts if as_of - span < day_available_at(fact) <= as_of]


def units(facts: Iterable[Row], **subject: Any) -> int:
    return sum(fact["quantity"] for fact in of(facts, **subject))


def a_day_each(facts: Iterable[Row], column: str) -> int:
    """Add up each day's distinct values."""
    return len({(fact["ds"], fact[column]) for fact in facts if fact[column] is not None})


def most(counts: dict[str, float], otherwise: str = "unknown") -> str:
    """Name the largest, the first of equals."""
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] > 0 else otherwise


def season_start_on(day: date) -> date:
    """Go back day by day to the first of March, June, September or December."""
    while not (day.day == 1 and day.month in (3, 6, 9, 12)):
        day -= timedelta(days=1)
    return day


def season_from_at(as_of: datetime) -> datetime:
    first = season_start_on(as_of.date())
    return datetime(first.year, first.month, first.day, tzinfo=UTC) + DAY_DELAY


def customer(history: History, customer_id: str, as_of: datetime) -> Row:
    facts = of(history.facts, customer_id=customer_id)
    sales = of(facts, kind="sale")
    views = [f for f in facts if f["kind"] in ("campaign_view", "product_view")]
    year = readable(sales, as_of, 365 * DAY)
    season = readable(sales, as_of, as_of - season_from_at(as_of))
    row: Row = {
        "customer_favourite_sub_sector": _favourite_sub_sector(readable(sales, as_of)),
        "customer_purchase_power_ratio": _purchase_power(history.shop, year, as_of),
        "customer_favourite_channel": most(
            {c: units(year, channel_class=c) for c in ("web", "app", "store")},
            "other" if year else "unknown",
        ),
        "customer_favourite_colour": most(
            {c: units(season, colour=c) for c in ("black", "white", "blue", "red")}
        ),
        "customer_likely_gender": _likely_gender(
            units(year, audience="women"), units(year, audience="men")
        ),
        "customer_buys_for_children": units(year, audience="children") > 0,
    }
    for audience in ("children", "women", "men"):
        share = ratio(units(year, audience=audience), units(year))
        row[f"customer_{audience}_unit_ratio"] = share
    for days in (30, 365):
        lines = readable(sales, as_of, days * DAY)
        for subject in ("campaign", "product"):
            name = f"customer_purchased_{subject}_count_{days}d"
            row[name] = a_day_each(lines, f"{subject}_id")
    for days in (7, 30):
        seen = readable(views, as_of, days * DAY)
        row[f"customer_viewed_campaign_count_{days}d"] = a_day_each(seen, "campaign_id")
        row[f"customer_viewed_product_count_{days}d"] = a_day_each(seen, "product_id")
        mails = of(history.shop.tables["email_events"], customer_id=customer_id)
        reactions = Counter(mail["kind"] for mail in readable(mails, as_of, days * DAY))
        row[f"customer_email_open_count_{days}d"] = reactions["opened"]
        row[f"customer_email_click_count_{days}d"] = reactions["clicked"]
    return row


def groups(history: History, customer_id: str, as_of: datetime) -> Row:
    sales = readable(of(history.sales, customer_id=customer_id), as_of)
    year = readable(sales, as_of, 365 * DAY)
    count = units(year)
    sectors = [
        units(year, sector=sector) for sector in {line["sector"] for line in year} - {"unknown"}
    ]
    seasons = Counter[int]()
    for line in year:
        seasons[line["occurred_at"].month % 12 // 3] += line["quantity"]
    first = min((line["occurred_at"] for line in sales), default=as_of)
    followed = [line for line in year if _is_bestseller(history, line)]
    return {
        "is_bestseller_follower": count >= 3 and units(followed) >= 0.5 * count,
        "is_single_sector": count >= 3 and max(sectors, default=0) >= 0.9 * count,
        "is_discount_only": count >= 3 and units(year, is_discounted=True) >= 0.9 * count,
        "is_seasonal": count >= 3
        and max(seasons.values()) >= 0.8 * count
        and as_of - first >= 365 * DAY,
    }


def segment(history: History, customer_id: str, as_of: datetime) -> Row:
    sales = readable(of(history.sales, customer_id=customer_id), as_of)
    if not sales:
        return {"segment": "prospect"}
    spent = _spent(history, as_of)
    if customer_id not in spent:
        return {"segment": "inactive"}
    if as_of - min(line["occurred_at"] for line in sales) <= 30 * DAY:
        return {"segment": "new"}
    better = [c for c in spent if (-spent[c], c) < (-spent[customer_id], customer_id)]
    is_top = len(better) + 1 <= len(spent) / 10
    return {"segment": "top" if is_top else "loyal"}


def _spent(history: History, as_of: datetime) -> dict[str, float]:
    """Return what every customer who ordered within a year paid in it."""
    year = readable(history.sales, as_of, 365 * DAY)
    customers = {line["customer_id"] for line in year} - {None}
    return {c: measures(of(year, customer_id=c))["turnover"] for c in customers}


def sector(history: History, customer_id: str, name: str, as_of: datetime) -> Row:
    facts = of(history.facts, customer_id=customer_id, sector=name)
    row: Row = {}
    for days in (7, 30, 365):
        sums = measures(readable(facts, as_of, days * DAY))
        row[f"customer_sector_turnover_{days}d"] = sums["turnover"]
        row[f"customer_sector_view_count_{days}d"] = sums["view_count"]
    return row


def pair(history: History, customer_id: str, campaign_id: str, as_of: datetime) -> Row:
    known = history.shop.latest("campaigns", as_of, campaign_id=campaign_id)
    if known is None:
        return {"pair_sector_turnover_365d": 0, "pair_sector_view_count_7d": 0}
    answer = sector(history, customer_id, known["sector"], as_of)
    return {name.replace("customer_", "pair_"): value for name, value in answer.items()}


def campaign(history: History, campaign_id: str, as_of: datetime) -> Row:
    shop, readable_at = history.shop, floor(as_of - DAY_DELAY, DAY) + DAY_DELAY
    known = shop.latest("campaigns", as_of, campaign_id=campaign_id)
    closed = [c for c in closed_campaigns(history) if c["available_at"] <= readable_at]
    past = sorted(
        of(closed, brand=known["brand"] if known else None),
        key=lambda c: (c["closed_at"], c["campaign_id"]),
    )[-3:]
    alike = of(closed, sector=known["sector"] if known else None)
    conversion = _conversion(alike, _conversion(closed, 0.02))
    sold_out = _sold_out(alike, _sold_out(closed, 0.5))
    average = _average(alike, ratio(_sum(closed, "turnover"), len(closed)))
    if known is None:
        conversion = sold_out = average = 0.0
    prices = [offer["price"] for offer in basic.newest_offers(shop, campaign_id, as_of)]
    level = _price_quantile(shop, known["sector"] if known else None, prices, readable_at)
    return {
        "campaign_price_level_ratio": level,
        "brand_last_3_conversion_ratio": _conversion(past, conversion),
        "brand_last_3_sell_through_ratio": _sold_out(past, sold_out),
        "brand_last_3_turnover": _average(past, average),
    }


def _conversion(closed: list[Row], prior: float) -> float:
    return basic.smoothed(_sum(closed, "order_count"), _sum(closed, "view_count"), prior, 50)


def _sold_out(closed: list[Row], prior: float) -> float:
    return basic.smoothed(_sum_stocked(closed), _sum(closed, "stock"), prior, 50)


def _average(closed: list[Row], prior: float) -> float:
    """Return the average turnover, with one campaign more at the prior."""
    return (_sum(closed, "turnover") + prior) / (len(closed) + 1)


def closed_campaigns(history: History) -> list[Row]:
    """Return what came of each campaign, as known when the day of its closing was readable."""
    versions = defaultdict(list)
    for row in sorted(history.shop.tables["campaigns"], key=lambda row: row["received_at"]):
        versions[row["campaign_id"]].append(row)
    found = []
    for rows in versions.values():
        for row, later in zip(rows, [*rows[1:], None], strict=True):
            if row["closes_at"] is None:
                continue
            closed_at = max(row["closes_at"], row["received_at"])
            if later is None or closed_at < later["received_at"]:
                found.append(_outcome(history, row, closed_at))
                break
    return found


def _outcome(history: History, campaign: Row, closed_at: datetime) -> Row:
    available_at = floor(closed_at, DAY) + DAY + DAY_DELAY
    campaign_id = campaign["campaign_id"]
    facts = readable(of(history.facts, campaign_id=campaign_id), available_at)
    sales = of(facts, kind="sale")
    end_of_day = available_at - DAY_DELAY - timedelta(microseconds=1)
    offers = basic.newest_offers(history.shop, campaign_id, end_of_day)
    return {
        "campaign_id": campaign_id,
        "brand": campaign["brand"],
        "sector": campaign["sector"],
        "closed_at": closed_at,
        "available_at": available_at,
        "order_count": a_day_each(sales, "order_id"),
        "view_count": measures(facts)["view_count"],
        "unit_count": units(sales),
        "turnover": measures(sales)["turnover"],
        "stock": sum(offer["initial_stock"] or 0 for offer in offers),
    }


def product(history: History, product_id: str, as_of: datetime) -> Row:
    sales = of(history.sales, product_id=product_id)
    year = readable(sales, as_of, 365 * DAY)
    counts = [
        units(readable(sales, as_of - 7 * week * DAY, 7 * DAY)) for week in (7, 6, 5, 4, 3, 2, 1, 0)
    ]
    slope = sum((n - 3.5) * count for n, count in enumerate(counts)) / 42
    momentum = slope / mean(counts) if any(counts) else 0
    share, rank = _season(history, product_id, as_of)
    return {
        "product_season_unit_ratio": share,
        "product_season_rank": rank,
        "product_favourite_age_band": most({b: units(year, age_band=b) for b in AGE_BANDS}),
        "product_average_price": ratio(measures(year)["turnover"], units(year)),
        "product_favourite_channel": most(
            {c: units(year, channel_class=c) for c in ("web", "app", "store")},
            "other" if year else "unknown",
        ),
        "product_momentum_ratio": momentum,
        "product_trend": _trend(momentum, sum(counts), units(readable(sales, as_of))),
        "product_stock_left_days": _stock_left_days(history, product_id, sales, as_of),
    }


def co_purchases(history: History, as_of: datetime) -> dict[tuple[str, str], tuple]:
    """Return count, support, confidence and lift of each pair of products."""
    end = floor(as_of - DAY_DELAY, DAY)
    baskets = defaultdict(set)
    for line in history.sales:
        if end - 90 * DAY <= line["received_at"] < end:
            baskets[line["order_id"]].add(line["product_id"])
    alone = Counter(p for basket in baskets.values() for p in basket)
    pairs = Counter(pair for basket in baskets.values() for pair in permutations(basket, 2))
    total = len(baskets)
    return {
        (a, b): (n, n / total, n / alone[a], n * total / alone[a] / alone[b])
        for (a, b), n in pairs.items()
    }


def _season(history: History, product_id: str, as_of: datetime) -> tuple[float, int]:
    readable_at, from_at = floor(as_of - DAY_DELAY, DAY) + DAY_DELAY, season_from_at(as_of)
    day_end = readable_at - DAY_DELAY - basic.MICROSECOND
    sold: dict[tuple[str, str], int] = defaultdict(int)
    for line in history.sales:
        if from_at < day_available_at(line) <= readable_at:
            known = history.shop.latest("products", day_end, product_id=line["product_id"])
            sold[known["sector"] if known else "unknown", line["product_id"]] += line["quantity"]
    mine = next((key for key in sold if key[1] == product_id), None)
    if mine is None:
        return 0, 0
    others = {key: count for key, count in sold.items() if key[0] == mine[0]}
    ordered = sorted(others, key=lambda key: (-others[key], key[1]))
    return sold[mine] / sum(others.values()), ordered.index(mine) + 1


def _stock_left_days(history: History, product_id: str, sales: list[Row], as_of: datetime) -> float:
    last_known = floor(as_of - DAY_DELAY, DAY) - timedelta(microseconds=1)
    on_sale = basic.on_sale(history.shop, last_known, permanent_days=28)
    left = [count for key, (_, count) in on_sale.items() if key[1] == product_id]
    if not left:
        return 0
    a_day = units(readable(sales, as_of, 28 * DAY)) / 28
    known = [count for count in left if count is not None]
    return min(sum(known) / a_day, 730) if known and a_day else 730


def _trend(momentum: float, recent: float, ever: float) -> str:
    if not ever:
        return "unknown"
    if not recent:
        return "declining"
    if recent == ever and momentum > 0:
        return "emerging"
    if abs(momentum) < 0.1:
        return "stable"
    return "trending" if momentum > 0 else "declining"


def _is_bestseller(history: History, line: Row) -> bool:
    before = of(history.sales, age_band=line["age_band"], week=line["week"] - timedelta(days=7))
    sold = Counter[str]()
    for other in before:
        sold[other["product_id"]] += other["quantity"]
    best = sorted(sold, key=lambda product_id: (-sold[product_id], product_id))[:100]
    return line["product_id"] in best


def _favourite_sub_sector(sales: list[Row]) -> str:
    sold = Counter[str]()
    for line in sales:
        sold[line["sub_sector"]] += line["quantity"]
    return max(sold, key=lambda name: (sold[name], name), default="unknown")


def _likely_gender(women: int, men: int) -> str:
    if women + men == 0:
        return "unknown"
    return "female" if women >= 4 * men else "male" if men >= 4 * women else "both"


def _purchase_power(shop: Shop, year: list[Row], as_of: datetime) -> float:
    prices = [measures(year)["turnover"] / units(year)] if year else []
    return _price_quantile(shop, "all", prices, as_of)


def _price_quantile(shop: Shop, name: str | None, prices: list[float], as_of: datetime) -> float:
    """Return where the mean of prices stands among the offers known at the last end of a week."""
    week_end = floor(as_of - DAY_DELAY, DAY)
    week_end -= week_end.weekday() * DAY
    catalogue = sorted(_prices_before(shop, name, week_end))
    if not prices or not catalogue:
        return 0.5
    ladder = [catalogue[max(math.ceil(len(catalogue) * n / 20 - 1e-9), 1) - 1] for n in range(20)]
    price = max((step for step in ladder if step <= mean(prices) + 1e-9), default=None)
    if price is None:
        return 0
    return mean(n / 20 for n, step in enumerate(ladder) if step == price) + 0.025


def _prices_before(shop: Shop, name: str | None, instant: datetime) -> list[float]:
    before = instant - timedelta(microseconds=1)
    prices = []
    for offer in basic.newest_offers(shop, None, before):
        known = shop.latest("campaigns", before, campaign_id=offer["campaign_id"])
        if known and name in ("all", known["sector"]):
            prices.append(offer["price"])
    return prices


def _sum(rows: list[Row], column: str) -> float:
    return sum(row[column] for row in rows)


def _sum_stocked(rows: list[Row]) -> float:
    return sum(row["unit_count"] for row in rows if row["stock"])

"""A shop of nine customers over sixteen months, with leap day, changes of the clock and seasons.

Most days are empty. Some customers have a habit that a behaviour group names, one ordered once, one
never; of the campaigns one has no stock, one was prolonged, one became known after its end.
"""

import random
from datetime import UTC, datetime, timedelta

from tests.dbt_project.small_shop import Row, Shop
from vitrine.demographics import demographic_cluster
from vitrine.interval import DAY

START = datetime(2027, 11, 15, tzinfo=UTC)
DAYS = 500
END = START + DAYS * DAY
MIDDLE = START + 201 * DAY
LEAP_DAY = datetime(2028, 2, 29, tzinfo=UTC)
SPRING = datetime(2028, 3, 1, tzinfo=UTC)
CLOCK_CHANGES = (datetime(2028, 3, 26, 1, tzinfo=UTC), datetime(2028, 10, 29, 1, tzinfo=UTC))

COLOURS = ("Navy Blue", "black", "Off White", "Maroon", None)
AUDIENCES = ("Women", "men", "Girls", "everyone", None)
SECTORS = {"shoes": ("boots", "heels"), "home": ("lamps",), "fashion": ("coats", "shirts")}
CROWD = [f"d{number:02}" for number in range(24)]
WINTER_MONTHS = (12, 1, 2)


def draw(seed: int) -> Shop:
    """Draw the shop's whole history."""
    rng, shop = random.Random(seed), Shop()
    _draw_customers(shop)
    _draw_catalogue(rng, shop)
    days = _open_days(rng)
    for number in range(420):
        _draw_order(rng, shop, number, rng.choice(days))
    for number in range(500):
        _draw_event(rng, shop, number, rng.choice(days))
    for number in range(150):
        _draw_reaction(rng, shop, number, rng.choice(days))
    _draw_night(shop)
    _draw_crowd(shop)
    return shop


def _open_days(rng: random.Random) -> list[datetime]:
    """Return some days, two whole months among them, for trends need neighbours."""
    edges = [LEAP_DAY, SPRING - 2 * DAY, SPRING, *CLOCK_CHANGES]
    months = [START + n * DAY for n in (*range(100, 130), *range(465, DAYS - 3))]
    others = [START + rng.randrange(DAYS - 3) * DAY for _ in range(40)]
    return [day.replace(hour=0) for day in (*edges, *months, *others)]


def _draw_customers(shop: Shop) -> None:
    ages = (1960, 1975, 1975, 2003, None, 1975, 1940, 1990, 1995)
    for number, birth_year in enumerate(ages):
        gender = ("female", "male", None)[number % 3]
        shop.tables["customers"].append(
            {
                "customer_id": f"c{number}",
                "signed_up_at": START,
                "birth_year": birth_year,
                "gender": gender,
                "country": "FR",
                "language": "fr",
                "timezone": "Europe/Paris",
                "demographic_cluster": demographic_cluster(gender, birth_year, "FR", 2027),
                "received_at": START + timedelta(hours=number),
            }
        )


def _draw_catalogue(rng: random.Random, shop: Shop) -> None:
    for number in range(7):
        opens_at = START + (70 * number) * DAY + timedelta(hours=6)
        closes_at = None if number == 0 else opens_at + rng.choice([30, 60]) * DAY
        _add_campaign(rng, shop, number, opens_at, closes_at, announced_at=opens_at - DAY)
    prolonged, late = (shop.tables["campaigns"][n] for n in (2, 3))
    before = prolonged["closes_at"] - DAY
    changed = {"closes_at": prolonged["closes_at"] + 20 * DAY, "received_at": before}
    shop.tables["campaigns"].append(prolonged | changed)
    late["received_at"] = late["closes_at"] + timedelta(hours=5)


def _add_campaign(
    rng: random.Random,
    shop: Shop,
    number: int,
    opens_at: datetime,
    closes_at: datetime | None,
    announced_at: datetime,
) -> None:
    sector = list(SECTORS)[number % 3]
    campaign = {
        "campaign_id": f"k{number}",
        "brand": "acme" if number % 3 else "bolt",
        "business_type": "flash_sale" if closes_at else "permanent",
        "sector": sector,
        "sub_sector": rng.choice(SECTORS[sector]),
        "country": "FR",
        "timezone": "Europe/Paris",
        "opens_at": opens_at,
        "closes_at": closes_at,
        "received_at": announced_at,
    }
    shop.tables["campaigns"].append(campaign)
    for place in range(4):
        stock = None if number in (0, 4) else rng.choice([30, 60])
        _add_product(rng, shop, campaign, f"p{number}{place}", stock, announced_at)


def _add_product(
    rng: random.Random, shop: Shop, campaign: Row, product_id: str, stock: int | None, at: datetime
) -> None:
    list_price = float(rng.randrange(10, 90))
    sector = "home" if product_id.endswith("3") else campaign["sector"]
    product = {
        "product_id": product_id,
        "name": product_id,
        "brand": campaign["brand"],
        "sector": sector,
        "sub_sector": campaign["sub_sector"] if sector == campaign["sector"] else "lamps",
        "colour": rng.choice(COLOURS),
        "audience": rng.choice(AUDIENCES),
        "list_price": list_price,
        "attributes": [],
        "received_at": at,
    }
    shop.tables["products"].append(product)
    if rng.random() < 0.3:
        shop.tables["products"].append(product | {"colour": "black", "received_at": at + 25 * DAY})
    shop.tables["campaign_products"].append(
        {
            "campaign_id": campaign["campaign_id"],
            "product_id": product_id,
            "price": round(list_price * rng.choice([0.5, 0.8, 1.0]), 2),
            "initial_stock": stock,
            "received_at": at,
        }
    )


def _draw_order(rng: random.Random, shop: Shop, number: int, day: datetime) -> None:
    customer = "c6" if number == 0 else rng.choice(["c0", "c1", "c2", "c3", "c4", "c5", None])
    offers = shop.tables["campaign_products"]
    if customer == "c0":
        known = [offer for offer in offers if offer["received_at"] < day]
        offers = [offer for offer in known if offer["price"] < _list_price(shop, offer)] or offers
    if customer == "c1":
        offers = [offer for offer in offers if offer["campaign_id"] in ("k0", "k3", "k6")]
    if customer == "c2" and day.month not in WINTER_MONTHS:
        customer = None
    if customer in ("c3", "c4"):
        offers = offers[:3]
    kind = "return" if number % 15 == 14 else "sale"
    moment = _moment(rng, day)
    channel = rng.choice(["web", "Mobile App", "store", "catalogue"])
    for line in range(rng.choice([1, 1, 2, 3])):
        offer = rng.choice(offers)
        shop.tables["orders"].append(
            {
                "order_id": f"o{number}",
                "line": line + 1,
                "customer_id": customer,
                "product_id": offer["product_id"],
                "campaign_id": offer["campaign_id"],
                "quantity": rng.randrange(1, 4),
                "unit_price": offer["price"],
                "channel": channel,
                "kind": kind,
                **moment,
            }
        )


def _list_price(shop: Shop, offer: Row) -> float:
    product = next(p for p in shop.tables["products"] if p["product_id"] == offer["product_id"])
    return product["list_price"]


def _draw_event(rng: random.Random, shop: Shop, number: int, day: datetime) -> None:
    offer = rng.choice(shop.tables["campaign_products"])
    kind = rng.choice(["campaign_view", "product_view", "product_view", "impression"])
    shop.tables["events"].append(
        {
            "event_id": f"e{number}",
            "customer_id": rng.choice([*(f"c{n}" for n in range(8)), None]),
            "session_id": f"s{number // 3}",
            "kind": kind,
            "campaign_id": offer["campaign_id"],
            "product_id": offer["product_id"] if kind == "product_view" else None,
            "device": "phone",
            **_moment(rng, day),
        }
    )


def _draw_night(shop: Shop) -> None:
    """Sell two products of a sector the day before the middle; then move one to another sector and
    state its stock anew, before that day is readable."""
    offers = [row for row in shop.tables["campaign_products"] if row["campaign_id"] == "k2"][:2]
    sold_at = MIDDLE - timedelta(hours=10)
    for line, offer in enumerate(offers, start=1):
        shop.tables["orders"].append(
            {
                "order_id": "night",
                "line": line,
                "customer_id": None,
                "product_id": offer["product_id"],
                "campaign_id": offer["campaign_id"],
                "quantity": 2,
                "unit_price": offer["price"],
                "channel": "web",
                "kind": "sale",
                "occurred_at": sold_at,
                "received_at": sold_at,
            }
        )
    moved = offers[0]
    (product, *_) = [r for r in shop.tables["products"] if r["product_id"] == moved["product_id"]]
    later = MIDDLE + timedelta(hours=1)
    sector = next(name for name in SECTORS if name != product["sector"])
    shop.tables["products"].append(product | {"sector": sector, "received_at": later})
    shop.tables["campaign_products"].append(moved | {"initial_stock": 99, "received_at": later})


def _draw_crowd(shop: Shop) -> None:
    """Let a crowd that nobody describes spend the same each, and more than anybody else."""
    (offer, *_) = [row for row in shop.tables["campaign_products"] if row["campaign_id"] == "k0"]
    sold_at = END - 200 * DAY
    for customer_id in CROWD:
        shop.tables["orders"].append(
            {
                "order_id": f"order of {customer_id}",
                "line": 1,
                "customer_id": customer_id,
                "product_id": offer["product_id"],
                "campaign_id": offer["campaign_id"],
                "quantity": 300,
                "unit_price": offer["price"],
                "channel": "web",
                "kind": "sale",
                "occurred_at": sold_at,
                "received_at": sold_at,
            }
        )


def _draw_reaction(rng: random.Random, shop: Shop, number: int, day: datetime) -> None:
    shop.tables["email_events"].append(
        {
            "message_id": f"m{number // 2}",
            "customer_id": f"c{rng.randrange(8)}",
            "kind": rng.choice(["sent", "opened", "opened", "clicked"]),
            **_moment(rng, day),
        }
    )


def _moment(rng: random.Random, day: datetime) -> Row:
    """Draw a second of the day, midnight among them, and a receipt up to a day later."""
    occurred_at = day + timedelta(seconds=rng.choice([0, rng.randrange(86400)]))
    delay = timedelta(seconds=rng.choice([0, 5, rng.randrange(86400)]))
    return {"occurred_at": occurred_at, "received_at": occurred_at + delay}

"""A shop of ten customers and eight campaigns over twelve days: facts drawn at random, some of them
received up to a day late, written to the lake; and the deltas that add up to them.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from tests.published_letters import letter, publish
from vitrine import contracts, deltas, lake
from vitrine.demographics import demographic_cluster
from vitrine.interval import DAY, QUARTER_HOUR, Interval, floor
from vitrine.landing import books
from vitrine.landing.books import Books, FileBooks
from vitrine.paths import Paths

Row = dict[str, Any]
KnownAt = Callable[[contracts.Table, Row], datetime]
START = datetime(2026, 3, 23, tzinfo=UTC)
DAYS = 12
END = START + timedelta(days=DAYS)
SECTORS = {"shoes": "boots", "home": "lamps", "fashion": "coats"}


@dataclass
class Shop:
    """Rows of the contract tables, by table."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    letters: list[Row] = field(default_factory=list)
    """Of published lists, as `vitrine.letters.LETTERS`."""
    excluded: dict[tuple[str, date], dict[str, str]] = field(default_factory=dict)
    """By list and night: customer -> exclusion."""

    def latest(self, table: str, as_of: datetime, **key: str) -> Row | None:
        """Return the newest row about something that was received at or before an instant."""
        rows = [
            row
            for row in self.tables[table]
            if row["received_at"] <= as_of and all(row[k] == v for k, v in key.items())
        ]
        return max(rows, key=lambda row: row["received_at"], default=None)


def draw(seed: int) -> Shop:
    """Draw the shop's whole history."""
    rng, shop = random.Random(seed), Shop()
    _draw_customers(rng, shop)
    _draw_catalogue(rng, shop)
    for number in range(150):
        _draw_order(rng, shop, number)
    for number in range(500):
        _draw_event(rng, shop, number)
    _draw_split_order(shop)
    _draw_late_stock(shop)
    _draw_move(shop)
    _draw_mailing(shop)
    for _ in range(300):
        _draw_count(rng, shop)
    _draw_letters(random.Random(seed), shop)
    return shop


def at_receipt(table: contracts.Table, fact: Row) -> datetime:
    """Describe a fact by what was known when it came."""
    return fact["received_at"]


def at_end_of_receipt(table: contracts.Table, fact: Row) -> datetime:
    """Describe a fact as Spark does: by what was known when its day or window of receipt ended."""
    step = timedelta(days=1) if "ds" in table.key else QUARTER_HOUR
    return floor(fact["received_at"], step) + step - timedelta(microseconds=1)


def arm_of(customer_id: str) -> str:
    """Return what a customer was drawn for."""
    return "bold" if customer_id in ("c0", "c3", "c6") else "standard"


def write(shop: Shop, paths: Paths, known_at: KnownAt = at_receipt) -> None:
    """Write the lake, and the deltas of its orders and events, one file per day of receipt."""
    for name, table in contracts.TABLES.items():
        lake.ensure_table(paths.lake, name, table.schema)
        _write_days(paths.lake, table, shop.tables[name])
    _write_books(paths)
    for name, rows in delta_rows(shop, known_at).items():
        lake.ensure_table(paths.deltas, name, deltas.TABLES[name].schema)
        _write_days(paths.deltas, deltas.TABLES[name], rows)
    for (list_name, night), excluded in shop.excluded.items():
        letters = [r for r in shop.letters if (r["list"], r["night"]) == (list_name, night)]
        capped = {c: arm_of(c) for c, why in excluded.items() if why.startswith("cap_")}
        publish(paths.lists, night, letters, excluded, list_name, capped)


def delta_rows(shop: Shop, known_at: KnownAt = at_receipt) -> dict[str, list[Row]]:
    """Add up the facts, one at a time."""
    subjects = {
        deltas.USER_DAYS: "customer_id",
        deltas.USER_SECTOR_DAYS: "customer_id",
        deltas.PRODUCT_DAYS: "product_id",
        deltas.CAMPAIGN_WINDOWS: "campaign_id",
    }
    return {table.name: _added_up(shop, table, key, known_at) for table, key in subjects.items()}


def placed(shop: Shop, fact: Row, known_at: datetime | None = None) -> Row:
    """Return a fact with its sector, cluster, days and windows; as known at its receipt, if not
    at another instant. What it is of is the product's, or the campaign's where that is unknown."""
    known_at = known_at or fact["received_at"]
    product = shop.latest("products", known_at, product_id=fact["product_id"])
    campaign = shop.latest("campaigns", known_at, campaign_id=fact["campaign_id"])
    customer = shop.latest("customers", known_at, customer_id=fact["customer_id"])
    of = product or campaign
    return {
        **fact,
        "brand": campaign["brand"] if campaign else "unknown",
        "sector": of["sector"] if of else "unknown",
        "sub_sector": of["sub_sector"] if of else "unknown",
        "demographic_cluster": customer["demographic_cluster"] if customer else "unknown",
        "occurred_on": fact["occurred_at"].date(),
        "ds": fact["received_at"].date(),
        "window_start_at": floor(fact["occurred_at"], QUARTER_HOUR),
        "received_window_start_at": floor(fact["received_at"], QUARTER_HOUR),
    }


def measures(facts: list[Row]) -> dict[str, float]:
    """Count and sum what facts of one group add to every measure of the deltas."""
    kinds = Counter(fact["kind"] for fact in facts)
    sales = [fact for fact in facts if fact["kind"] == "sale"]
    returns = [fact for fact in facts if fact["kind"] == "return"]
    events = [fact for fact in facts if "session_id" in fact]
    return {
        "session_count": len({fact["session_id"] for fact in events}),
        "visitor_count": len({fact["session_id"] for fact in events}),
        "impression_count": kinds["impression"],
        "campaign_view_count": kinds["campaign_view"],
        "product_view_count": kinds["product_view"],
        "view_count": kinds["campaign_view"] + kinds["product_view"],
        "cart_count": kinds["add_to_cart"],
        "order_count": len({fact["order_id"] for fact in sales}),
        "buyer_count": len({fact["customer_id"] for fact in sales} - {None}),
        "unit_count": sum(fact["quantity"] for fact in sales),
        "turnover": round(sum(fact["quantity"] * fact["unit_price"] for fact in sales), 2),
        "return_unit_count": sum(fact["quantity"] for fact in returns),
        "return_value": round(sum(fact["quantity"] * fact["unit_price"] for fact in returns), 2),
    }


def _added_up(shop: Shop, table: contracts.Table, subject: str, known_at: KnownAt) -> list[Row]:
    groups: dict[tuple, list[Row]] = defaultdict(list)
    for fact in shop.tables["orders"] + shop.tables["events"]:
        if fact[subject] is not None:
            known = placed(shop, fact, known_at(table, fact))
            groups[tuple(known[column] for column in table.key)].append(fact)
    names = [column.name for column in table.columns]
    return [
        {
            n: v
            for n, v in (dict(zip(table.key, key, strict=True)) | measures(f)).items()
            if n in names
        }
        for key, f in groups.items()
    ]


def _draw_customers(rng: random.Random, shop: Shop) -> None:
    for number in range(10):
        gender = rng.choice(["female", "male", None])
        birth_year = rng.choice([1950, 1970, 1995, None])
        country = rng.choice(["FR", "DE"])
        row = {
            "customer_id": f"c{number}",
            "signed_up_at": START - timedelta(days=rng.randrange(100)),
            "birth_year": birth_year,
            "gender": gender,
            "socio_professional_group": rng.choice(["employee", None]),
            "country": country,
            "language": "fr",
            "timezone": "Europe/Paris",
            "demographic_cluster": demographic_cluster(gender, birth_year, country, 2026),
            "received_at": START + timedelta(hours=rng.randrange(24)),
        }
        shop.tables["customers"].append(row)
        if number % 4 == 0:
            moved = demographic_cluster(gender, birth_year, "ES", 2026)
            shop.tables["customers"].append(
                row
                | {
                    "country": "ES",
                    "demographic_cluster": moved,
                    "received_at": START + timedelta(days=6, hours=rng.randrange(24)),
                }
            )


def _draw_catalogue(rng: random.Random, shop: Shop) -> None:
    for number in range(8):
        sector = rng.choice(list(SECTORS))
        announced_at = START + timedelta(hours=24 * number)
        opens_at = announced_at + timedelta(hours=5)
        campaign = {
            "campaign_id": f"k{number}",
            "brand": rng.choice(["acme", "bolt"]),
            "business_type": "flash_sale" if number else "permanent",
            "sector": sector,
            "sub_sector": SECTORS[sector],
            "country": "FR",
            "timezone": rng.choice(["Europe/Paris", "America/New_York"]),
            "opens_at": opens_at,
            "closes_at": opens_at + timedelta(days=rng.randrange(1, 6)) if number else None,
            "received_at": announced_at,
        }
        shop.tables["campaigns"].append(campaign)
        for product in range(2):
            _draw_product(rng, shop, campaign, f"p{number}{product}")


def _draw_product(rng: random.Random, shop: Shop, campaign: Row, product_id: str) -> None:
    received_at, list_price = campaign["received_at"], float(rng.randrange(20, 60))
    shop.tables["products"].append(
        {
            "product_id": product_id,
            "name": product_id,
            "brand": campaign["brand"],
            "sector": campaign["sector"],
            "sub_sector": campaign["sub_sector"],
            "list_price": list_price,
            "attributes": [("material", "wool")],
            "received_at": received_at,
        }
    )
    offer = {
        "campaign_id": campaign["campaign_id"],
        "product_id": product_id,
        "price": round(list_price * rng.choice([0.5, 0.75, 1.0]), 2),
        "initial_stock": rng.choice([6, 12, None]),
        "received_at": received_at,
    }
    shop.tables["campaign_products"].append(offer)
    if rng.random() < 0.5:
        later = received_at + timedelta(hours=rng.randrange(6, 48))
        shop.tables["campaign_products"].append(
            offer | {"price": offer["price"] - 5, "received_at": later}
        )


def _draw_order(rng: random.Random, shop: Shop, number: int) -> None:
    moment = _moments(rng)
    kind = "return" if number % 12 == 11 else "sale"
    customer = rng.choice([*(f"c{n}" for n in range(8)), None])
    for line in range(rng.choice([1, 1, 2])):
        offer = rng.choice(shop.tables["campaign_products"])
        shop.tables["orders"].append(
            {
                "order_id": f"o{number}",
                "line": line + 1,
                "customer_id": customer,
                "product_id": offer["product_id"],
                "campaign_id": offer["campaign_id"],
                "quantity": rng.randrange(1, 4),
                "unit_price": offer["price"],
                "channel": "web",
                "kind": kind,
                **moment,
            }
        )


def _draw_event(rng: random.Random, shop: Shop, number: int) -> None:
    offer = rng.choice(shop.tables["campaign_products"])
    kind = rng.choice(["impression", "campaign_view", "product_view", "add_to_cart"])
    shop.tables["events"].append(
        {
            "event_id": f"e{number}",
            "customer_id": rng.choice([*(f"c{n}" for n in range(9)), None]),
            "session_id": f"s{number // 3}",
            "kind": kind,
            "campaign_id": offer["campaign_id"],
            "product_id": offer["product_id"] if kind == "product_view" else None,
            "device": "phone",
            **_moments(rng),
        }
    )


def _draw_split_order(shop: Shop) -> None:
    """Order from two campaigns at once; the second line is received a day after the first."""
    occurred_at = START + timedelta(days=5, hours=12)
    for line, offer in enumerate([shop.tables["campaign_products"][n] for n in (0, -1)]):
        shop.tables["orders"].append(
            {
                "order_id": "split",
                "line": line + 1,
                "customer_id": "c1",
                "product_id": offer["product_id"],
                "campaign_id": offer["campaign_id"],
                "quantity": 1,
                "unit_price": offer["price"],
                "channel": "web",
                "kind": "sale",
                "occurred_at": occurred_at,
                "received_at": occurred_at + timedelta(hours=20 * line),
            }
        )


def _draw_late_stock(shop: Shop) -> None:
    """State a stock an hour after the day that its campaign closed, before that day is readable."""
    (campaign,) = [row for row in shop.tables["campaigns"] if row["campaign_id"] == "k3"]
    (offer, *_) = [row for row in shop.tables["campaign_products"] if row["campaign_id"] == "k3"]
    midnight = floor(campaign["closes_at"], timedelta(days=1)) + timedelta(days=1)
    shop.tables["campaign_products"].append(
        offer | {"initial_stock": 40, "received_at": midnight + timedelta(hours=1)}
    )


def _draw_move(shop: Shop) -> None:
    """Move a campaign to another sector after a busy window ended, before it is readable."""
    (campaign,) = [row for row in shop.tables["campaigns"] if row["campaign_id"] == "k2"]
    sector = next(name for name in SECTORS if name != campaign["sector"])
    opened = [f for f in shop.tables["orders"] if f["received_at"] > campaign["opens_at"] + DAY]
    sold = next(f for f in opened if (f["campaign_id"], f["kind"]) == ("k2", "sale"))
    moved_at = floor(sold["received_at"], QUARTER_HOUR) + QUARTER_HOUR + timedelta(minutes=2)
    moved = {"sector": sector, "sub_sector": SECTORS[sector], "received_at": moved_at}
    shop.tables["campaigns"].append(campaign | moved)
    products = [row for row in shop.tables["products"] if row["product_id"].startswith("p2")]
    shop.tables["products"] += [row | moved for row in products]


def _draw_mailing(shop: Shop) -> None:
    """Send an e-mail a day to half of the customers; some open it, fewer click, one leaves."""
    kinds = {"sent": 0, "opened": 2, "clicked": 3, "unsubscribed": 4}
    for day in range(DAYS - 1):
        for number in range(5):
            sent_at = START + timedelta(days=day, hours=6, minutes=number)
            for kind, hours in kinds.items():
                if number >= hours and (kind != "unsubscribed" or day == DAYS - 2):
                    shop.tables["email_events"].append(
                        {
                            "message_id": f"m{day}c{number}",
                            "customer_id": f"c{number}",
                            "kind": kind,
                            "occurred_at": sent_at + timedelta(hours=hours),
                            "received_at": sent_at + timedelta(hours=hours, minutes=1),
                        }
                    )
    told = shop.tables["email_events"]
    # Landing refuses no e-mail event as late, and looks a day back only for what comes again.
    told += [e | {"received_at": e["received_at"] + timedelta(days=4)} for e in told[3::20]]


def _draw_letters(rng: random.Random, shop: Shop) -> None:
    """Publish two lists on some nights; some of what becomes of their letters is received late."""
    offers = [(o["product_id"], o["campaign_id"]) for o in shop.tables["campaign_products"]]
    for day in range(4, DAYS):
        night = (START + timedelta(days=day)).date()
        for list_name in ("daily", "weekend") if day % 3 == 0 else ("daily",):
            chosen = rng.sample(range(7), 5)
            held_out = (7, 8) if list_name == "daily" else ()
            shop.excluded[list_name, night] = {
                f"c{n}": "hold_out" if n in held_out else rng.choice(["no_consent", "age"])
                for n in range(10)
                if n not in chosen
            }
            shop.excluded[list_name, night]["c9"] = "cap_per_week"
            for number in chosen:
                shown = rng.sample(offers, rng.randrange(5))
                row = letter(
                    f"c{number}",
                    night,
                    START + timedelta(days=day, hours=rng.randrange(4, 20)),
                    list_name=list_name,
                    campaigns=[c for _, c in shown[:2]],
                    products=shown[2:],
                    arm=arm_of(f"c{number}"),
                )
                shop.letters.append(row)
                if list_name != "weekend" or day % 2:
                    _draw_reactions(rng, shop, row)


def _draw_reactions(rng: random.Random, shop: Shop, row: Row) -> None:
    kinds = ["sent", "opened", "clicked", "opened", "unsubscribed"]
    for hours, kind in enumerate(kinds[: rng.randrange(6)]):
        occurred_at = row["send_at"] + timedelta(hours=hours, minutes=20)
        late = timedelta(minutes=rng.choice([1, 1, 30, 50 * 60]))
        if occurred_at + late < END:
            shop.tables["email_events"].append(
                {
                    "message_id": row["message_id"],
                    "customer_id": row["customer_id"],
                    "kind": kind,
                    "occurred_at": occurred_at,
                    "received_at": occurred_at + late,
                }
            )


def _draw_count(rng: random.Random, shop: Shop) -> None:
    offer = rng.choice(shop.tables["campaign_products"])
    shop.tables["stock_levels"].append(
        {
            "product_id": offer["product_id"],
            "location": rng.choice(["north", "south"]),
            "quantity": rng.choice([0, 0, rng.randrange(9)]),
            **_moments(rng),
        }
    )


def _moments(rng: random.Random) -> Row:
    occurred_at = START + timedelta(seconds=rng.randrange(int((DAYS - 1) * 86400)))
    delay = timedelta(seconds=rng.choice([0, 5, 600, rng.randrange(86400)]))
    return {"occurred_at": occurred_at, "received_at": occurred_at + delay}


def _write_books(paths: Paths) -> None:
    for day in (0, 1):
        whole = Interval.of_day((START + timedelta(days=day)).date())
        first = FileBooks("orders.csv", 12, 9, {"duplicate": 2, "no_price": 1})
        second = FileBooks("events.csv", 30, 28 + day, {"duplicate": 2} if not day else {"late": 1})
        books.write(paths.books, Books("flash_sale", whole, (first, second)))


def _write_days(root: Any, table: contracts.Table, rows: list[Row]) -> None:
    days = defaultdict(list)
    for row in rows:
        days[_day_of_receipt(row)].append(row)
    for day, those in sorted(days.items()):
        columns = {
            column.name: pa.array([row.get(column.name) for row in those], column.type)
            for column in table.columns
        }
        lake.write_partition(root, table.name, Interval.of_day(day), pa.table(columns))


def _day_of_receipt(row: Row) -> Any:
    if "ds" in row:
        return row["ds"]
    return (row.get("received_at") or row["received_window_start_at"]).date()

"""A flash-sale shop whose every customer has one favourite sector, built into a warehouse.

Each day one campaign a sector opens for three days, so 30 are open at a time; all sectors sell
alike, so popularity knows nothing, and nine of ten purchases are of the customer's favourite. In
the first days a campaign opens abroad too, where no customer lives.
"""

import random
from datetime import UTC, datetime, timedelta

from tests.dbt_project import small_shop
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval
from vitrine.transform import dbt
from vitrine.transform.publication import publish_build
from vitrine.warehouse import DATABASES

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 26
END = START + DAYS * DAY
SECTORS = [f"sector{n}" for n in range(10)]
CUSTOMERS = 80
ABROAD = "abroad"
QUIET = [f"quiet{n}" for n in range(3)]
LATE = "late"


def draw(seed: int) -> small_shop.Shop:
    """Draw the shop's whole history."""
    rng, shop = random.Random(seed), small_shop.Shop()
    for number in range(CUSTOMERS):
        _add_customer(shop, f"c{number}", START, START - number * DAY)
    for name in QUIET:
        _add_customer(shop, name, START)
    _add_customer(shop, LATE, END - timedelta(hours=6))
    for day in range(-3, DAYS):
        for sector in SECTORS:
            _add_campaign(shop, day, sector)
    for day in range(4):
        _add_campaign(shop, day, ABROAD, country="ES")
    for day in range(DAYS):
        for number in range(CUSTOMERS):
            if rng.random() < 0.5:
                _add_order(rng, shop, day, number)
    return shop


def publish(installation: Installation) -> None:
    """Write the lake, build both databases and publish them."""
    small_shop.write(draw(seed=3), installation.paths)
    interval = Interval(START, END)
    for database in DATABASES:
        dbt.build_layers(installation, database, interval)
        publish_build(installation, database, interval)


def _add_customer(
    shop: small_shop.Shop,
    name: str,
    received_at: datetime,
    signed_up_at: datetime | None = None,
) -> None:
    shop.tables["customers"].append(
        {
            "customer_id": name,
            "signed_up_at": signed_up_at or received_at,
            "country": "FR",
            "language": "fr",
            "timezone": "Europe/Paris",
            "demographic_cluster": "unknown:unknown:FR",
            "received_at": received_at,
        }
    )


def _add_campaign(shop: small_shop.Shop, day: int, sector: str, country: str = "FR") -> None:
    name, opens_at = f"{sector}-{day + 3:02}", START + day * DAY + timedelta(hours=7)
    received_at = max(opens_at - timedelta(hours=12), START)
    described = {"brand": "acme", "sector": sector, "sub_sector": sector}
    shop.tables["campaigns"].append(
        {
            "campaign_id": name,
            **described,
            "business_type": "flash_sale",
            "country": country,
            "timezone": "UTC",
            "opens_at": opens_at,
            "closes_at": opens_at + 3 * DAY,
            "received_at": received_at,
        }
    )
    for product in ("a", "b"):
        shop.tables["products"].append(
            {
                "product_id": f"{name}-{product}",
                "name": name,
                **described,
                "list_price": 20.0,
                "attributes": [],
                "received_at": received_at,
            }
        )
        shop.tables["campaign_products"].append(
            {
                "campaign_id": name,
                "product_id": f"{name}-{product}",
                "price": 10.0,
                "initial_stock": 100,
                "received_at": received_at,
            }
        )


def _add_order(rng: random.Random, shop: small_shop.Shop, day: int, number: int) -> None:
    occurred_at = START + day * DAY + timedelta(hours=7, seconds=rng.randrange(14 * 3600))
    sector = SECTORS[number % 10] if rng.random() < 0.9 else rng.choice(SECTORS)
    opened = day - rng.randrange(3)
    campaign = f"{sector}-{opened + 3:02}"
    shop.tables["orders"].append(
        {
            "order_id": f"o{day:02}-{number}",
            "line": 1,
            "customer_id": f"c{number}",
            # Product b sells twice as well as a.
            "product_id": f"{campaign}-{rng.choice('abb')}",
            "campaign_id": campaign,
            "quantity": 1,
            "unit_price": 10.0,
            "channel": "web",
            "kind": "sale",
            "occurred_at": occurred_at,
            "received_at": occurred_at + timedelta(minutes=1),
        }
    )

"""A small shop whose answers were worked out by hand: late, null, tied and anonymous rows."""

from datetime import date, datetime

from vitrine.interval import Interval

DAY_1, DAY_2, DAY_3 = (Interval.of_day(date(2026, 3, day)) for day in (1, 2, 3))
DAYS = Interval(DAY_1.start, DAY_3.end)


def at(text: str) -> datetime:
    """Read an instant of 2026-03, such as `01 09:14`."""
    return datetime.fromisoformat(f"2026-03-{text}+00:00")


def order(
    order_id, line, customer, product, campaign, quantity, price, kind, occurred, received=None
):
    return {
        "order_id": order_id,
        "line": line,
        "customer_id": customer,
        "product_id": product,
        "campaign_id": campaign,
        "quantity": quantity,
        "unit_price": price,
        "channel": "web",
        "kind": kind,
        "occurred_at": at(occurred),
        "received_at": at(received or occurred),
    }


def event(event_id, customer, session, kind, campaign, product, occurred, received=None):
    return {
        "event_id": event_id,
        "customer_id": customer,
        "session_id": session,
        "kind": kind,
        "campaign_id": campaign,
        "product_id": product,
        "device": "phone",
        "occurred_at": at(occurred),
        "received_at": at(received or occurred),
    }


def product(product_id, sector, received):
    return {
        "product_id": product_id,
        "name": product_id,
        "brand": "b",
        "sector": sector,
        "sub_sector": "s",
        "list_price": 1.0,
        "attributes": [],
        "received_at": at(received),
    }


def campaign(campaign_id, sector, received):
    return {
        "campaign_id": campaign_id,
        "brand": "b",
        "business_type": "flash_sale",
        "sector": sector,
        "sub_sector": "s",
        "country": "FR",
        "timezone": "Europe/Paris",
        "opens_at": at(received),
        "received_at": at(received),
    }


def customer(customer_id, cluster, received):
    return {
        "customer_id": customer_id,
        "signed_up_at": at(received),
        "country": "FR",
        "language": "fr",
        "timezone": "Europe/Paris",
        "demographic_cluster": cluster,
        "received_at": at(received),
    }


# Day 1. The session s2 is anonymous; e6 names no campaign; s1 crosses a quarter of an hour.
EVENTS_1 = [
    event("e1", "ann", "s1", "impression", "sale-a", None, "01 09:14:59.999999"),
    event("e2", "ann", "s1", "campaign_view", "sale-a", None, "01 09:15"),
    event("e3", "ann", "s1", "product_view", "sale-a", "mug", "01 09:16"),
    event("e4", "ann", "s1", "add_to_cart", "sale-a", "mug", "01 09:17"),
    event("e5", None, "s2", "impression", "sale-a", None, "01 09:14"),
    event("e6", "ann", "s1", "search", None, None, "01 09:18"),
]
ORDERS_1 = [
    order("o1", 1, "ann", "mug", "sale-a", 2, 10.005, "sale", "01 09:20"),
    order("o1", 2, "ann", "rug", "sale-a", 1, 50.0, "sale", "01 09:20"),
    order("o2", 1, None, "mug", "sale-a", 1, 10.0, "sale", "01 23:59:59"),
]
# Day 2. e7 and o3 happened on day 1 and came late; o4 sends the rug back.
EVENTS_2 = [
    event("e7", "ann", "s1", "product_view", "sale-a", "mug", "01 23:50", "02 00:20"),
]
ORDERS_2 = [
    order("o3", 1, "bob", "mug", "sale-a", 1, 10.0, "sale", "01 23:50", "02 00:20"),
    order("o4", 1, "ann", "rug", "sale-a", 1, 50.0, "return", "02 12:00"),
]
# The rug changes its sector on day 1; the mug's is unknown then, and changes as day 3 begins.
PRODUCTS_1 = [product("rug", "attic", "01 00:00"), product("rug", "home", "01 08:00")]
PRODUCTS_2 = [product("mug", "kitchen", "02 23:59:59")]
PRODUCTS_3 = [product("mug", "office", "03 00:00")]
CAMPAIGNS_1 = [campaign("sale-a", "living", "01 00:00")]
CUSTOMERS_1 = [customer("ann", "female:35-49:FR", "01 00:00")]
# Bob is described at noon: what came of him at 00:20 that day knows nothing of it.
CUSTOMERS_2 = [customer("bob", "male:25-34:FR", "02 12:00")]


def fill(shop):
    """Let two days bring facts, and a third nothing but a product."""
    shop.receive("events", DAY_1, EVENTS_1)
    shop.receive("orders", DAY_1, ORDERS_1)
    shop.receive("events", DAY_2, EVENTS_2)
    shop.receive("orders", DAY_2, ORDERS_2)
    shop.receive("products", DAY_1, PRODUCTS_1)
    shop.receive("products", DAY_2, PRODUCTS_2)
    shop.receive("products", DAY_3, PRODUCTS_3)
    shop.receive("campaigns", DAY_1, CAMPAIGNS_1)
    shop.receive("customers", DAY_1, CUSTOMERS_1)
    shop.receive("customers", DAY_2, CUSTOMERS_2)

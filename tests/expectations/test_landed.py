"""The landed suite on one day of a small flash-sale shop."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from expectations import gate, landed
from vitrine import contracts, lake
from vitrine.installation import Installation
from vitrine.interval import QUARTER_HOUR, Interval

DAY = Interval.of_day(date(2026, 3, 2))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ADDRESS = "planted.person@example.org"
GOOD = {
    "customers": {
        "customer_id": "ann",
        "signed_up_at": NOON,
        "birth_year": 1980,
        "gender": "female",
        "country": "FR",
        "language": "fr",
        "timezone": "Europe/Paris",
        "demographic_cluster": "female:35-49:FR",
        "received_at": NOON,
    },
    "contacts": {"customer_id": "ann", "email_address": ADDRESS, "received_at": NOON},
    "suppressions": {
        "suppression_id": "u1",
        "email_address": ADDRESS,
        "reason": "manual",
        "suppressed_at": NOON,
        "received_at": NOON,
    },
    "products": {
        "product_id": "mug",
        "name": "Mug",
        "brand": "b",
        "sector": "home",
        "sub_sector": "kitchen",
        "list_price": 10.0,
        "attributes": [("colour", "red")],
        "received_at": NOON,
    },
    "campaigns": {
        "campaign_id": "sale",
        "brand": "b",
        "business_type": "flash_sale",
        "sector": "home",
        "sub_sector": "kitchen",
        "country": "FR",
        "timezone": "Europe/Paris",
        "opens_at": NOON,
        "closes_at": NOON + timedelta(days=2),
        "received_at": NOON,
    },
    "orders": {
        "order_id": "o1",
        "line": 1,
        "customer_id": "ann",
        "product_id": "mug",
        "campaign_id": "sale",
        "quantity": 1,
        "unit_price": 9.5,
        "channel": "web",
        "kind": "sale",
        "occurred_at": NOON,
        "received_at": NOON,
    },
    "email_events": {
        "message_id": "m1",
        "customer_id": "ann",
        "kind": "unsubscribed",
        "occurred_at": NOON - timedelta(days=30),
        "received_at": NOON,
    },
    "events": {
        "event_id": "e1",
        "session_id": "s1",
        "kind": "impression",
        "campaign_id": "sale",
        "position": 1,
        "device": "phone",
        "occurred_at": NOON,
        "received_at": NOON,
    },
}


@pytest.fixture
def installation(settings):
    found = Installation(settings)
    for table in contracts.TABLES.values():
        lake.ensure_table(found.paths.lake, table.name, table.schema)
    return found


def put(installation, table, rows, interval=DAY):
    """Write rows as they are, so that faults which landing would refuse can be planted."""
    fields = [pa.field(f.name, f.type) for f in contracts.table(table).schema]
    content = pa.Table.from_pylist(rows, schema=pa.schema(fields))
    lake.write_partition(installation.paths.lake, table, interval, content)


def check(installation, interval=DAY):
    checks = landed.checks(installation, interval)
    return gate.run("landed", checks, installation.paths.data_docs, "one")


@pytest.fixture
def shop(installation):
    for table, row in GOOD.items():
        put(installation, table, [row])
    return installation


def test_a_good_day_passes(shop):
    report = check(shop)
    assert report.findings == ()
    assert report.rows == len(GOOD)


@pytest.mark.parametrize(
    ("table", "fault", "named"),
    [
        ("customers", {"country": "France"}, "column=country"),
        ("customers", {"gender": "unsure"}, "column=gender"),
        ("customers", {"customer_id": None}, "column=customer_id"),
        ("contacts", {"email_address": "nobody"}, "column=is_email_address_valid"),
        ("products", {"list_price": -1.0}, "column=list_price"),
        ("campaigns", {"closes_at": NOON - timedelta(hours=1)}, "column=open_hours"),
        ("orders", {"quantity": 0}, "column=quantity"),
        ("orders", {"unit_price": -0.5}, "column=unit_price"),
        ("orders", {"occurred_at": NOON - timedelta(hours=25)}, "column=delay_hours"),
        ("orders", {"occurred_at": NOON + timedelta(hours=1)}, "column=delay_hours"),
        ("email_events", {"occurred_at": NOON + timedelta(hours=1)}, "column=delay_hours"),
        ("events", {"position": 0}, "column=position"),
        ("events", {"received_at": DAY.end}, "column=is_received_in_interval"),
    ],
)
def test_each_planted_fault_stops_the_line(shop, table, fault, named):
    put(shop, table, [GOOD[table] | fault])
    failed = check(shop).of("fail")
    assert any(f"landed.{table}: " in text and named in text for text in failed), failed


def test_a_key_that_came_twice_stops_the_line(shop):
    put(shop, "orders", [GOOD["orders"], GOOD["orders"]])
    (text,) = check(shop).of("fail")
    assert "expect_compound_columns_to_be_unique" in text
    assert "order_id=o1, line=1" in text


def test_a_product_that_nobody_described_is_only_reported(shop):
    put(shop, "orders", [GOOD["orders"] | {"product_id": "rug"}])
    report = check(shop)
    assert report.of("fail") == []
    (text,) = report.of("warn")
    assert "is_product_known" in text


def test_no_page_and_no_message_holds_an_address(shop):
    put(
        shop, "contacts", [GOOD["contacts"], GOOD["contacts"] | {"email_address": "planted.person"}]
    )
    report = check(shop)
    assert report.of("fail")
    pages = [p for p in report.page.parent.rglob("*") if p.is_file()]
    assert any(p.suffix == ".html" for p in pages)
    assert not [p for p in pages if b"planted.person" in p.read_bytes()]
    assert "planted.person" not in "".join(f.text for f in report.findings)


def deliver(settings, stamp):
    """Put a raw drop into the landing folder; only its name is read here."""
    drop = settings.landing / "orders" / f"{stamp}.csv.gz"
    drop.parent.mkdir(exist_ok=True)
    drop.write_bytes(b"")


def test_a_day_without_orders_stops_the_line_but_a_quarter_of_an_hour_may_pass(
    installation, settings
):
    deliver(settings, "20260302T0000-20260303T0000")
    put(installation, "orders", [])
    assert check(installation).of("fail") == ["landed.orders: zero rows were checked"]
    quarter = Interval(DAY.end, DAY.end + QUARTER_HOUR)
    deliver(settings, "20260303T0000-20260303T0015")
    put(installation, "orders", [], quarter)
    assert check(installation, quarter).findings == ()


def test_a_day_on_which_the_shop_delivered_nothing_passes(installation):
    assert check(installation).findings == ()
    put(installation, "orders", [])  # as landing leaves it on a day when the shop was closed
    assert check(installation).findings == ()


def test_a_drop_that_was_never_landed_stops_the_line(installation, settings):
    deliver(settings, "20260302T0000-20260303T0000")
    (text,) = check(installation).of("fail")
    assert "landed.drops" in text
    assert "drop=20260302T0000-20260303T0000" in text

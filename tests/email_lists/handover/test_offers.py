from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from email_lists.audience import received
from email_lists.handover import offers
from tests.email_lists.homes import AS_OF, JANUARY, SCARCITY, receive, rows
from tests.email_lists.written import people, person, product
from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.installation import Installation
from vitrine.interval import Interval, parse_instant

BUILT = parse_instant("2026-03-02")
SINCE = parse_instant("2026-03-02T03:40:00Z")
BEFORE = parse_instant("2026-03-01T12:00:00Z")
MONTH = timedelta(days=30)
PRICE = 1234.5
SHOWN = offers.shown(people([person(products=[product(1), product(2)])])["products"])


def known(stock):
    """What was left of offers of the campaign k1 when the night was built; of k1 itself, too."""
    left = [{"campaign_id": "k1", "product_id": p, "stock_left": n} for p, n in stock.items()]
    return pa.Table.from_pylist([*left, {"campaign_id": "k1", "stock_left": 0}], schema=SCARCITY)


def terms(product_id="p01", price=PRICE, stock=None, at=SINCE, campaign="k1"):
    return {"campaign_id": campaign, "product_id": product_id, "price": price,
            "initial_stock": stock, "received_at": at}  # fmt: skip


def count(quantity, at=SINCE, product_id="p01", location="north", late=timedelta(0)):
    return {"product_id": product_id, "location": location, "quantity": quantity,
            "occurred_at": at, "received_at": at + late}  # fmt: skip


def sale(quantity, at=SINCE, kind="sale", campaign="k1"):
    return {"order_id": f"{kind} {at}", "line": 1, "product_id": "p01", "campaign_id": campaign,
            "quantity": quantity, "unit_price": PRICE, "channel": "web", "kind": kind,
            "occurred_at": at, "received_at": at}  # fmt: skip


CAMPAIGN: dict[str, Any] = {
    "campaign_id": "k1", "brand": "Kiln", "business_type": "flash_sale", "sector": "home",
    "sub_sector": "x", "country": "FR", "timezone": "Europe/Paris",
    "opens_at": parse_instant("2026-03-01T06:00:00Z"),
    "closes_at": parse_instant("2026-03-08T06:00:00Z"), "received_at": JANUARY.start,
}  # fmt: skip


@pytest.fixture
def installation(settings, paths):
    """A home whose lake knows the campaign k1, and of p01 and p02 the price before the build."""
    for table in TABLES.values():
        lake.ensure_table(paths.lake, table.name, table.schema)
    lake.write_partition(paths.lake, "campaigns", JANUARY, rows("campaigns", CAMPAIGN))
    priced = [terms(p, at=JANUARY.start) for p in ("p01", "p02")]
    lake.write_partition(
        paths.lake, "campaign_products", JANUARY, rows("campaign_products", *priced)
    )
    return Installation(settings)


@pytest.fixture
def found(installation):
    """Receive rows of contract tables; return the reason of each product that is gone."""

    def of(stock=None, until=SINCE + MONTH, **tables: list[dict[str, Any]]):
        for table, values in tables.items():
            days = {row["received_at"].date() for row in values}
            for day in days:
                today = [row for row in values if row["received_at"].date() == day]
                receive(installation.paths, table, day.isoformat(), *today)
        gone = offers.gone(installation, AS_OF, SHOWN, known(stock or {}), until)
        assert {*gone["campaign_id"].to_pylist()} <= {"k1"}
        return dict(zip(gone["product_id"].to_pylist(), gone["reason"].to_pylist(), strict=True))

    return of


@pytest.mark.parametrize(
    ("received_rows", "expected"),
    [
        ([], {}),
        ([terms(price=999.0)], {"p01": "repriced"}),
        ([terms(price=PRICE)], {}),
        ([terms(price=999.0), terms(price=PRICE, at=SINCE + timedelta(hours=1))], {}),
        ([terms(price=999.0, campaign="k2")], {}),
        # What the build knew, and showed otherwise, is not this function's to judge.
        ([terms(price=999.0, at=BUILT - timedelta(microseconds=1))], {}),
        ([terms(price=999.0, at=BUILT)], {"p01": "repriced"}),
    ],
)
def test_what_has_another_price_by_now_is_gone(found, received_rows, expected):
    assert found(campaign_products=received_rows) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([count(0)], {"p01": "sold_out"}),
        ([count(1)], {}),
        ([count(0), count(0, product_id="p99")], {"p01": "sold_out"}),
        # Of two warehouses one has some left.
        ([count(0), count(3, BEFORE, location="south")], {}),
        ([count(0), count(0, BEFORE, location="south")], {"p01": "sold_out"}),
        # Counted again, and found some.
        ([count(0), count(2, SINCE + timedelta(minutes=5))], {}),
        # A late count changes nothing once a newer one is known.
        ([count(2), count(0, SINCE - timedelta(hours=1), late=timedelta(hours=2))], {}),
        # What was counted before the campaign opened is another sale's stock.
        ([count(0, CAMPAIGN["opens_at"] - timedelta(hours=1), late=timedelta(days=1))], {}),
        ([count(0, CAMPAIGN["opens_at"], late=timedelta(days=1))], {"p01": "sold_out"}),
        # The build knew of it.
        ([count(0, BEFORE)], {}),
    ],
)
def test_what_was_counted_as_nothing_since_is_gone(found, counts, expected):
    assert found(stock_levels=counts) == expected


@pytest.mark.parametrize(
    ("sales", "expected"),
    [
        ([sale(5)], {"p01": "sold_out"}),
        ([sale(4)], {}),
        ([sale(4), sale(1, SINCE + timedelta(minutes=1))], {"p01": "sold_out"}),
        ([sale(4), sale(1, kind="return")], {}),
        ([sale(5, BEFORE)], {}),
        ([sale(5, campaign="k2")], {}),
    ],
)
def test_what_sold_since_as_often_as_there_was_of_it_is_gone(found, sales, expected):
    told = [terms(stock=8, at=JANUARY.start + timedelta(days=1))]
    assert found({"p01": 5}, campaign_products=told, orders=sales) == expected


@pytest.mark.parametrize(
    ("first", "newest", "expected"),
    [(8, 3, {"p01": "sold_out"}), (8, 4, {}), (8, 20, {}), (8, None, {}), (None, None, {})],
)
def test_a_campaigns_stock_may_be_told_anew(found, first, newest, expected):
    """Five of eight were left."""
    told = [terms(stock=first, at=JANUARY.start + timedelta(days=1)), terms(stock=newest)]
    assert found({"p01": 5}, campaign_products=told) == expected


def test_what_comes_when_all_letters_are_out_changes_none(found):
    assert found(until=SINCE, campaign_products=[terms(price=2.0)], stock_levels=[count(0)]) == {}


def test_sold_out_is_told_before_another_price(found):
    gone = found(campaign_products=[terms(price=2.0), terms("p02", 3.0)], stock_levels=[count(0)])
    assert gone == {"p01": "sold_out", "p02": "repriced"}


def test_a_permanent_campaign_opens_with_its_first_row(installation):
    later = CAMPAIGN | {"closes_at": None, "opens_at": AS_OF, "received_at": BEFORE}
    receive(installation.paths, "campaigns", "2026-03-01", later)
    [told] = offers.campaigns(installation, SINCE).to_pylist()
    assert told == {"campaign_id": "k1", "opens_at": CAMPAIGN["opens_at"], "closes_at": None}
    assert offers.campaigns(installation, BEFORE).to_pylist() == [
        {name: CAMPAIGN[name] for name in ("campaign_id", "opens_at", "closes_at")}
    ]


def test_of_sales_and_counts_files_from_before_the_build_are_not_opened(installation, found):
    """They may be as large as the shop is old."""
    for table in ("orders", "stock_levels"):
        folder = installation.paths.lake / table / "ds=2026-03-01"
        folder.mkdir(parents=True)
        (folder / "20260301T0000-20260302T0000.parquet").write_text("no Parquet")
    assert found(orders=[sale(5)], stock_levels=[count(3)]) == {}


def test_a_query_within_an_interval_reads_the_files_that_have_some_of_it(installation):
    for at in (BEFORE, SINCE):
        receive(installation.paths, "orders", at.isoformat()[:10], sale(1, at))
    sql, paths = "select occurred_at from {received} order by all", installation.paths

    def read(start, end):
        found = received.query(paths, "orders", sql, None, Interval.parse(start, end))
        return found["occurred_at"].to_pylist()

    assert read("2026-03-02T23:00:00Z", "2026-03-05") == [SINCE]
    assert read("2026-03-01", "2026-03-02") == [BEFORE]
    assert read("2026-03-03", "2026-03-05") == []


def slates(**shown):
    """Each person's products by number, in their places."""
    return people(
        person(
            who,
            products=[
                product(place, product_id=f"p0{n}", name=f"mug {n}")
                for place, n in enumerate(numbers, 1)
            ],
        )
        for who, numbers in shown.items()
    )


def test_letters_lose_what_is_gone_and_nothing_else():
    listed = slates(anna=[1, 2, 3], ben=[2], cleo=[], dora=[3, 4])
    expected = slates(anna=[1, 3], ben=[], cleo=[], dora=[3, 4])
    gone = pa.table({"campaign_id": ["k1", "k2"], "product_id": ["p02", "p03"]})
    for start in (0, 1):
        left = offers.without(listed.slice(start), gone)
        assert left.schema == listed.schema
        assert left.to_pylist() == expected.slice(start).to_pylist()


def test_letters_of_every_batch_lose_what_is_gone():
    count = 2 * offers.BATCH + 1
    gone = pa.table({"campaign_id": ["k1"], "product_id": ["p02"]})
    many = pa.array([n % 2 for n in range(count)])
    left = offers.without(slates(anna=[1, 2, 3], ben=[2]).take(many), gone)
    assert left.equals(slates(anna=[1, 3], ben=[]).take(many))

"""The suite of the staged lists: two people, one product each, and one who is left out.

The warehouse was built again since: it knows what was received in the night, which the list may
not know.
"""

from datetime import timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations import gate, lists
from vitrine.errors import NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import parse_instant
from vitrine.paths import stamp

AS_OF = parse_instant("2026-03-10T03:30:00Z")
SEND_AT = AS_OF + timedelta(hours=4)
WAREHOUSE = """
    set TimeZone = 'UTC';
    create schema staging;
    create schema intermediate;
    create schema features;
    create table staging.stg_consents as select * from (values
        ('ann', 'email_marketing', true, timestamptz '2026-03-01', timestamptz '2026-03-01'),
        ('bob', 'email_marketing', true, timestamptz '2026-03-01', timestamptz '2026-03-01'),
        ('eve', 'email_marketing', true, timestamptz '2026-03-01', timestamptz '2026-03-01'),
        ('eve', 'email_marketing', false, timestamptz '2026-03-09', timestamptz '2026-03-09'),
        ('ann', 'profiling', false, timestamptz '2026-03-09', timestamptz '2026-03-09'),
        ('bob', 'email_marketing', false,
            timestamptz '2026-03-10 02:00', timestamptz '2026-03-10 02:00')
    ) as t(customer_id, purpose, is_granted, changed_at, received_at);
    create table staging.stg_suppressions as select * from (values
        ('kim', timestamptz '2026-03-09', timestamptz '2026-03-09'),
        (null, timestamptz '2026-03-09', timestamptz '2026-03-09'),
        ('ann', timestamptz '2026-03-10 02:00', timestamptz '2026-03-10 02:00')
    ) as t(customer_id, suppressed_at, received_at);
    create table intermediate.int_customers as select * from (values
        ('ann', timestamptz '2026-03-01'), ('bob', timestamptz '2026-03-01'),
        ('eve', timestamptz '2026-03-01'), ('new', timestamptz '2026-03-10 02:00')
    ) as t(customer_id, available_at);
    create table intermediate.int_campaigns as select * from (values
        ('open', timestamptz '2026-03-09', timestamptz '2026-03-12', timestamptz '2026-03-08'),
        ('soon', timestamptz '2026-03-10 06:00', timestamptz '2026-03-12',
            timestamptz '2026-03-08'),
        ('over', timestamptz '2026-03-01', timestamptz '2026-03-10 07:00',
            timestamptz '2026-03-01')
    ) as t(campaign_id, opens_at, closes_at, available_at);
    create macro features.on_sale(spine) as table
        select as_of, 'open' as campaign_id, 'mug' as product_id, 9.5 as price, 3 as stock_left
        from query_table(spine);
"""
PEOPLE = pa.schema(
    [
        ("customer_id", pa.string()),
        ("consent_id", pa.string()),
        ("country", pa.string()),
        ("language", pa.string()),
        ("send_at", pa.timestamp("us", tz="UTC")),
        (
            "campaigns",
            pa.list_(pa.struct([("rank", pa.int64()), ("campaign_id", pa.string())])),
        ),
        (
            "products",
            pa.list_(
                pa.struct(
                    [
                        ("position", pa.int32()),
                        ("product_id", pa.string()),
                        ("campaign_id", pa.string()),
                        ("price", pa.float64()),
                    ]
                )
            ),
        ),
    ]
)
MUG = {"position": 1, "product_id": "mug", "campaign_id": "open", "price": 9.5}
RUG = {"position": 2, "product_id": "rug", "campaign_id": "soon", "price": 50.0}


def person(customer_id, **fault):
    return {
        "customer_id": customer_id,
        "consent_id": f"consent-{customer_id}",
        "country": "FR",
        "language": "fr",
        "send_at": SEND_AT,
        "campaigns": [{"rank": 1, "campaign_id": "open"}, {"rank": 2, "campaign_id": "soon"}],
        "products": [MUG, RUG],
    } | fault


LEFT_OUT = [{"customer_id": "eve", "exclusion": "consent_withdrawn"}]


@pytest.fixture
def installation(settings):
    found = Installation(settings)
    found.paths.warehouse.mkdir(parents=True)
    with duckdb.connect(str(found.paths.warehouse / "daily.duckdb")) as connection:
        connection.execute(WAREHOUSE)
    return found


def check(installation, people, excluded=LEFT_OUT):
    folder = installation.paths.staging / "lists" / stamp(AS_OF)
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(people, schema=PEOPLE), folder / "list.parquet")
    names = pa.schema([("customer_id", pa.string()), ("exclusion", pa.string())])
    pq.write_table(pa.Table.from_pylist(excluded, schema=names), folder / "exclusions.parquet")
    checks = lists.checks(installation, AS_OF)
    return gate.run("lists", checks, installation.paths.data_docs, "one")


def test_a_good_list_passes_and_reports_short_slates(installation):
    report = check(installation, [person("ann"), person("bob")])
    assert report.of("fail") == []
    (text,) = report.of("warn")
    assert "column=product_count, min_value=7" in text


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"customer_id": "ann"}, "people: expect_column_values_to_be_unique(column=customer_id"),
        ({"customer_id": "eve"}, "column=is_consented"),
        ({"customer_id": "kim"}, "column=is_not_suppressed"),
        ({"consent_id": None}, "column=is_consent_named"),
        ({"country": "France"}, "column=country"),
        ({"send_at": AS_OF - timedelta(hours=1)}, "column=hours_to_send"),
        ({"products": [MUG, MUG | {"position": 2}]}, "column=repeated_product_count"),
        ({"products": [MUG | {"product_id": "vase"}]}, "column=is_not_sold_out"),
        ({"products": [MUG | {"campaign_id": "over"}]}, "column=is_campaign_open"),
        ({"products": [MUG | {"price": -1.0}]}, "column=price"),
        (
            {"products": [MUG | {"position": n, "product_id": f"p{n}"} for n in range(1, 9)]},
            "column=position",
        ),
        ({"campaigns": [{"rank": 1, "campaign_id": "over"}]}, "campaigns: "),
    ],
)
def test_each_planted_fault_stops_the_line(installation, fault, named):
    failed = check(installation, [person("ann"), person("bob") | fault]).of("fail")
    assert any(named in text for text in failed), failed


def test_a_customer_who_was_forgotten_stops_the_line(installation):
    (text,) = check(installation, [person("ann")]).of("fail")
    assert "lists.balance" in text


def test_a_customer_who_is_listed_and_left_out_stops_the_line(installation):
    both = [*LEFT_OUT, {"customer_id": "bob", "exclusion": "no_consent"}]
    failed = check(installation, [person("ann"), person("bob")], both).of("fail")
    assert any("column=is_not_listed" in text and "customer_id=bob" in text for text in failed)


def test_a_list_of_nobody_stops_the_line(installation):
    failed = check(installation, []).of("fail")
    assert "lists.people: zero rows were checked" in failed


def test_a_list_that_was_not_built_is_named(installation):
    with pytest.raises(NotPublishedError, match="vitrine lists build --as-of 2026-03-10T03:30"):
        lists.checks(installation, AS_OF)

"""A home as the gate of the lists reads it: what the shop received, and a list that was staged.

The shop received more since the night's build, which the list may not know.
"""

import hashlib
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from email_lists.mail import delivered
from email_lists.mail.delivered import State
from email_lists.people import SCHEMA
from expectations import gate, lists
from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.installation import Installation
from vitrine.interval import Interval, parse_instant

NIGHT = date(2026, 3, 10)
AS_OF = parse_instant("2026-03-10T03:30:00Z")
SEND_AT = AS_OF + timedelta(hours=4)
EARLY, YESTERDAY = parse_instant("2026-03-01"), parse_instant("2026-03-09")
SINCE = parse_instant("2026-03-10T02:00:00Z")
WAREHOUSE = """
    set TimeZone = 'UTC';
    create schema intermediate;
    create schema features;
    create table intermediate.int_customers as select * from (values
        ('ann', timestamptz '2026-03-01'), ('bob', timestamptz '2026-03-01'),
        ('eve', timestamptz '2026-03-01'), ('sol', timestamptz '2026-03-01'),
        ('new', timestamptz '2026-03-10 02:00')
    ) as t(customer_id, available_at);
    create table intermediate.int_campaigns as
    select *, timestamptz '2026-03-01' as available_at from (values
        ('open', 'FR', 'Kiln', timestamptz '2026-03-09', timestamptz '2026-03-12'),
        ('soon', 'FR', 'Loom', timestamptz '2026-03-10 06:00', timestamptz '2026-03-12'),
        ('next', 'FR', 'Mill', timestamptz '2026-03-11 07:30', timestamptz '2026-03-14'),
        ('later', 'FR', 'Mill', timestamptz '2026-03-11 07:31', timestamptz '2026-03-14'),
        ('over', 'FR', 'Mill', timestamptz '2026-03-01', timestamptz '2026-03-10 07:00'),
        ('cursed', 'FR', 'Worse', timestamptz '2026-03-09', timestamptz '2026-03-12'),
        ('empty', 'FR', 'Mill', timestamptz '2026-03-09', timestamptz '2026-03-12'),
        ('spare', 'ZZ', 'Mill', timestamptz '2026-03-09', null),
        ('sola', 'ES', 'Sola', timestamptz '2026-03-09', null)
    ) as t(campaign_id, country, brand, opens_at, closes_at);
    create table intermediate.int_products as
    select *, timestamptz '2026-03-01' as available_at from (values
        ('mug', 'Kiln'), ('cup', 'Kiln'), ('pot', 'Kiln'), ('tea', 'Kiln'), ('rug', 'Loom'),
        ('few', 'Mill'), ('last', 'Mill'), ('bad', 'Mill'), ('worse', 'Worse'), ('gone', 'Mill'),
        ('s1', 'Sola'), ('s2', 'Sola'), ('s3', 'Sola')
    ) as t(product_id, brand);
    create table intermediate.int_campaign_products as
    select *, timestamptz '2026-03-01' as available_at from (values
        ('soon', 'rug', 50.0, 9), ('next', 'few', 9.5, null), ('later', 'few', 9.5, null)
    ) as t(campaign_id, product_id, price, initial_stock_count);
    create table features.build_info as select timestamptz '2026-03-10' as data_end_at;
    create table features.at_midnight as select * from (values
        ('open', 'mug', 9.5, 3), ('open', 'cup', 9.5, null), ('open', 'pot', 9.5, null),
        ('open', 'tea', 9.5, null), ('open', 'few', 9.5, 1), ('open', 'last', 9.5, 1),
        ('open', 'bad', 9.5, 9), ('open', 'gone', 9.5, 0), ('open', 'worse', 9.5, 9),
        ('empty', 'gone', 9.5, 0), ('empty', 'bad', 9.5, 9), ('spare', 's1', 9.5, null),
        ('over', 'mug', 9.5, 9), ('sola', 's1', 9.5, 9), ('sola', 's2', 9.5, 9),
        ('sola', 's3', 9.5, 9)
    ) as t(campaign_id, product_id, price, stock_left);
    create macro features.on_sale(spine) as table
        select as_of, at_midnight.* from query_table(spine), daily.features.at_midnight;
"""
POLICY = """
gate: {campaign_share: 1.0, empty_share: 1.0}
caps: {per_day: 1, per_week: 3, by_strategy: {win_back: {per_week: 1}}}
suppress: {customers: [by_policy], countries: [DE], minimum_age: 18}
holdout: {share: 0.01}
overrides:
- {action: ban, product: bad, because: recalled, decided_by: eva, reviewed_by: tom}
- {action: ban, brand: Worse, because: recalled, decided_by: eva, reviewed_by: tom}
"""


def shown(product_id, position=1, **said):
    return {
        "position": position,
        "product_id": product_id,
        "campaign_id": "open",
        "name": f"the {product_id}",
        "price": 9.5,
        "probability": 0.01,
        "propensity": 1.0,
    } | said


RUG = shown("rug", 2, campaign_id="soon", price=50.0)
OPEN = {"rank": 1, "campaign_id": "open", "name": "Kiln"}
SOON = {"rank": 2, "campaign_id": "soon", "name": "Loom"}
SPARE = {"rank": 1, "campaign_id": "spare", "name": "50% of { Mill } [new] #1 <3 * | 😀 é"}
NEXT = {"rank": 3, "campaign_id": "next", "name": "Mill", "reason": "early_access"}


def person(customer_id, **said):
    return {
        "customer_id": customer_id,
        "message_id": hashlib.sha256(customer_id.encode()).hexdigest(),
        "consent_id": f"consent-{customer_id}",
        "country": "FR",
        "language": "fr",
        "timezone": "Europe/Paris",
        "send_at": SEND_AT,
        "strategy": "selection",
        "arm": "standard",
        "arm_propensity": 1.0,
        "campaigns": [OPEN, SOON],
        "products": [shown("tea"), RUG],
    } | said


def consent(customer_id, **said):
    return {
        "consent_id": f"consent-{customer_id}",
        "purpose": "email_marketing",
        "is_granted": True,
        "changed_at": EARLY,
        "source": "sign_up",
    } | said


def mail(kind, at, **said):
    return {"message_id": f"newsletter-{at}", "kind": kind, "occurred_at": at} | said


def order(product_id, at, **said):
    return {
        "order_id": f"order-{at}",
        "line": 1,
        "product_id": product_id,
        "campaign_id": "open",
        "quantity": 1,
        "unit_price": 9.5,
        "channel": "web",
        "kind": "sale",
        "occurred_at": at,
    } | said


def suppression(**said):
    return {"suppression_id": "s1", "reason": "manual", "suppressed_at": EARLY} | said


CUSTOMER = {
    "signed_up_at": EARLY,
    "country": "FR",
    "language": "fr",
    "timezone": "Europe/Paris",
    "demographic_cluster": "unknown",
}
EARLY_ACCESS: dict[str, Any] = {"strategy": "early_access"}


def days(count):
    return SEND_AT + timedelta(days=count)


DEFAULTS: dict[str, dict[str, Any]] = {"customers": CUSTOMER, "suppressions": suppression()}


class Told(NamedTuple):
    """What the shop received about a customer."""

    table: str
    row: dict[str, Any]


class Handed(NamedTuple):
    """A letter of another list that was handed to the mail server, and what became of it."""

    state: State = State.SENT
    message_id: str = "handed over"
    at: datetime = SEND_AT
    nights: int = 0
    list_name: str = "weekend"


class Home:
    """A home as the gate reads it: what customers said, what lists promised."""

    def __init__(self, settings):
        self.installation = Installation(settings)
        self.paths = self.installation.paths
        self.rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self.paths.warehouse.mkdir(parents=True)
        with duckdb.connect(str(self.paths.warehouse / "daily.duckdb")) as connection:
            connection.execute(WAREHOUSE)

    def tell(self, customer_id, *told):
        for table, row in told:
            known = {"customer_id": customer_id, "received_at": YESTERDAY}
            self.rows[table].append(DEFAULTS.get(table, {}) | known | row)

    def hand_over(self, customer_id, *handed):
        for each in handed:
            night = NIGHT + timedelta(days=each.nights)
            with delivered.opened(self.paths.delivery_book(each.list_name, night)) as book:
                for state in dict.fromkeys((State.BEGUN, each.state)):
                    book.note(each.message_id, customer_id, state, each.at)

    def checks(self, people, excluded=("eve",), stock=None):
        for table, rows in self.rows.items():
            for day in (YESTERDAY.date(), NIGHT):
                known = [row for row in rows if row["received_at"].date() == day]
                received = pa.Table.from_pylist(known, schema=TABLES[table].schema)
                lake.write_partition(self.paths.lake, table, Interval.of_day(day), received)
        folder = self.paths.staged_list("daily", AS_OF)
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(people, schema=SCHEMA), folder / "list.parquet")
        names = {"customer_id": excluded, "exclusion": ["consent_withdrawn"] * len(excluded)}
        left_out = pa.table({name: pa.array(v, pa.string()) for name, v in names.items()})
        pq.write_table(left_out, folder / "exclusions.parquet")
        write_scarcity(folder / "scarcity.parquet", people, stock or {})
        (folder / "provenance.json").write_text('{"known_before": "2026-03-10T00:00:00Z"}')
        self.paths.list_policy.write_text(POLICY)
        return lists.checks(self.installation, "daily", AS_OF)

    def check(self, *staged):
        return gate.run("lists", self.checks(*staged), self.paths.data_docs, "one")


LEFT = {"mug": 3, "few": 1, "last": 1, "rug": 9, "bad": 9, "worse": 9, "gone": 0}
LEFT |= {"s1": 9, "s2": 9, "s3": 9}


def write_scarcity(file, people, stock):
    """Say truly what is promised, and what is left but for `stock`."""
    units: dict[tuple[str, str], float] = {}
    for row in people:
        for item in row["products"]:
            offer = item["campaign_id"], item["product_id"]
            units[offer] = units.get(offer, 0) + item["probability"]
    rows = [
        {
            "campaign_id": campaign,
            "product_id": product,
            "stock_left": stock.get(product, 9 if campaign == "over" else LEFT.get(product)),
            "expected_units": sum_,
        }
        for (campaign, product), sum_ in units.items()
    ]
    pq.write_table(pa.Table.from_pylist([*rows, of_campaign(2.0)], schema=SCARCITY), file)


SCARCITY = pa.schema(
    [
        ("campaign_id", pa.string()),
        ("product_id", pa.string()),
        ("stock_left", pa.int64()),
        ("expected_units", pa.float64()),
    ]
)


def of_campaign(expected_units):
    """Say what places of a campaign promise beyond its product, of which 9 are left."""
    return {"campaign_id": "soon", "stock_left": 9, "expected_units": expected_units}


def let_others_promise(paths, expected_units):
    """Let places of the campaign promise so much on the other list of the night."""
    file = paths.published_list("weekend", NIGHT) / "current" / "scarcity.parquet"
    rows = [of_campaign(expected_units), {"campaign_id": "soon", "product_id": "rug"}]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCARCITY), file)

"""A boutique small enough to check by hand: nine customers, twenty products, seven campaigns."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from email_lists.audience.eligibility import Who
from email_lists.composition import Known
from email_lists.slates.similarity import of_words
from tests.email_lists.homes import consent
from vitrine.contracts import INSTANT, TABLES
from vitrine.interval import parse_instant
from vitrine.list_policy import Holdout, ListPolicy

AS_OF = parse_instant("2026-03-02T03:30:00Z")
TEXT = pa.string()

SCHEMAS = {
    "customers": {
        "customer_id": TEXT,
        "country": TEXT,
        "language": TEXT,
        "timezone": TEXT,
        "demographic_cluster": TEXT,
        "segment": TEXT,
    },
    "campaigns": {
        "campaign_id": TEXT,
        "brand": TEXT,
        "sector": TEXT,
        "sub_sector": TEXT,
        "country": TEXT,
        "opens_at": INSTANT,
        "closes_at": INSTANT,
    },
    "supply": {
        "campaign_id": TEXT,
        "product_id": TEXT,
        "price": pa.float64(),
        "stock_left": pa.int64(),
    },
    "products": {
        "product_id": TEXT,
        "name": TEXT,
        "brand": TEXT,
        "sector": TEXT,
        "sub_sector": TEXT,
    },
    "sales": {
        "order_id": TEXT,
        "customer_id": TEXT,
        "demographic_cluster": TEXT,
        "product_id": TEXT,
        "unit_count": pa.int64(),
        "occurred_at": INSTANT,
    },
    "scores": {"customer_id": TEXT, "campaign_id": TEXT, "score": pa.float64()},
}

_LETTERS = pa.schema(
    {
        "customer_id": TEXT,
        "list": TEXT,
        "night": pa.date32(),
        "send_at": INSTANT,
        "strategy": TEXT,
    }
)

Rows = Callable[..., pa.Table]


def _rows(table: str, *values: tuple[Any, ...]) -> pa.Table:
    names = SCHEMAS[table]
    dicts = [dict(zip(names, row, strict=True)) for row in values]
    return pa.Table.from_pylist(dicts, schema=pa.schema(list(names.items())))


@pytest.fixture(scope="session")
def rows() -> Rows:
    """Make a table of the lists' own: `rows("scores", ("c1", "k1", 0.5))`."""
    return _rows


@pytest.fixture(scope="session")
def contract() -> Rows:
    """Make a contract table from dicts; what is left out is null."""

    def make(table: str, *dicts: dict[str, Any]) -> pa.Table:
        return pa.Table.from_pylist(list(dicts), schema=TABLES[table].schema)

    return make


@pytest.fixture(scope="session")
def as_of() -> datetime:
    """Half past three at night; in Paris the e-mails go out at 06:30 UTC."""
    return AS_OF


@pytest.fixture(scope="session")
def boutique(contract: Rows) -> Known:
    """Everything known of the boutique.

    anna, ben and cleo bought before; dora to hugo never did; ida never agreed to e-mails. Products
    p01 to p20 are of four brands and two sectors; campaign k5 is over, k6 opens at 06:00 UTC.
    """
    people = ["anna", "ben", "cleo", "dora", "emil", "finn", "gina", "hugo", "ida"]
    day = timedelta(days=1)
    customers = [
        (c, "FR", "fr", "Europe/Paris", f"{'female' if n % 2 else 'male'}:25-34:FR", segment)
        for n, c in enumerate(people)
        for segment in ["loyal" if n < 3 else "prospect"]
    ]
    campaigns = [
        (f"k{n}", f"brand {n % 4}", "home" if n % 2 else "fashion", "x", "FR", opens, closes)
        for n in range(1, 8)
        for opens, closes in [
            {
                5: (AS_OF - 9 * day, AS_OF - 2 * day),
                6: (parse_instant("2026-03-02T06:00:00Z"), AS_OF + 3 * day),
            }.get(n, (AS_OF - n * day, AS_OF + n * day))
        ]
    ]
    products = [
        (
            f"p{n:02}",
            f"{('red', 'blue')[n % 2]} {('mug', 'lamp', 'scarf')[n % 3]}",
            f"brand {n % 7 % 4}",
            "home" if n % 7 % 2 else "fashion",
            "x",
        )
        for n in range(1, 21)
    ]
    supply = [(f"k{n % 7 or 7}", f"p{n:02}", 5.0 + n, 50) for n in range(1, 21) if n % 7 != 5]
    sales = [
        (f"o{n}", c, "female:25-34:FR", f"p{p:02}", 1, AS_OF - days * day)
        for n, (c, p, days) in enumerate(
            [("anna", 1, 40), ("anna", 2, 3), ("ben", 1, 50), ("cleo", 8, 35), (None, 3, 4)]
        )
    ]
    sales += [
        (f"basket{n}", None, "male:25-34:FR", f"p{p:02}", 2, AS_OF - 9 * day)
        for n in range(3)
        for p in (1, 4)
    ]
    scores = [(c, f"k{n}", 1.0 / n) for c in people[:6] for n in range(1, 8)]
    catalogue = _rows("products", *products)
    return Known(
        as_of=AS_OF,
        who=Who(
            as_of=AS_OF,
            customers=_rows("customers", *customers).append_column(
                "birth_year", pa.nulls(len(customers), pa.int16())
            ),
            consents=contract("consents", *(consent(c) for c in people if c != "ida")),
            suppressions=contract("suppressions"),
            reactions=contract("email_events"),
            opens=pa.schema({"customer_id": TEXT, "opened_at": INSTANT}).empty_table(),
            letters=_LETTERS.empty_table(),
        ),
        campaigns=_rows("campaigns", *campaigns),
        supply=_rows("supply", *supply),
        products=catalogue,
        sales=_rows("sales", *sales),
        scores=_rows("scores", *scores),
        vectors=of_words(catalogue),
        provenance={
            "shop": "boutique",
            "currency": "EUR",
            "model": {"model": "ranker", "version": 3},
            "similarity": {"vectors": "words"},
            "provides": ["consents", "contacts", "suppressions"],
            "sendable": True,
        },
    )


@pytest.fixture(scope="session")
def to_all() -> ListPolicy:
    """The usual rules, without a global control."""
    return ListPolicy(holdout=Holdout(share=0))


@pytest.fixture(scope="session")
def agreed() -> Callable[..., dict[str, Any]]:
    """Make one row of the consent ledger: `agreed("anna", False, "2026-02-01")`."""
    return consent

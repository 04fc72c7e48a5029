"""A home whose lake holds what the hand-off reads, and a staged list that passed the gate."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from email_lists.composition import Composition
from email_lists.handover import staged
from tests.email_lists.written import people
from vitrine import lake, list_policy_file
from vitrine.contracts import TABLES
from vitrine.installation import Installation
from vitrine.interval import Interval, parse_instant
from vitrine.paths import Paths
from vitrine.staged_lists import StagedList

AS_OF = parse_instant("2026-03-02T03:30:00Z")
JANUARY = Interval.parse("2026-01-01", "2026-01-02")
PLANTED = "planted.anna@example.org"
SCARCITY = pa.schema(
    [
        ("campaign_id", pa.string()),
        ("product_id", pa.string()),
        ("stock_left", pa.int64()),
        ("expected_units", pa.float64()),
        ("scarcity", pa.float64()),
    ]
)
PROVENANCE = {
    "shop": "boutique",
    "currency": "EUR",
    "known_before": "2026-03-02T00:00:00Z",
    "model": {"model": "ranker", "version": 3},
    "policy": "0123456789ab",
    "similarity": {"vectors": "words"},
    "provides": ["consents", "contacts", "suppressions"],
    "sendable": True,
}


def rows(table: str, *values: dict[str, Any]) -> pa.Table:
    """Make a contract table; what is left out is null."""
    return pa.Table.from_pylist(list(values), schema=TABLES[table].schema)


def consent(customer: str, granted: bool = True, at: str = "2026-01-01") -> dict[str, Any]:
    """Make one row of the consent ledger."""
    instant = parse_instant(at)
    return {
        "consent_id": f"{customer}-{at}-{granted}",
        "customer_id": customer,
        "purpose": "email_marketing",
        "is_granted": granted,
        "changed_at": instant,
        "source": "sign_up",
        "received_at": instant,
    }


def furnish(paths: Paths, customers: Iterable[str]) -> None:
    """Give a home empty tables, and everybody a consent and an address; anna's is planted."""
    for table in TABLES.values():
        lake.ensure_table(paths.lake, table.name, table.schema)
    addresses = [
        {
            "customer_id": c,
            "email_address": PLANTED if c == "anna" else f"{c}@example.org",
            "received_at": JANUARY.start,
        }
        for c in customers
    ]
    lake.write_partition(paths.lake, "contacts", JANUARY, rows("contacts", *addresses))
    agreed = rows("consents", *(consent(c) for c in customers))
    lake.write_partition(paths.lake, "consents", JANUARY, agreed)


def receive(paths: Paths, table: str, at: str, *values: dict[str, Any]) -> None:
    """Let rows reach the shop on the day of an instant."""
    day = Interval.of_day(parse_instant(at).date())
    lake.write_partition(paths.lake, table, day, rows(table, *values))


def stage(
    installation: Installation,
    listed: Iterable[dict[str, Any]],
    left_out: Iterable[tuple[Any, ...]] = (("ida", "no_consent"),),
    *,
    name: str = "daily",
    as_of: Any = AS_OF,
    stock: dict[str, int] | None = None,
    is_checked: bool = True,
    **provenance: Any,
) -> StagedList:
    """Stage a list, and mark it as the gate does; `left_out` are the first cells of rows.

    `stock` holds the pieces left of products of the campaign k1.
    """
    names = staged.LEFT_OUT.schema.names
    excluded = [dict(zip(names, row, strict=False)) for row in left_out]
    limited = [
        {"campaign_id": "k1", "product_id": product, "stock_left": left}
        for product, left in (stock or {}).items()
    ]
    composed = Composition(
        people(sorted(listed, key=lambda row: row["customer_id"])),
        pa.Table.from_pylist(excluded, schema=staged.LEFT_OUT.schema),
        pa.Table.from_pylist(limited, schema=SCARCITY),
    )
    folder = installation.paths.staged_list(name, as_of)
    staged.write(folder, composed, PROVENANCE | provenance)
    found = StagedList.of(installation.paths, name, as_of)
    if is_checked:
        found.mark(found.digest(), list_policy_file.read(installation).version)
    return found

from datetime import timedelta

import pyarrow as pa
import pytest

from email_lists.audience.received import known_before, newest, rows
from vitrine import lake
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, midnight, parse_instant
from vitrine.settings import load_settings

EVERYBODY = pa.chunked_array([["anna", "ben", "cleo", "dora", "emil", "finn"]])


@pytest.fixture
def landed(tmp_path, contract):
    """Land rows of contract tables by the day of their receipt; return the installation."""

    def run(source="flash_sale", **tables):
        given = {"VITRINE_HOME": str(tmp_path), "VITRINE_SOURCE": source}
        made = Installation(load_settings(given))
        for name, given_rows in tables.items():
            for day in sorted({row["received_at"].date() for row in given_rows}):
                today = [row for row in given_rows if row["received_at"].date() == day]
                received = Interval(midnight(day), midnight(day) + DAY)
                lake.write_partition(made.paths.lake, name, received, contract(name, *today))
        return made

    return run


def event(kind, who, at, message="m", late=timedelta(0)):
    instant = parse_instant(at)
    return {
        "message_id": message,
        "customer_id": who,
        "kind": kind,
        "occurred_at": instant,
        "received_at": instant + late,
    }


def test_reactions_of_all_times_and_letters_known_to_the_build_are_read(landed, as_of):
    made = landed(
        email_events=[
            event("bounced", "anna", "2025-01-01"),
            event("complained", "ben", "2026-03-02T03:29:00Z"),
            event("opened", "cleo", "2026-03-01"),
            event("sent", "dora", "2026-03-01T05:45:00Z", "near"),
            event("sent", "emil", "2026-02-01T05:45:00Z", "long ago"),
            event("sent", "finn", "2026-03-01T05:45:00Z", "late", DAY),
        ]
    )
    found = newest(made, as_of, EVERYBODY)
    reactions = [(r["customer_id"], r["kind"]) for r in found.reactions.to_pylist()]
    assert sorted(reactions) == [("anna", "bounced"), ("ben", "complained")]
    # A letter that the build did not know cannot withdraw one that went out meanwhile.
    assert found.letters["customer_id"].to_pylist() == ["dora"]


def test_the_newest_of_each_customer_is_read_however_late_it_came(landed, contract, as_of):
    first, second = parse_instant("2026-01-01"), as_of + timedelta(minutes=5)
    moved = {
        "customer_id": "anna", "signed_up_at": first, "language": "fr", "timezone": "Europe/Paris",
        "demographic_cluster": "x:x:FR",
    }  # fmt: skip
    made = landed(
        customers=[
            moved | {"country": "DE", "birth_year": 1990, "received_at": second},
            moved | {"country": "FR", "birth_year": None, "received_at": first},
        ]
    )
    assert newest(made, as_of, EVERYBODY).customers.to_pylist() == [
        {"customer_id": "anna", "country": "DE", "birth_year": 1990}
    ]


def test_of_whom_is_not_asked_for_nothing_is_read_unless_they_share_a_mailbox(
    landed, agreed, as_of
):
    at = parse_instant("2026-01-01")
    given = {"anna": "anna@example.org", "ben": "Anna+b@example.org", "cleo": "cleo@example.org"}
    made = landed(
        contacts=[
            {"customer_id": who, "email_address": address, "received_at": at}
            for who, address in given.items()
        ],
        consents=[agreed(who) for who in given],
        email_events=[event("complained", who, "2026-02-01", who) for who in given],
        suppressions=[
            {"suppression_id": "1", "customer_id": None, "email_address": "cleo@example.org",
             "reason": "manual", "suppressed_at": at, "received_at": at},
            {"suppression_id": "2", "customer_id": "cleo", "email_address": None,
             "reason": "manual", "suppressed_at": at, "received_at": at},
        ],
    )  # fmt: skip
    found = newest(made, as_of, pa.chunked_array([["ben"]]))
    assert found.contacts is not None
    assert found.consents is not None
    for table in (found.contacts, found.consents, found.reactions):
        assert sorted(table["customer_id"].to_pylist()) == ["anna", "ben"]
    assert found.suppressions["email_address"].to_pylist() == ["cleo@example.org"]


def test_a_shop_without_addresses_or_consents_gives_none(landed, as_of):
    found = newest(landed("online_retail"), as_of, EVERYBODY)
    assert found.contacts is None
    assert found.consents is None
    assert found.suppressions.num_rows == 0


def test_a_table_that_never_came_is_empty(landed):
    assert rows(landed().paths, "contacts").num_rows == 0
    assert rows(landed().paths, "contacts", ["customer_id"]).column_names == ["customer_id"]


def test_a_night_knows_what_its_build_could_read(landed, as_of):
    shop = landed().shop
    assert known_before(shop, as_of) == parse_instant("2026-03-02")
    assert known_before(shop, parse_instant("2026-03-02")) == parse_instant("2026-03-01")

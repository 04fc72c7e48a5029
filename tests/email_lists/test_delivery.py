import pyarrow as pa
import pytest

from email_lists.delivery import deliverable
from vitrine.contracts import INSTANT
from vitrine.interval import parse_instant

SEND = parse_instant("2026-03-02T06:30:00Z")


@pytest.fixture
def check(contract, agreed):
    """Check anna, and others, at the hand-off; return {customer: (address, exclusion)}."""

    def run(addresses=None, consents=(), suppressions=(), people=("anna",)):
        addresses = {c: f"{c}@example.org" for c in people} if addresses is None else addresses
        received = parse_instant("2026-01-01")
        contacts = [
            {"customer_id": c, "email_address": a, "received_at": received}
            for c, a in addresses.items()
        ]
        found = deliverable(
            pa.table({"customer_id": people, "send_at": pa.array([SEND] * len(people), INSTANT)}),
            contract("contacts", *contacts),
            contract("consents", *(agreed(c) for c in people), *consents),
            contract("suppressions", *suppressions),
        )
        return {r["customer_id"]: (r["email_address"], r["exclusion"]) for r in found.to_pylist()}

    return run


def suppressed(at="2026-02-01", **who):
    instant = parse_instant(at)
    return {
        "suppression_id": "s",
        "reason": "complaint",
        "suppressed_at": instant,
        "received_at": instant,
    } | who


def test_an_address_is_joined_in_lower_case(check):
    assert check({"anna": " Anna@Example.org "}) == {"anna": ("anna@example.org", None)}


def test_a_suppressed_address_is_taken_out_whatever_its_capitals(check):
    row = suppressed(email_address="ANNA@example.org ")
    assert check(suppressions=[row])["anna"][1] == "suppressed_address_complaint"


def test_somebody_elses_suppressed_address_takes_nobody_out(check):
    row = suppressed(email_address="ben@example.org")
    assert check(suppressions=[row])["anna"][1] is None


def test_a_suppression_since_the_list_was_built_takes_out(check):
    assert check(suppressions=[suppressed(customer_id="anna")])["anna"][1] == "suppressed_complaint"


def test_a_suppression_after_the_send_time_does_not_count(check):
    row = suppressed("2026-03-02T06:30:01Z", customer_id="anna")
    assert check(suppressions=[row])["anna"][1] is None


def test_a_withdrawal_since_the_list_was_built_takes_out(check, agreed):
    row = agreed("anna", False, "2026-03-02T05:00:00Z")
    assert check(consents=[row])["anna"][1] == "consent_withdrawn"


def test_who_has_no_address_is_taken_out(check):
    assert check({})["anna"] == (None, "no_address")


@pytest.mark.parametrize(
    "address",
    ["", "anna", "anna@", "@example.org", "anna@example", "a nna@example.org", "=1+1@example.org",
     "anna@example.org,ben@example.org", "anna@example.org\nBcc: ben@example.org",
     "-a@example.org"],
)  # fmt: skip
def test_an_address_that_is_none_is_taken_out(check, address):
    assert check({"anna": address})["anna"][1] == "invalid_address"


@pytest.mark.parametrize("address", ["a.b+c@example.co.uk", "o'neil@example.org", "_x@a-b.org"])
def test_unusual_addresses_are_fine(check, address):
    assert check({"anna": address})["anna"] == (address, None)


def test_an_address_is_written_to_once(check):
    people = ("anna", "ben", "cleo")
    shared = {"anna": "x@example.org", "ben": "X@example.org", "cleo": "c@example.org"}
    found = check(shared, people=people)
    assert [found[c][1] for c in people] == [None, "duplicate_address", None]


def test_of_two_who_share_an_address_the_one_who_may_gets_it(check, agreed):
    found = check(
        {"anna": "x@example.org", "ben": "x@example.org"},
        consents=[agreed("anna", False, "2026-02-01")],
        people=("anna", "ben"),
    )
    assert found["anna"][1] == "consent_withdrawn"
    assert found["ben"][1] is None


def test_the_newest_address_counts(contract, agreed):
    instants = ("2026-01-01", "2026-02-01")
    contacts = [
        {"customer_id": "anna", "email_address": a, "received_at": parse_instant(at)}
        for a, at in zip(("old@example.org", "new@example.org"), instants, strict=True)
    ]
    found = deliverable(
        pa.table({"customer_id": ["anna"], "send_at": pa.array([SEND], INSTANT)}),
        contract("contacts", *contacts),
        contract("consents", agreed("anna")),
        contract("suppressions"),
    )
    assert found["email_address"].to_pylist() == ["new@example.org"]

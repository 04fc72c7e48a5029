import pyarrow as pa
import pytest

from email_lists.eligibility import counts, decisions
from email_lists.send_times import send_times
from vitrine.interval import parse_instant


@pytest.fixture
def decide(rows, contract, as_of):
    """Decide for anna, and for the others that are named; return {customer: exclusion}."""

    def run(consents, suppressions=(), zone="Europe/Paris", people=("anna",)):
        customers = rows("customers", *((c, "FR", "fr", zone, "x:x:FR", "new") for c in people))
        ledger = None if consents is None else contract("consents", *consents)
        known = contract("suppressions", *suppressions)
        return decisions(customers, send_times([zone], as_of), ledger, known)

    return run


def exclusion(decided):
    [row] = decided.to_pylist()
    assert (row["consent_id"] is None) or row["exclusion"] is None or "supp" in row["exclusion"]
    return row["exclusion"]


def suppressed(reason="manual", at="2026-02-01", **who):
    instant = parse_instant(at)
    return {
        "suppression_id": f"s-{reason}",
        "reason": reason,
        "suppressed_at": instant,
        "received_at": instant,
    } | (who or {"customer_id": "anna"})


def test_a_consent_makes_eligible_and_its_id_is_kept(decide, agreed):
    [row] = decide([agreed("anna")]).to_pylist()
    assert row["exclusion"] is None
    assert row["consent_id"] == "anna-2026-01-01-True"
    assert row["send_at"] == parse_instant("2026-03-02T06:30:00Z")


def test_who_never_agreed_is_excluded(decide, agreed):
    assert exclusion(decide([agreed("ben")])) == "no_consent"


def test_a_consent_to_something_else_does_not_count(decide, agreed):
    assert exclusion(decide([agreed("anna") | {"purpose": "profiling"}])) == "no_consent"


def test_a_withdrawal_excludes_and_a_later_grant_includes(decide, agreed):
    ledger = [agreed("anna"), agreed("anna", False, "2026-02-01")]
    assert exclusion(decide(ledger)) == "consent_withdrawn"
    assert exclusion(decide([*ledger, agreed("anna", True, "2026-02-02")])) is None


def test_what_changes_after_the_send_time_does_not_count_yet(decide, agreed):
    later = agreed("anna", False, "2026-03-02T06:30:01Z")
    assert exclusion(decide([agreed("anna"), later])) is None
    assert exclusion(decide([agreed("anna", True, "2026-03-02T06:30:01Z")])) == "no_consent"


def test_what_changes_between_the_run_and_the_send_time_counts(decide, agreed):
    announced = agreed("anna", False, "2026-03-02T06:30:00Z")
    assert exclusion(decide([agreed("anna"), announced])) == "consent_withdrawn"


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_at_the_same_instant_the_withdrawal_holds(decide, agreed, turned):
    both = [agreed("anna", True), agreed("anna", False)]
    assert exclusion(decide(both[::-1] if turned else both)) == "consent_withdrawn"


@pytest.mark.parametrize(
    "reason", ["unsubscribed", "hard_bounce", "complaint", "manual", "erasure"]
)
def test_each_suppression_alone_excludes(decide, agreed, reason):
    assert exclusion(decide([agreed("anna")], [suppressed(reason)])) == f"suppressed_{reason}"


def test_a_suppression_that_begins_after_the_send_time_does_not_count_yet(decide, agreed):
    later = suppressed(at="2026-03-02T06:30:01Z")
    assert exclusion(decide([agreed("anna")], [later])) is None


def test_suppressing_an_address_is_the_exports_matter(decide, agreed):
    row = suppressed(email_address="anna@example.org")
    assert exclusion(decide([agreed("anna")], [row])) is None


def test_an_unknown_zone_excludes(decide, agreed):
    assert exclusion(decide([agreed("anna")], zone="Mars/Olympus")) == "unknown_timezone"


def test_a_shop_without_a_ledger_excludes_nobody_for_it(decide):
    assert exclusion(decide(None)) is None
    assert exclusion(decide(None, [suppressed()])) == "suppressed_manual"


def test_eligible_and_excluded_are_all(decide, agreed):
    people = [f"c{n}" for n in range(40)]
    ledger = [agreed(c, n % 3 > 0) for n, c in enumerate(people) if n % 4]
    decided = decide(ledger, [suppressed(customer_id="c1")], people=people)
    assert decided["customer_id"].to_pylist() == sorted(people)
    excluded = counts(decided)
    assert sum(excluded.values()) + decided["exclusion"].null_count == len(people)
    assert excluded == {"consent_withdrawn": 10, "no_consent": 10, "suppressed_manual": 1}


def test_nobody_at_all_is_fine(decide):
    assert decide([], people=()).num_rows == 0
    assert counts(pa.table({"exclusion": pa.array([], pa.string())})) == {}

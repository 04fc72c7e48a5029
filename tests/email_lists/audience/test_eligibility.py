from typing import Any

import pyarrow as pa
import pytest

from email_lists.audience.eligibility import Who, counts, decisions
from vitrine.contracts import INSTANT
from vitrine.errors import BadArgumentError
from vitrine.interval import parse_instant
from vitrine.list_policy import Arm, Caps, Holdout, ListPolicy, ListRules, Suppress

EVERYBODY = Holdout(share=0)
LETTERS = pa.schema(
    {
        "customer_id": pa.string(),
        "list": pa.string(),
        "night": pa.date32(),
        "send_at": INSTANT,
        "strategy": pa.string(),
    }
)


@pytest.fixture
def who(rows, contract, as_of, agreed):
    """Know anna, and the others that are named."""

    def make(people=("anna",), consents=None, suppressions=(), letters=(), zone="Europe/Paris",
             segment="new", born=None):  # fmt: skip
        customers = rows("customers", *((c, "FR", "fr", zone, "x:x:FR", segment) for c in people))
        births = pa.array([born] * len(people), pa.int16())
        ledger = [agreed(c) for c in people] if consents is None else consents
        opens = pa.schema({"customer_id": pa.string(), "opened_at": INSTANT})
        return Who(
            as_of=as_of,
            customers=customers.append_column("birth_year", births),
            consents=contract("consents", *ledger),
            suppressions=contract("suppressions", *suppressions),
            reactions=contract("email_events"),
            opens=opens.empty_table(),
            letters=pa.Table.from_pylist(list(letters), LETTERS),
        )

    return make


def suppressed(customer):
    instant = parse_instant("2026-02-01")
    return {
        "suppression_id": f"s-{customer}",
        "customer_id": customer,
        "reason": "manual",
        "suppressed_at": instant,
        "received_at": instant,
    }


def policy(holdout=EVERYBODY, **rules):
    return ListPolicy(holdout=holdout, lists={"daily": ListRules(**rules)})


def only(decided):
    [row] = decided.to_pylist()
    return row


def test_a_consent_makes_eligible_and_its_id_is_kept(who):
    row = only(decisions(who(), policy(), "daily"))
    assert row == {
        "customer_id": "anna",
        "send_at": parse_instant("2026-03-02T06:30:00Z"),
        "local_day": parse_instant("2026-03-02").date(),
        "consent_id": "anna-2026-01-01-True",
        "segment": "new",
        "strategy": "selection",
        "arm": "standard",
        "arm_propensity": 1.0,
        "exclusion": None,
        "assigned": "standard",
    }


def test_each_reason_hides_those_after_it(who, agreed):
    """The worst case first; one cause less each time."""
    sent = {"customer_id": "anna", "send_at": parse_instant("2026-03-02T06:00:00Z")}
    everything: dict[str, Any] = {
        "people": ("anna",),
        "zone": "Mars/Olympus",
        "segment": "unheard_of",
    }
    everything |= {"suppressions": [suppressed("anna")], "consents": [], "letters": [sent]}
    out = policy(Holdout(share=1))
    steps: list[tuple[dict[str, Any], str]] = [
        ({}, "unknown_timezone"),
        ({"zone": "Europe/Paris"}, "suppressed_manual"),
        ({"suppressions": ()}, "no_consent"),
        ({"consents": [agreed("anna", False)]}, "consent_withdrawn"),
        ({"consents": [agreed("anna")]}, "no_strategy"),
        ({"segment": "loyal"}, "cap_per_day"),
        ({"letters": ()}, "hold_out"),
    ]
    for change, expected in steps:
        everything |= change
        assert only(decisions(who(**everything), out, "daily"))["exclusion"] == expected
    assert only(decisions(who(**everything), policy(), "daily"))["exclusion"] is None


def test_whom_caps_alone_leave_out_keeps_what_was_drawn(who, agreed):
    people = [f"c{n}" for n in range(40)]
    ledger = [agreed(c, n > 9) for n, c in enumerate(people)]
    out = policy(Holdout(share=0.5)).model_copy(update={"caps": Caps(per_week=0)})
    rows = decisions(who(people, ledger), out, "daily").to_pylist()
    found = {(row["exclusion"], row["assigned"]) for row in rows}
    assert found == {
        ("consent_withdrawn", None),
        ("cap_per_week", "hold_out"),
        ("cap_per_week", "standard"),
    }


def test_those_held_out_are_told_what_they_would_have_got(who):
    row = only(decisions(who(), policy(Holdout(share=1)), "daily"))
    assert row["exclusion"] == "hold_out"
    assert (row["strategy"], row["arm"]) == ("selection", "standard")
    assert row["send_at"]
    assert row["consent_id"]


def test_an_arm_changes_the_strategies_that_it_names(who):
    people = [f"c{n}" for n in range(60)]
    arms = {"plain": Arm(share=0.25, strategies={"new": "popular"}), "standard": Arm(share=0.75)}
    rows = decisions(who(people), policy(arms=arms, experiment="spring"), "daily").to_pylist()
    found = {(row["arm"], row["strategy"], row["arm_propensity"]) for row in rows}
    assert found == {("plain", "popular", 0.25), ("standard", "selection", 0.75)}


def test_eligible_and_excluded_are_all(who, agreed):
    people = [f"c{n}" for n in range(400)]
    ledger = [agreed(c, n % 3 > 0) for n, c in enumerate(people) if n % 4]
    decided = decisions(
        who(people, ledger, [suppressed("c1")]), policy(Holdout(share=0.2)), "daily"
    )
    assert decided["customer_id"].to_pylist() == sorted(people)
    excluded = counts(decided)
    held_out = excluded.pop("hold_out")
    assert 20 <= held_out <= 60
    assert sum(excluded.values()) + held_out + decided["exclusion"].null_count == len(people)
    assert excluded == {"consent_withdrawn": 100, "no_consent": 100, "suppressed_manual": 1}


def test_a_shop_without_a_ledger_excludes_nobody_for_it(who, as_of):
    known = who(consents=[])
    without = Who(**{**vars(known), "consents": None})
    assert only(decisions(without, policy(), "daily"))["exclusion"] is None


def test_the_policys_suppressions_and_caps_hold(who):
    young = policy().model_copy(update={"suppress": Suppress(minimum_age=18)})
    assert only(decisions(who(born=2010), young, "daily"))["exclusion"] == "suppressed_age"
    never = policy().model_copy(update={"caps": Caps(per_week=0)})
    assert only(decisions(who(), never, "daily"))["exclusion"] == "cap_per_week"


def test_a_list_that_the_policy_lacks_is_refused(who):
    with pytest.raises(BadArgumentError, match="no list 'weekly'"):
        decisions(who(), policy(), "weekly")


def test_nobody_at_all_is_fine(who):
    assert decisions(who(()), policy(), "daily").num_rows == 0
    assert counts(pa.table({"exclusion": pa.array([], pa.string())})) == {}

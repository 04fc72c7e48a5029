import pyarrow as pa
import pytest

from email_lists.audience.permissions import REACTIONS, SUPPRESSIONS, permitted
from vitrine.contracts import INSTANT
from vitrine.interval import parse_instant
from vitrine.list_policy import Suppress

SEND = parse_instant("2026-03-02T06:30:00Z")
NOBODY = Suppress(minimum_age=None)


@pytest.fixture
def decide(contract, agreed):
    """Decide for anna, who agreed and is known by these; return her exclusion and consent."""

    def run(
        consents=(), suppressions=(), reactions=(), rules=NOBODY, born=None, country="FR",
        is_hand_off=False,
    ):  # fmt: skip
        ledger = None if consents is None else contract("consents", agreed("anna"), *consents)
        found = permitted(
            pa.table(
                {
                    "customer_id": ["anna"],
                    "send_at": pa.array([SEND], INSTANT),
                    "country": [country],
                    "birth_year": pa.array([born], pa.int16()),
                }
            ),
            ledger,
            contract("suppressions", *suppressions),
            contract("email_events", *reactions),
            rules,
            is_hand_off=is_hand_off,
        )
        [row] = found.to_pylist()
        assert row["exclusion"] or consents is None or row["consent_id"]
        return row["exclusion"]

    return run


def suppressed(reason="manual", at="2026-02-01", **who):
    instant = parse_instant(at)
    return {
        "suppression_id": f"s-{reason}",
        "reason": reason,
        "suppressed_at": instant,
        "received_at": instant,
    } | (who or {"customer_id": "anna"})


def reacted(kind, at="2026-02-01", who="anna"):
    instant = parse_instant(at)
    return {
        "message_id": "m",
        "customer_id": who,
        "kind": kind,
        "occurred_at": instant,
        "received_at": instant,
    }


AFTER = "2026-03-02T06:30:01Z"


def test_a_consent_to_something_else_does_not_count(decide, agreed):
    other = agreed("anna", False, "2026-02-01") | {"purpose": "profiling"}
    assert decide([other]) is None


def test_a_withdrawal_excludes_and_a_later_grant_includes(decide, agreed):
    left = agreed("anna", False, "2026-02-01")
    assert decide([left]) == "consent_withdrawn"
    assert decide([left, agreed("anna", True, "2026-02-02")]) is None


def test_what_changes_between_the_run_and_the_send_time_counts(decide, agreed):
    assert decide([agreed("anna", False, "2026-03-02T06:30:00Z")]) == "consent_withdrawn"


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_at_the_same_instant_the_withdrawal_holds(decide, agreed, turned):
    both = [agreed("anna", True, "2026-02-01"), agreed("anna", False, "2026-02-01")]
    assert decide(both[::-1] if turned else both) == "consent_withdrawn"


def test_a_night_knows_nothing_of_what_comes_after_the_send_time(decide, agreed):
    assert decide([agreed("anna", False, AFTER)]) is None
    assert decide((), [suppressed(at=AFTER)]) is None
    assert decide((), (), [reacted("complained", AFTER)]) is None


def test_a_late_hand_off_leaves_out_whoever_left_after_the_send_time(decide, agreed):
    left = agreed("anna", False, AFTER)
    assert decide([left], is_hand_off=True) == "consent_withdrawn"
    assert decide((), [suppressed(at=AFTER)], is_hand_off=True) == "suppressed_manual"
    late = [reacted("bounced", AFTER)]
    assert decide((), (), late, is_hand_off=True) == "suppressed_hard_bounce"
    # A consent that is given too late allows nothing that was to go out before it.
    again = agreed("anna", True, "2026-03-02T07:00:00Z")
    assert decide([left, again], is_hand_off=True) == "consent_withdrawn"


@pytest.mark.parametrize(
    "reason", ["unsubscribed", "hard_bounce", "complaint", "manual", "erasure"]
)
def test_each_suppression_of_the_shop_alone_excludes(decide, agreed, reason):
    assert decide((), [suppressed(reason)]) == f"suppressed_{reason}"
    again = agreed("anna", True, "2026-02-20")
    assert decide([again], [suppressed(reason)]) == f"suppressed_{reason}", "whatever is agreed to"
    assert decide(None, [suppressed(reason)]) == f"suppressed_{reason}", "without a ledger too"
    assert decide((), [suppressed(reason, customer_id="ben")]) is None


@pytest.mark.parametrize(("kind", "reason"), REACTIONS.items())
def test_each_reaction_alone_excludes(decide, kind, reason):
    assert decide((), (), [reacted(kind)]) == f"suppressed_{reason}"
    assert decide(None, (), [reacted(kind)]) == f"suppressed_{reason}"
    assert decide((), (), [reacted(kind, who="ben"), reacted("opened"), reacted("sent")]) is None


def test_who_agrees_again_after_unsubscribing_is_written_to(decide, agreed):
    again = [agreed("anna", True, "2026-02-20")]
    assert decide(again, (), [reacted("unsubscribed")]) is None
    assert decide(again, (), [reacted("unsubscribed", "2026-02-21")]) == "suppressed_unsubscribed"
    assert decide(again, (), [reacted("complained")]) == "suppressed_complaint"


def test_the_policy_excludes_by_hand_by_country_and_by_age(decide):
    assert decide(rules=Suppress(customers=("ben", "anna"))) == "suppressed_manual"
    assert decide(rules=Suppress(customers=("ben",))) is None
    assert decide(rules=Suppress(countries=("de", "fr"))) == "suppressed_country"
    assert decide(rules=Suppress(countries=("DE",))) is None


@pytest.mark.parametrize(
    ("born", "expected"), [(None, None), (1980, None), (2009, None), (2010, "suppressed_age")]
)
def test_who_may_not_be_of_age_yet_is_not_written_to(decide, born, expected):
    assert decide(rules=Suppress(minimum_age=16), born=born) == expected
    assert decide(rules=Suppress(minimum_age=None), born=born) is None


def test_the_weightiest_reason_is_given(decide, agreed):
    assert SUPPRESSIONS[0] == "erasure"
    rows = [suppressed("manual", "2026-01-01"), suppressed("erasure", "2026-02-27")]
    left = [agreed("anna", False, "2026-02-01")]
    rules = Suppress(customers=("anna",), countries=("FR",))
    assert decide(left, rows, [reacted("bounced")], rules, 2020) == "suppressed_erasure"
    assert decide(left, rows[:1], [reacted("bounced")], rules, 2020) == "suppressed_hard_bounce"
    assert decide(left, (), (), Suppress(countries=("FR",)), 2020) == "suppressed_country"

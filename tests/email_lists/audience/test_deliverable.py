from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest

from email_lists.audience.arms import held_out
from email_lists.audience.deliverable import Newest, deliverable
from vitrine.contracts import INSTANT
from vitrine.forgetting.ledger import Ledger
from vitrine.interval import DAY, parse_instant
from vitrine.list_policy import Cap, Caps, Holdout, ListPolicy, Suppress

SEND = parse_instant("2026-03-02T06:30:00Z")
NIGHT = date(2026, 3, 2)
NOBODY = Ledger()
NO_CONTROL = Holdout(share=0)
LETTERS = pa.schema(
    {
        "customer_id": pa.string(),
        "list": pa.string(),
        "night": pa.date32(),
        "send_at": INSTANT,
        "strategy": pa.string(),
        "is_gone": pa.bool_(),
    }
)


@pytest.fixture
def check(contract, agreed):
    """Check anna, and others, at the hand-off; return {customer: (address, exclusion)}.

    Everybody agreed in January; addresses are (customer, address, day of receipt), or of January.
    """

    def run(addresses=None, consents=(), suppressions=(), reactions=(), letters=(), suppress=None,
            people=("anna",), customers=(), erasures=NOBODY, **rules):  # fmt: skip
        if addresses is None or isinstance(addresses, dict):
            given = addresses if addresses is not None else {c: f"{c}@example.org" for c in people}
            addresses = [(c, a, "2026-01-01") for c, a in given.items()]
        contacts = [
            {"customer_id": c, "email_address": a, "received_at": parse_instant(at)}
            for c, a, at in addresses
        ]
        described = {"country": pa.string(), "birth_year": pa.int16()}
        newest = Newest(
            contacts=contract("contacts", *contacts),
            consents=contract("consents", *(agreed(c) for c in people), *consents),
            suppressions=contract("suppressions", *suppressions),
            reactions=contract("email_events", *reactions),
            customers=pa.Table.from_pylist(
                list(customers), pa.schema({"customer_id": pa.string(), **described})
            ),
            letters=pa.Table.from_pylist([{"is_gone": False} | row for row in letters], LETTERS),
            erasures=erasures,
        )
        policy = ListPolicy(suppress=suppress or Suppress(), **{"holdout": NO_CONTROL} | rules)
        found = deliverable(staged(*people), newest, policy, "daily", NIGHT)
        assert all(row["consent_id"] for row in found.to_pylist() if not row["exclusion"])
        assert all(not row["email_address"] for row in found.to_pylist() if row["exclusion"])
        return {r["customer_id"]: (r["email_address"], r["exclusion"]) for r in found.to_pylist()}

    return run


def staged(*people):
    count = len(people)
    return pa.table(
        {
            "customer_id": pa.array(people, pa.string()),
            "send_at": pa.array([SEND] * count, INSTANT),
            "country": pa.array(["FR"] * count, pa.string()),
            "timezone": pa.array(["Europe/Paris"] * count, pa.string()),
            "strategy": pa.array(["popular"] * count, pa.string()),
        }
    )


def suppressed(at="2026-02-01", **who):
    instant = parse_instant(at)
    return {
        "suppression_id": "s",
        "reason": "complaint",
        "suppressed_at": instant,
        "received_at": instant,
    } | who


OTHER = {
    "customer_id": "anna",
    "list": "weekend",
    "night": NIGHT,
    "send_at": SEND,
    "strategy": "popular",
}
EARLIER = OTHER | {"night": date(2026, 2, 28), "send_at": SEND - 2 * DAY}
PREMIUM = Caps(per_day=None, per_week=None, by_strategy={"popular": Cap(per_week=1)})
WEEKLY = Caps(per_day=None, per_week=1, by_strategy={})


def excluded(found):
    return {customer: exclusion for customer, (_, exclusion) in found.items()}


def test_an_address_is_joined_in_lower_case(check):
    assert check({"anna": " Anna@Example.org "}) == {"anna": ("anna@example.org", None)}


@pytest.mark.parametrize("address", ["ANNA@example.org ", "anna+news@example.org"])
def test_a_suppressed_address_is_taken_out_however_it_is_written(check, address):
    found = check(suppressions=[suppressed(email_address=address)])
    assert found["anna"] == (None, "suppressed_address_complaint")


def test_somebody_elses_suppressed_address_takes_nobody_out(check):
    row = suppressed(email_address="ben@example.org")
    assert excluded(check(suppressions=[row])) == {"anna": None}


def test_whoever_left_since_the_list_was_built_is_taken_out(check, agreed):
    """Each in a way of its own, and finn after the send time: the file is late."""
    people = ("anna", "ben", "cleo", "dora", "emil", "finn", "gina")
    bounce = {"message_id": "m", "kind": "bounced", "occurred_at": SEND, "received_at": SEND}
    found = check(
        people=people,
        consents=[
            agreed("anna", False, "2026-03-02T05:00:00Z"),
            agreed("finn", False, "2026-03-03"),
        ],
        suppressions=[suppressed(customer_id="ben")],
        reactions=[bounce | {"customer_id": "cleo"}],
        suppress=Suppress(customers=("dora",), countries=("DE",)),
        customers=[{"customer_id": "emil", "country": "DE", "birth_year": None}],
    )
    assert excluded(found) == {
        "anna": "consent_withdrawn",
        "ben": "suppressed_complaint",
        "cleo": "suppressed_hard_bounce",
        "dora": "suppressed_manual",
        "emil": "suppressed_country",
        "finn": "consent_withdrawn",
        "gina": None,
    }


def test_an_age_that_became_known_takes_out(check):
    born = [{"customer_id": "anna", "country": "FR", "birth_year": 2020}]
    assert excluded(check(customers=born)) == {"anna": "suppressed_age"}


def test_who_was_forgotten_since_the_list_was_built_is_taken_out(check):
    ledger = Ledger(salt=b"salt")
    erased = replace(ledger, hashes=frozenset({ledger.hash_of("ben")}))
    found = check(people=("anna", "ben"), erasures=erased)
    assert excluded(found) == {"anna": None, "ben": "suppressed_erasure"}


def test_a_list_published_in_the_meantime_counts_for_the_caps(check):
    letter = {"customer_id": "anna", "night": NIGHT, "send_at": SEND, "strategy": "popular"}
    assert excluded(check(letters=[letter | {"list": "weekend"}])) == {"anna": "cap_per_day"}
    assert excluded(check(letters=[letter | {"list": "daily"}])) == {"anna": None}


def test_a_domain_is_suppressed_with_all_that_lie_under_it(check):
    addresses = {
        "anna": "anna@shop.test",
        "ben": "ben@Mail.Shop.test",
        "cleo": "cleo@myshop.test",
        "dora": "dora@shop.test.example",
    }
    found = check(addresses, suppress=Suppress(domains=("SHOP.test",)), people=tuple(addresses))
    assert excluded(found) == {
        "anna": "suppressed_domain",
        "ben": "suppressed_domain",
        "cleo": None,
        "dora": None,
    }


def test_who_has_no_address_is_taken_out(check):
    assert check({}) == {"anna": (None, "no_address")}


def test_an_address_that_is_none_is_taken_out(check):
    wrong = [
        "", "anna", "anna@", "@example.org", "anna@example", "a nna@example.org",
        "=1+1@example.org", "anna@example.org,ben@example.org", "-a@example.org", "a@@b.org",
        "anna@example.org\nBcc: ben@example.org", "a..b@example.org", "a.@example.org",
        ".a@example.org", "a@-example.org", "a@example..org", "a@example.org.", "a@[127.0.0.1]",
        "\"a b\"@example.org", "a@example.org>", "a\0@example.org", f"{'a' * 65}@example.org",
        f"a@{'b' * 250}.org", "ａnna@example.org", "a@example.org\r", "a\tb@example.org",
        "{{7*7}}@example.org", "a{b}@example.org", "${x}@example.org", "a$x@example.org",
        "*|email|*@example.org", "a|b@example.org", "a*b@example.org", "%name%@example.org",
    ]  # fmt: skip
    people = tuple(f"c{n:02}" for n in range(len(wrong)))
    found = excluded(check(dict(zip(people, wrong, strict=True)), people=people))
    assert set(found.values()) == {"invalid_address"}


def test_unusual_addresses_are_fine(check):
    unusual = ["a.b+c@example.co.uk", "o'neil@example.org", "_x@a-b.org", f"{'a' * 64}@b.museum"]
    people = tuple(f"c{n}" for n in range(len(unusual)))
    found = check(dict(zip(people, unusual, strict=True)), people=people)
    assert list(found.values()) == [(address, None) for address in unusual]


def test_a_person_is_written_to_once(check):
    shared = {
        "anna": "x@example.org",
        "ben": "X@example.org",
        "cleo": "x+2@example.org",
        "dora": "y@example.org",
    }
    assert excluded(check(shared, people=tuple(shared))) == {
        "anna": None,
        "ben": "duplicate_address",
        "cleo": "duplicate_address",
        "dora": None,
    }


ONE_MAILBOX = {"anna": "x@shop.test", "ben": "X+1@shop.test", "cleo": "cleo@shop.test"}
HERE = {"message_id": "m", "occurred_at": SEND, "received_at": SEND, "customer_id": "anna"}


@pytest.mark.parametrize("listed", [("anna", "ben", "cleo"), ("ben", "cleo")])
@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"reactions": [HERE | {"kind": "complained"}]}, "suppressed_complaint"),
        ({"reactions": [HERE | {"kind": "unsubscribed"}]}, "suppressed_unsubscribed"),
        ({"reactions": [HERE | {"kind": "bounced"}]}, "suppressed_hard_bounce"),
        ({"suppressions": [suppressed(customer_id="anna")]}, "suppressed_complaint"),
        ({"suppress": Suppress(customers=("anna",))}, "suppressed_manual"),
        ({"letters": [OTHER]}, "cap_per_day"),
        ({"letters": [OTHER | {"list": None, "night": None, "strategy": None}]}, "cap_per_day"),
        ({"caps": PREMIUM, "letters": [EARLIER]}, "cap_of_strategy_per_week"),
        ({"caps": WEEKLY, "letters": [EARLIER | {"strategy": "premium"}]}, "cap_per_week"),
    ],
)
def test_what_keeps_one_account_from_a_letter_keeps_every_other_of_its_mailbox(
    check, known, reason, listed
):
    found = check(ONE_MAILBOX, people=listed, **known)
    assert found["ben"] == (None, reason)
    assert found["cleo"] == ("cleo@shop.test", None)


def test_a_consent_withdrawn_is_withdrawn_for_the_mailbox_until_it_is_given_anew(check, agreed):
    left, again = agreed("anna", False, "2026-02-01"), agreed("anna", True, "2026-02-02")
    for people in (("anna", "ben"), ("ben",)):
        assert excluded(check(ONE_MAILBOX, [left], people=people))["ben"] == "consent_withdrawn"
        # Another account's consent is another account's: only whoever withdrew undoes it.
        both = [left, agreed("ben", True, "2026-02-02")]
        assert excluded(check(ONE_MAILBOX, both, people=people))["ben"] == "consent_withdrawn"
    assert excluded(check(ONE_MAILBOX, [left, again], people=("ben",))) == {"ben": None}


def test_a_mailbox_stays_an_accounts_that_moved_on(check):
    moved = [("anna", "x@shop.test", "2026-01-01"), ("anna", "new@shop.test", "2026-02-01")]
    taken = [*moved, ("ben", "x@shop.test", "2026-02-01")]
    found = check(taken, people=("ben",), reactions=[HERE | {"kind": "complained"}])
    assert excluded(found) == {"ben": "suppressed_complaint"}


def test_what_is_said_of_one_account_alone_keeps_no_other_from_the_letter(check):
    """Where and how old somebody is, that they never agreed, that an old account was forgotten."""
    found = check(
        ONE_MAILBOX,
        people=("anna", "ben"),
        customers=[{"customer_id": "anna", "country": "DE", "birth_year": 2020}],
        suppress=Suppress(countries=("DE",)),
        suppressions=[suppressed(customer_id="anna", reason="erasure")],
    )
    assert excluded(found) == {"anna": "suppressed_erasure", "ben": None}
    assert excluded(check(ONE_MAILBOX, people=("ben",))) == {"ben": None}, "anna never agreed"


def test_a_reason_of_the_account_alone_hides_none_that_holds_for_the_mailbox(check, agreed):
    found = check(
        ONE_MAILBOX,
        [agreed("anna", False, "2026-02-01")],
        people=("anna", "ben"),
        customers=[{"customer_id": "anna", "country": "DE", "birth_year": None}],
        suppress=Suppress(countries=("DE",)),
    )
    assert excluded(found) == {"anna": "suppressed_country", "ben": "consent_withdrawn"}


def test_who_is_held_out_as_one_account_is_so_as_all(check):
    names = [f"c{n}" for n in range(12)]
    half = Holdout(share=0.5)
    control = {n for n, is_out in zip(names, held_out(names, half), strict=True) if is_out}
    for one, other in pairwise(names):
        shared = {one: "x@shop.test", other: "x+1@shop.test"}
        found = excluded(check(shared, people=(one,), holdout=half))
        # Whoever is held out is checked too, to stay so: each person once.
        taken = one not in control and other in control
        assert found == {one: "duplicate_address" if taken else None}


def test_a_nights_letter_stays_with_the_account_it_was_promised_to(check):
    """Else ben's would be withdrawn and anna's be new: two mails to one mailbox."""
    promised = OTHER | {"customer_id": "ben", "list": "daily"}
    two = ("anna", "ben")
    assert excluded(check(ONE_MAILBOX, people=two)) == {"anna": None, "ben": "duplicate_address"}
    found = check(ONE_MAILBOX, people=two, letters=[promised])
    assert excluded(found) == {"anna": "duplicate_address", "ben": None}
    gone = [{"customer_id": "ben", "country": "DE", "birth_year": None}]
    suppress = Suppress(countries=("DE",))
    found = check(ONE_MAILBOX, people=two, letters=[promised], customers=gone, suppress=suppress)
    assert excluded(found) == {"anna": "duplicate_address", "ben": "suppressed_country"}


def test_of_two_promised_letters_the_earlier_goes(check):
    """They came to share a mailbox since; the earlier may be out already."""
    early = OTHER | {"customer_id": "ben", "list": "daily", "send_at": SEND - timedelta(hours=1)}
    late = OTHER | {"list": "daily"}
    found = check(ONE_MAILBOX, people=("anna", "ben"), letters=[early, late])
    assert excluded(found) == {"anna": "duplicate_address", "ben": None}
    gone = late | {"send_at": SEND + timedelta(hours=1), "is_gone": True}
    found = check(ONE_MAILBOX, people=("anna", "ben"), letters=[early, late, gone])
    assert excluded(found) == {"anna": None, "ben": "duplicate_address"}, "the later one is out"


def test_customers_without_a_true_address_share_no_mailbox(check):
    nowhere = {"anna": "", "ben": "", "cleo": "none"}
    found = check(nowhere, people=("ben",), reactions=[HERE | {"kind": "complained"}])
    assert excluded(found) == {"ben": "invalid_address"}


def test_the_newest_address_counts(check):
    both = [("anna", "old@example.org", "2026-01-01"), ("anna", "new@example.org", "2026-02-01")]
    assert check(both) == {"anna": ("new@example.org", None)}
    assert check(both[::-1]) == {"anna": ("new@example.org", None)}


def test_a_shop_without_addresses_and_consents_is_checked_for_the_rest(contract):
    newest = Newest(
        contacts=None,
        consents=None,
        suppressions=contract("suppressions", suppressed(customer_id="ben")),
        reactions=contract("email_events"),
        customers=pa.schema(
            {"customer_id": pa.string(), "country": pa.string(), "birth_year": pa.int16()}
        ).empty_table(),
        letters=LETTERS.empty_table(),
    )
    found = deliverable(staged("anna", "ben"), newest, ListPolicy(), "daily", NIGHT)
    assert found["exclusion"].to_pylist() == [None, "suppressed_complaint"]
    assert deliverable(staged(), newest, ListPolicy(), "daily", NIGHT).num_rows == 0

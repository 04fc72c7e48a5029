"""A list in which every rule of a letter is broken once, each by a letter of its own."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from email_lists.audience import arms
from email_lists.mail.delivered import State
from tests.expectations.listed_home import (
    AS_OF,
    EARLY,
    EARLY_ACCESS,
    NEXT,
    NIGHT,
    OPEN,
    RUG,
    SEND_AT,
    SINCE,
    YESTERDAY,
    Handed,
    Home,
    Told,
    consent,
    days,
    let_others_promise,
    mail,
    order,
    person,
    shown,
)
from tests.published_letters import letter, publish
from vitrine.forgetting import ledger
from vitrine.interval import parse_instant
from vitrine.list_policy import Holdout
from vitrine.settings import load_settings

OF_PRODUCTS = "products: expect_column_values_to_be_in_set(column="
OF_CAMPAIGNS = "campaigns: expect_column_values_to_be_in_set(column="
CAMPAIGN_OPEN = f"{OF_CAMPAIGNS}is_campaign_open"
KILN = ("mug", "cup", "pot")
POLICY_HOLDOUT = Holdout(share=0.01)
HELD_OUT = next(
    name for name in map(str, range(10_000)) if arms.held_out([name], POLICY_HOLDOUT)[0]
)


def one(product_id, **said):
    return {"products": [shown(product_id, **said)]}


def forget(paths, customer_id):
    ledger.make_salt(paths)
    mark = ledger.begun_folder(paths) / ledger.Ledger.load(paths).hash_of(customer_id)
    mark.parent.mkdir(parents=True)
    mark.write_text(json.dumps({"addresses": [], "received_until": "2026-03-09T00:00:00Z"}))


@dataclass(frozen=True)
class Fault:
    """What is wrong with one letter, and what the gate calls it."""

    named: str
    letter: dict[str, Any] = field(default_factory=dict)
    told: tuple[Told, ...] = ()
    promised: tuple[dict[str, Any], ...] = ()
    """Letters of other lists: arguments of `letter`, and `nights` from this one."""


def other(nights=0, **said):
    return said | {"nights": nights}


CAPPED = "column=is_within_caps"
FAULTS = (
    Fault("column=is_consent_theirs", {"consent_id": None}),
    Fault("column=is_consent_theirs", {"consent_id": "no such consent"}),
    Fault("column=is_consent_theirs", {"consent_id": "consent-eve"}),
    Fault(
        "column=is_consent_given",
        {"consent_id": "other"},
        (Told("consents", consent("", consent_id="other", purpose="profiling")),),
    ),
    Fault(
        "column=is_consent_given",
        {"consent_id": "gone"},
        (Told("consents", consent("", consent_id="gone", is_granted=False)),),
    ),
    Fault(
        "column=is_consent_newest",
        told=(Told("consents", consent("", consent_id="w1", is_granted=False)),),
    ),
    Fault(
        "column=is_consent_newest",
        told=(Told("consents", consent("", consent_id="new", changed_at=YESTERDAY)),),
    ),
    Fault("column=is_not_suppressed", told=(Told("suppressions", {}),)),
    Fault("column=is_not_complaining", told=(Told("email_events", mail("complained", EARLY)),)),
    Fault("column=is_not_bouncing", told=(Told("email_events", mail("bounced", EARLY)),)),
    Fault(
        "column=is_not_unsubscribed", told=(Told("email_events", mail("unsubscribed", YESTERDAY)),)
    ),
    Fault("column=is_not_forgotten", {"customer_id": "forgotten"}),
    Fault("column=is_allowed_by_policy", {"customer_id": "by_policy"}),
    Fault("column=is_allowed_by_policy", {"country": "DE"}),
    Fault("column=is_allowed_by_policy", told=(Told("customers", {"country": "DE"}),)),
    Fault("column=is_allowed_by_policy", told=(Told("customers", {"birth_year": 2008}),)),
    Fault("column=is_not_held_out", {"customer_id": HELD_OUT}),
    Fault(CAPPED, promised=(other(),)),
    Fault(CAPPED, promised=(other(-4), other(-1), other(2))),
    Fault(CAPPED, {"strategy": "win_back"}, promised=(other(-6, strategy="win_back"),)),
    Fault(CAPPED, told=(Told("email_events", mail("sent", SEND_AT)),)),
    Fault(
        CAPPED,
        told=(Told("email_events", mail("sent", SEND_AT, message_id="went late")),),
        promised=(other(-2, message_id="went late"),),
    ),
    Fault(
        "column=is_of_several_brands", {"products": [shown(p, n) for n, p in enumerate(KILN, 1)]}
    ),
    Fault(
        "column=is_rested", {"products": [shown("pot")]}, (Told("orders", order("pot", days(-29))),)
    ),
    Fault("column=is_bought_today", one("tea", bought_today_count=1)),
    Fault("column=country", {"country": "France"}),
    Fault("column=hours_to_send", {"send_at": AS_OF - timedelta(hours=1)}),
    Fault("column=is_quiet", {"timezone": "Pacific/Honolulu"}),
    Fault("column=message_id, regex", {"message_id": "hello"}),
    Fault("column=strategy", {"strategy": "spam"}),
    Fault("column=arm_propensity", {"arm_propensity": 1.1}),
    Fault("column=repeated_product_count", {"products": [shown("mug"), shown("mug", 2)]}),
    Fault("column=product_count, min_value=0", {"products": [shown("tea", n) for n in range(8)]}),
    Fault(f"{OF_PRODUCTS}is_on_sale", one("vase")),
    Fault(f"{OF_PRODUCTS}is_on_sale", one("gone")),
    Fault(
        f"{OF_PRODUCTS}is_campaign_open",
        one("mug", campaign_id="over"),
    ),
    Fault(
        f"{OF_PRODUCTS}is_sold_there",
        one("s1", campaign_id="sola"),
    ),
    Fault("column=price", one("tea", price=-1.0)),
    Fault("column=is_shop_price", one("tea", price=0.01)),
    Fault("column=is_shop_price", {"products": [RUG | {"price": 49.0}]}),
    Fault("column=probability, min", one("tea", probability=1.5)),
    Fault("column=propensity", one("tea", propensity=-0.5)),
    Fault("column=position", one("tea", position=8)),
    Fault(f"{OF_PRODUCTS}is_not_banned", one("bad")),
    Fault(f"{OF_PRODUCTS}is_not_banned", one("worse")),
    Fault(
        f"{OF_PRODUCTS}is_plain",
        one("tea", name="mug\nBcc: all@example.org"),
    ),
    Fault(
        f"{OF_PRODUCTS}is_plain",
        one("tea", cause_name="{{ 7 * 7 }}"),
    ),
    Fault(CAMPAIGN_OPEN, {"campaigns": [OPEN | {"campaign_id": "over"}]}),
    Fault(CAMPAIGN_OPEN, {"campaigns": [NEXT]}),
    Fault(CAMPAIGN_OPEN, EARLY_ACCESS | {"campaigns": [NEXT | {"reason": "ranked_for_you"}]}),
    Fault(CAMPAIGN_OPEN, EARLY_ACCESS | {"campaigns": [NEXT | {"campaign_id": "later"}]}),
    Fault(f"{OF_CAMPAIGNS}is_not_banned", {"campaigns": [OPEN | {"campaign_id": "cursed"}]}),
    Fault(f"{OF_CAMPAIGNS}is_sold_there", {"campaigns": [OPEN | {"campaign_id": "sola"}]}),
    Fault(f"{OF_CAMPAIGNS}is_on_sale", {"campaigns": [OPEN | {"campaign_id": "empty"}]}),
    Fault(f"{OF_CAMPAIGNS}is_plain", {"campaigns": [OPEN | {"name": "{{7*7}}"}]}),
    Fault(f"{OF_CAMPAIGNS}is_plain", {"campaigns": [OPEN | {"brand": "a\r\nBcc: b@example.org"}]}),
    Fault(f"{OF_CAMPAIGNS}is_plain", {"campaigns": [OPEN | {"sector": "*|EMAIL|*"}]}),
)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Check a list of one letter a fault; return its failures and whose each fault is."""
    folder = tmp_path_factory.mktemp("broken")
    landing = {"VITRINE_HOME": str(folder / "home"), "VITRINE_LANDING": str(folder)}
    home = Home(load_settings(landing))
    names = [fault.letter.get("customer_id", f"c{n}") for n, fault in enumerate(FAULTS)]
    promised: dict[int, list[dict[str, Any]]] = {}
    for name, fault in zip(names, FAULTS, strict=True):
        home.tell(name, Told("consents", consent(name)), *fault.told)
        for n, said in enumerate(fault.promised):
            given = {"message_id": f"{name}-{n}"} | said
            night = NIGHT + timedelta(days=given.pop("nights"))
            row = letter(name, night, list_name="weekend", **given)
            promised.setdefault((night - NIGHT).days, []).append(row)
    home.tell("eve", Told("consents", consent("eve")))
    promised.setdefault(0, []).append(
        letter("eve", NIGHT, products=[("few", "open")] * 50, list_name="weekend")
    )
    for nights, letters in promised.items():
        publish(home.paths.lists, NIGHT + timedelta(days=nights), letters, list_name="weekend")
    let_others_promise(home.paths, 7.1)
    forget(home.paths, "forgotten")
    people = [person(n) | f.letter | {"customer_id": n} for n, f in zip(names, FAULTS, strict=True)]
    twice = person(
        "ann",
        products=[
            shown("last", probability=0.6),
            shown("few", 2, probability=0.5),
            shown("pot", 3),
        ],
    )
    home.tell("ann", Told("consents", consent("ann")))
    return home.check([*people, twice, twice], ["eve", "ann"], {"pot": 7}).of("fail"), names


@pytest.mark.parametrize("n", range(len(FAULTS)), ids=lambda n: f"{n}-{FAULTS[n].named[-24:]}")
def test_each_planted_fault_stops_the_line_and_is_named(broken, n):
    failed, names = broken
    [text] = [text for text in failed if FAULTS[n].named in text]
    assert f"customer_id={names[n]}" in text


@pytest.mark.parametrize(
    ("named", "row"),
    [
        ("to_be_unique(column=customer_id", "customer_id=ann"),
        ("to_be_unique(column=message_id", "customer_id=ann"),
        ("column=is_not_listed", "customer_id=ann"),
        ("column=difference", "who=all customers"),
        ("column=is_within_stock", "product_id=few"),
        ("column=is_within_stock", "product_id=last"),
        ("column=is_within_stock", "campaign_id=soon, product_id=(all)"),
        ("column=is_stock_told", "product_id=pot"),
    ],
)
def test_faults_of_the_list_as_a_whole_are_named(broken, named, row):
    failed, _ = broken
    assert any(row in text for text in failed if named in text)


def test_what_a_mail_server_took_counts_before_any_event_tells_it(home):
    late = NIGHT - timedelta(days=2)
    promised = letter("ann", late, message_id="late", list_name="weekend")
    publish(home.paths.lists, late, [promised], list_name="weekend")
    home.hand_over("ann", Handed(message_id="late", nights=-2))
    home.hand_over("bob", Handed(message_id="taken back since", nights=-1))
    home.hand_over("sol", Handed(State.BEGUN, message_id="nobody knows"))
    names = ("ann", "bob", "sol")
    for name in names:
        home.tell(name, Told("consents", consent(name)))
    [text] = home.check([person(name) for name in names]).of("fail")
    assert CAPPED in text
    assert all(f"customer_id={name}" in text for name in names)


def test_no_more_people_are_said_to_have_bought_today_than_did(home):
    """Paris begins its day at 23:00 UTC, London at midnight, which the night's build ended at."""
    today, earlier = (parse_instant(f"2026-03-09T{at}:30:00Z") for at in (23, 22))
    for n in range(5):
        home.tell(f"buyer {n}", Told("orders", order("mug", today)))
    home.tell("buyer 0", Told("orders", order("mug", today, line=2)))
    home.tell("yesterday's", Told("orders", order("mug", earlier)))
    home.tell("not yet known", Told("orders", order("mug", today, received_at=SINCE)))
    home.tell("sent it back", Told("orders", order("mug", today, kind="return")))
    home.tell(None, Told("orders", order("mug", today)))
    tomorrow = SEND_AT + timedelta(hours=20)
    said: dict[str, tuple[int, dict[str, Any]]] = {
        "ann": (5, {}),
        "bob": (6, {}),
        "eve": (1, {"timezone": "Europe/London"}),
        "sol": (5, {"send_at": tomorrow}),
        "zero": (0, {}),
    }
    people = [
        person(name, products=[shown("mug", bought_today_count=count)], **changed)
        for name, (count, changed) in said.items()
    ]
    [text] = [text for text in home.check(people).of("fail") if "column=is_bought_today" in text]
    assert [name for name in said if f"customer_id={name}" in text] == ["bob", "eve", "sol", "zero"]

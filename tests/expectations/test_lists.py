"""The suite of the staged lists: one in order, one of nobody, and what a shop is not asked for."""

from datetime import timedelta

import duckdb
import pytest

from email_lists.audience import arms
from email_lists.handover import harmless
from email_lists.mail.delivered import State
from expectations import list_rules, lists
from expectations.list_inputs import held_out
from tests.expectations.listed_home import (
    AS_OF,
    CUSTOMER,
    EARLY,
    EARLY_ACCESS,
    NEXT,
    NIGHT,
    OPEN,
    RUG,
    SINCE,
    SOON,
    SPARE,
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
    suppression,
)
from tests.published_letters import letter, publish
from vitrine.errors import NotPublishedError
from vitrine.list_policy import Holdout
from vitrine.settings import load_settings

LATE = {"received_at": SINCE}


def test_a_list_in_order_passes_however_near_it_comes_to_the_rules(home):
    home.tell(
        "ann",
        Told("consents", consent("ann")),
        Told("consents", consent("ann", consent_id="no", purpose="profiling", is_granted=False)),
        Told("email_events", mail("unsubscribed", EARLY - timedelta(days=1))),
        Told("email_events", mail("opened", YESTERDAY)),
        Told("customers", CUSTOMER | {"birth_year": 2007}),
        Told("orders", order("tea", AS_OF - timedelta(days=31))),
        Told("orders", order("rug", days(-9), kind="return")),
        # The night did not know what came since.
        Told("consents", consent("ann", consent_id="late", is_granted=False) | LATE),
        Told("suppressions", suppression() | LATE),
        Told("email_events", mail("complained", YESTERDAY) | LATE),
    )
    home.tell("bob", Told("consents", consent("bob")), Told("orders", order("cup", days(-9))))
    for n in range(9):  # Two of ten who bought cups did so again.
        for at in (days(-60), days(-40)) if n < 2 else (days(-40),):
            home.tell(f"buyer{n}", Told("orders", order("cup", at)))
    # Of what a server did not take nothing went, and this letter's own hand-over is no other's.
    home.hand_over("bob", Handed(State.DEFERRED))
    home.hand_over("bob", Handed(State.REFUSED))
    home.hand_over("bob", Handed(list_name="daily"))
    home.hand_over("sol", Handed(at=days(-8), nights=-8))
    home.tell("sol", Told("consents", consent("sol")))
    # Two letters in each week that this one falls into, and that which it is to replace.
    for n in (-7, -3, 3, 7):
        night = NIGHT + timedelta(days=n)
        letters = [letter("ann", night, strategy="win_back", list_name="weekend")]
        publish(home.paths.lists, night, letters, list_name="weekend")
    publish(home.paths.lists, NIGHT, [letter("ann", NIGHT, products=[("last", "open")] * 99)])
    others = [letter("eve", NIGHT, products=[("few", "open")] * 50, list_name="weekend")]
    publish(home.paths.lists, NIGHT, others, list_name="weekend")
    let_others_promise(home.paths, 6.9)
    cups = [shown("cup"), RUG, shown("mug", 3), shown("last", 4)]
    solas = [shown(f"s{n}", n, campaign_id="sola") for n in (1, 2, 3)]
    people = [
        person("ann", products=[shown("few", probability=0.5), RUG, shown("tea", 3)]),
        person("bob", products=cups, campaigns=[OPEN, SOON, NEXT], **EARLY_ACCESS),
        person("sol", country="ES", products=solas, campaigns=[SPARE]),
    ]
    report = home.check(people)
    assert report.of("fail") == []
    (text,) = report.of("warn")
    assert "column=product_count, min_value=7" in text


def test_a_list_of_nobody_stops_the_line(home):
    failed = home.check([]).of("fail")
    [text] = [text for text in failed if "lists.nobody" in text]
    assert not any("zero rows" in text for text in failed)
    assert "left_out=consent_withdrawn 1" in text
    assert "see that customers and consents are landed whole" in text


def asked(home):
    checks = home.checks([person("ann")])
    return {column for check in checks for rule in check.rules for column in rule.columns}


def test_a_shop_that_keeps_no_consents_is_asked_for_none(settings):
    of_consent = {rule.name for rule in list_rules.CONSENT}
    assert of_consent <= asked(Home(settings))
    keeps_none = load_settings(
        {
            "VITRINE_HOME": str(settings.home / "other"),
            "VITRINE_LANDING": str(settings.landing),
            "VITRINE_SOURCE": "online_retail",
        }
    )
    assert not of_consent & asked(Home(keeps_none))


def test_the_gate_draws_the_hold_out_that_lists_draw():
    ids, holdout = [f"U{n}" for n in range(2000)], Holdout(share=0.3, name="spring")
    drawn = [i for i, is_held in zip(ids, arms.held_out(ids, holdout), strict=True) if is_held]
    assert held_out(ids, holdout).to_pylist() == drawn


@pytest.mark.parametrize(
    "harm",
    [
        *("{{", "{%", "{#", "${", "#{", "<%", "<?", "[[", "*|", "%%"),
        *("\0", "\t", "\r", "\n", "\x7f", "\x85", "\u2028", "\u2029"),
        *("\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"),
    ],
    ids=ascii,
)
def test_the_gate_looks_for_what_the_stage_makes_harmless(harm):
    def is_harmful(name):
        asked = "select regexp_matches($name, $harmful)"
        return duckdb.execute(asked, {"name": name, "harmful": lists.HARMFUL}).fetchone() == (True,)

    assert is_harmful(f"a {harm} mug")
    assert not is_harmful(harmless.plain(f"a {harm} mug"))


def test_a_list_that_was_not_built_is_named(home):
    with pytest.raises(
        NotPublishedError, match="vitrine lists build --list daily --as-of 2026-03-10T03:30"
    ):
        lists.checks(home.installation, "daily", AS_OF)

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from email_lists.audience.eligibility import decisions
from email_lists.composition import compose, eligible, prepare
from email_lists.explanation import Listed, explain, explain_without_rules, listed
from email_lists.handover.staged import write
from email_lists.slates import slate
from email_lists.slates.candidates import Slot, look_up
from vitrine.errors import BadArgumentError
from vitrine.list_policy import Caps, Holdout, ListPolicy, SendTimes, Suppress
from vitrine.paths import Paths

NO_SCARCITY = pa.schema(
    {"campaign_id": pa.string(), "product_id": pa.string(), "scarcity": pa.float64()}
).empty_table()


@pytest.fixture(scope="module")
def paths(boutique, to_all, tmp_path_factory):
    """A home in which tonight's list is staged."""
    home = tmp_path_factory.mktemp("home")
    made = Paths(landing=home / "landing", home=home)
    composed = compose(boutique, to_all, "daily")
    write(made.staged_list("daily", boutique.as_of), composed, boutique.provenance)
    return made


def told(known, policy, customer, paths=None):
    found = listed(paths, "daily", known.as_of, customer) if paths else None
    return "\n".join(explain(known, policy, "daily", customer, found))


def test_who_is_written_to_is_told_every_rule_and_candidate(boutique, to_all, paths):
    text = told(boutique, to_all, "anna", paths)
    assert (
        "anna is written to by the list daily: a letter early_access\n  as the staged list" in text
    )
    assert "customer   loyal, FR, fr, Europe/Paris" in text
    assert "send time  2026-03-02 06:30 UTC, the usual time" in text
    assert "consent    given 2026-01-01" in text
    assert "control    not held out" in text
    assert "liked_by_many, score 1.0000" in text
    assert "similar_to_bought, " in text
    assert "loved" not in text, "that is not what early access is made of"
    assert "\nproducts\n  1. " in text


def test_no_hour_is_told_that_the_policy_does_not_look_at(boutique, to_all):
    opens = pa.Table.from_pylist(
        [
            {"customer_id": "anna", "opened_at": boutique.as_of - timedelta(days=day, hours=-15)}
            for day in (3, 4, 5)
        ],
        schema=boutique.who.opens.schema,
    )
    known = replace(boutique, who=replace(boutique.who, opens=opens))
    usual = to_all.model_copy(update={"send_times": SendTimes(is_personal=False)})
    assert ", opens at 19 o'clock;" in told(known, to_all, "anna")
    assert "06:30 UTC, the usual time; 3 opened" in told(known, usual, "anna")


def test_what_is_shown_is_marked(boutique, to_all, paths):
    shown = compose(boutique, to_all, "daily").products.to_pylist()
    names = {r["product_id"] for r in shown if r["customer_id"] == "anna"}
    marked = told(boutique, to_all, "anna", paths).count("  * ")
    # A product that several sources found is marked in each.
    assert marked >= len(names) == 7


def test_who_is_not_is_told_why_and_no_candidates(boutique, to_all, paths):
    text = told(boutique, to_all, "ida", paths)
    assert text.startswith("ida is not written to by the list daily: no_consent\n  as the staged")
    assert "consent    never given" in text
    assert "score   chance" not in text


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        (Suppress(customers=("anna",)), "suppressed by the policy, suppress.customers"),
        (Suppress(countries=("FR",)), "suppressed FR by the policy, suppress.countries"),
        (
            Suppress(minimum_age=90),
            "suppressed born in 1990, suppress.minimum_age 90 of the policy",
        ),
    ],
)
def test_what_the_policy_suppresses_is_told_with_its_rule(boutique, to_all, rules, line):
    place = boutique.who.customers.column_names.index("birth_year")
    years = pa.array([1990] * boutique.who.customers.num_rows, pa.int16())
    customers = boutique.who.customers.set_column(place, "birth_year", years)
    known = replace(boutique, who=replace(boutique.who, customers=customers))
    assert line in told(known, to_all.model_copy(update={"suppress": rules}), "anna").splitlines()
    assert "suppressed no" in told(known, to_all, "anna").splitlines()


def test_without_a_list_it_says_that_it_is_a_forecast(boutique, to_all):
    assert "no list of this night is built" in told(boutique, to_all, "anna")


def test_without_rules_it_tells_what_the_list_and_the_ledgers_say(boutique, paths):
    def read(customer):
        found = listed(paths, "daily", boutique.as_of, customer)
        return "\n".join(explain_without_rules(boutique, "daily", customer, found))

    text = read("anna")
    assert text.startswith("anna is written to by the list daily: a letter early_access at 2026")
    assert "consent    given 2026-01-01" in text
    assert "\nproducts\n  1. " in text
    assert read("ida").startswith("ida is not written to by the list daily: no_consent\n  as the")
    with pytest.raises(BadArgumentError, match="no customer 'nobody' was known"):
        read("nobody")


def test_a_list_that_says_otherwise_is_named(boutique, to_all, paths):
    nobody = to_all.model_copy(update={"holdout": Holdout(share=1)})
    text = told(boutique, nobody, "anna", paths)
    assert "hold_out\n  but the staged list says: is written to; rules or data have changed" in text


def test_who_was_left_out_at_the_hand_off_is_told_so(boutique, to_all):
    found = Listed("the published list", None, "duplicate_address", NO_SCARCITY)
    lines = list(explain(boutique, to_all, "daily", "anna", found))
    assert lines[0] == "anna is not written to by the list daily: duplicate_address"
    assert lines[1].startswith("  as the published list says; by the rules and what was known")
    assert "suppressed no" in lines
    found = replace(found, exclusion="suppressed_domain")
    lines = list(explain(boutique, to_all, "daily", "anna", found))
    assert "suppressed domain, found at the hand-off" in lines


def test_what_was_drawn_is_told_with_its_chance(boutique, to_all, paths):
    rows = compose(boutique, to_all, "daily").products.to_pylist()
    drawn = [row for row in rows if row["propensity"] < 1]
    assert drawn
    for row in drawn:
        said = f"    {row['name']} was drawn, with a chance of {row['propensity']:.0%}"
        assert said in told(boutique, to_all, row["customer_id"], paths).splitlines()


def test_letters_that_count_for_a_cap_are_told(boutique, paths):
    letters = pa.Table.from_pylist(
        [{"customer_id": "anna", "list": None, "send_at": boutique.as_of, "strategy": None}],
        schema=boutique.who.letters.schema,
    )
    known = replace(boutique, who=replace(boutique.who, letters=letters))
    policy = ListPolicy(holdout=Holdout(share=0), caps=Caps(per_day=1))
    text = told(known, policy, "anna")
    assert text.startswith("anna is not written to by the list daily: cap_per_day")
    assert "caps       letters: 1 a day, 7 a week" in text
    assert "2026-03-02: the shop's own" in text


def test_an_unknown_customer_is_a_bad_argument(boutique, to_all):
    with pytest.raises(BadArgumentError, match="no customer 'nobody' was known"):
        told(boutique, to_all, "nobody")


def test_what_stock_costs_is_the_lists(boutique, to_all):
    offer = {"campaign_id": "k1", "product_id": "p01", "stock_left": 1, "expected_units": 1.0}
    scarcity = pa.Table.from_pylist([offer | {"scarcity": 12.34}])
    found = Listed("the staged list", None, None, scarcity)
    assert "12.34  blue lamp (brand 1)" in "\n".join(
        explain(boutique, to_all, "daily", "dora", found)
    )


def test_candidates_are_worth_what_they_were_to_the_list(boutique, to_all):
    """Other markets sell other things; the list's values and neighbours come from all of them."""
    who, campaigns = boutique.who, boutique.campaigns
    ids, names = who.customers["customer_id"].to_pylist(), campaigns["campaign_id"].to_pylist()
    country = [["FR" if name < "dora" else "ES" for name in ids]]
    sold_in = [["ES" if name in ("k1", "k4") else "FR" for name in names]]
    customers = who.customers.set_column(1, "country", country)
    at = campaigns.column_names.index("country")
    dear = [
        row["price"] * (100 if row["campaign_id"] in ("k1", "k4") else 1)
        for row in boutique.supply.to_pylist()
    ]
    known = replace(
        boutique,
        who=replace(who, customers=customers),
        campaigns=campaigns.set_column(at, "country", sold_in),
        supply=boutique.supply.set_column(
            boutique.supply.column_names.index("price"), "price", [dear]
        ),
    )
    everybody = eligible(known, decisions(known.who, to_all, "daily"))
    made = prepare(known, everybody, to_all, "daily")
    n = everybody["customer_id"].to_pylist().index("ben")
    found = look_up(made.shelves, n, n + 1)
    chance_1C, gain_1C = slate.priced(found, made.shelves, made.rules, slice(n, n + 1))
    text = told(known, to_all, "ben")
    for slot in (Slot.SIMILAR, Slot.POPULAR):
        c = int(np.flatnonzero(found.slot_C == slot)[0])
        figures = f"{found.score_NC[0, c]:6.3f} {chance_1C[0, c]:8.4f} {gain_1C[0, c]:8.4f}"
        assert figures in text


def test_a_campaign_that_went_to_others_for_its_stock_is_told(boutique, to_all):
    composed = compose(boutique, to_all, "daily")
    [row] = [r for r in composed.people.to_pylist() if r["customer_id"] == "anna"]
    lost = row["campaigns"].pop(1)
    found = Listed("the staged list", row, None, composed.scarcity)
    said = f"  {lost['name']} would be 2., its stock went to others"
    assert said in explain(boutique, to_all, "daily", "anna", found)
    unscored = replace(boutique, scores=boutique.scores.slice(0, 0))
    told_without = "\n".join(explain(unscored, to_all, "daily", "anna", found))
    assert "went to others" not in told_without, "their order is not the list's"
    unlimited = replace(found, scarcity=composed.scarcity.slice(0, 0))
    for other in (unlimited, replace(found, row=row | {"campaigns": [*row["campaigns"], lost]})):
        assert "went to others" not in "\n".join(explain(boutique, to_all, "daily", "anna", other))

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from email_lists.audience.eligibility import decisions
from email_lists.composition import compose, eligible, prepare
from email_lists.people import SCHEMA
from email_lists.slates import campaign_places, slate
from email_lists.slates.similarity import of_words
from vitrine.interval import parse_instant
from vitrine.letters import LETTERS
from vitrine.list_policy import Holdout, ListPolicy, Override

LIST = "daily"
TOMORROW = parse_instant("2026-03-03T06:00:00Z")


@pytest.fixture(scope="module")
def composed(boutique, to_all):
    return compose(boutique, to_all, LIST)


def knowing(known, **who):
    """Change what is known of the customers."""
    return replace(known, who=replace(known.who, **who))


def turn(table):
    return table.take(list(range(table.num_rows))[::-1])


def test_listed_and_excluded_are_all_customers(boutique, composed):
    listed = composed.people["customer_id"].to_pylist()
    excluded = composed.exclusions["customer_id"].to_pylist()
    assert sorted(listed + excluded) == boutique.customers["customer_id"].to_pylist()
    assert excluded == ["ida"]
    assert composed.exclusions["exclusion"].to_pylist() == ["no_consent"]


def test_every_customer_is_shown_exactly_seven_distinct_products(composed):
    for person in composed.people.to_pylist():
        shown = [p["product_id"] for p in person["products"]]
        assert len(shown) == len(set(shown)) == slate.PRODUCTS_SHOWN, person["customer_id"]
        assert max(Counter(p["brand"] for p in person["products"]).values()) <= 2
        assert [p["position"] for p in person["products"]] == list(range(1, 8))


def test_no_closed_campaign_and_none_that_opens_too_late(boutique, composed):
    campaigns = {c["campaign_id"] for p in composed.people.to_pylist() for c in p["campaigns"]}
    assert campaigns == {"k1", "k2", "k3", "k4", "k6", "k7"}
    assert "k5" not in composed.products["campaign_id"].to_pylist()


@pytest.mark.parametrize(
    ("table", "column", "value", "campaign_count"),
    [("supply", "stock_left", 0, 0), ("campaigns", "opens_at", TOMORROW, 3)],
)
def test_nothing_on_sale_gives_letters_without_products(
    boutique, to_all, table, column, value, campaign_count
):
    rows = getattr(boutique, table)
    place, kind = rows.column_names.index(column), rows.schema.field(column).type
    values = pa.array([value] * rows.num_rows, kind)
    known = replace(boutique, **{table: rows.set_column(place, column, values)})
    people = compose(known, to_all, LIST).people.to_pylist()
    assert [len(p["products"]) for p in people] == [0] * 8
    shown = {p["customer_id"]: len(p["campaigns"]) for p in people}
    assert shown["anna"] == campaign_count


def test_no_sold_out_product(boutique, to_all):
    sold_out = ["p01", "p06"]
    stock = pc.if_else(
        pc.is_in(boutique.supply["product_id"], pa.array(sold_out)),
        0,
        boutique.supply["stock_left"],
    )
    supply = boutique.supply.set_column(3, "stock_left", stock)
    shown = (
        compose(replace(boutique, supply=supply), to_all, LIST).products["product_id"].to_pylist()
    )
    assert shown
    assert not set(sold_out) & set(shown)


def test_history_decides_the_slots(composed):
    slots = {
        p["customer_id"]: Counter(x["slot"] for x in p["products"])
        for p in composed.people.to_pylist()
    }
    assert slots["dora"] == {"popular": 7}
    assert slots["ben"]["together"] == 1, "p04 went with p01 in three baskets"
    assert (slots["anna"]["new"], slots["anna"]["together"]) == (1, 0), "she drew p04 first"
    assert slots["anna"]["similar"] == 3
    has_history = dict(
        zip(*(composed.people[c].to_pylist() for c in ("customer_id", "has_history")), strict=True)
    )
    assert has_history["anna"]
    assert not has_history["dora"]


def test_a_product_bought_three_days_ago_is_not_shown_and_one_of_old_may_be(boutique, composed):
    anna = [r for r in composed.products.to_pylist() if r["customer_id"] == "anna"]
    assert "p02" not in {row["product_id"] for row in anna}
    rows = composed.products.to_pylist()
    assert {row["cause_product_id"] for row in rows if row["slot"] == "together"} == {"p01"}


def test_campaigns_follow_the_scores_and_newcomers_see_the_popular_ones(composed):
    people = {p["customer_id"]: p for p in composed.people.to_pylist()}
    assert [c["campaign_id"] for c in people["anna"]["campaigns"]] == [
        "k1", "k2", "k3", "k4", "k6", "k7",
    ]  # fmt: skip
    assert {c["reason"] for c in people["gina"]["campaigns"]} == {"popular_in_cluster", "popular"}
    assert len(people["gina"]["campaigns"]) == 6 <= campaign_places.SHOWN


def test_what_is_cheaper_elsewhere_counts_for_both_campaigns(boutique, rows, to_all):
    """Two of p01 and p04 each were bought in three baskets; k2 has both too, and dearer."""
    both = rows("supply", ("k2", "p01", 99.0, 50), ("k2", "p04", 99.0, 50))
    of_k2 = pc.equal(boutique.supply["campaign_id"], "k2")
    supply = pa.concat_tables([boutique.supply.filter(pc.invert(of_k2)), both])
    people = compose(replace(boutique, supply=supply), to_all, LIST).people.to_pylist()
    [gina] = [person for person in people if person["customer_id"] == "gina"]
    first = [(c["campaign_id"], c["reason"]) for c in gina["campaigns"][:3]]
    assert first == [
        ("k2", "popular_in_cluster"),
        ("k1", "popular_in_cluster"),
        ("k4", "popular_in_cluster"),
    ]


def test_each_row_carries_the_consent_that_allows_it(boutique, composed):
    ledger = {r["consent_id"]: r for r in boutique.who.consents.to_pylist()}
    for person in composed.people.to_pylist():
        consent = ledger[person["consent_id"]]
        assert consent["customer_id"] == person["customer_id"]
        assert consent["is_granted"]


def test_a_shop_without_a_ledger_lists_everyone(boutique, to_all):
    people = compose(knowing(boutique, consents=None), to_all, LIST).people
    assert people["customer_id"].to_pylist() == boutique.customers["customer_id"].to_pylist()
    assert people["consent_id"].null_count == people.num_rows


def test_the_long_form_agrees_with_the_nested_one(composed):
    nested = [
        (p["customer_id"], x["position"], x["product_id"], x["campaign_id"], x["price"])
        for p in composed.people.to_pylist()
        for x in p["products"]
    ]
    columns = ("customer_id", "position", "product_id", "campaign_id", "price")
    assert nested == [tuple(r[c] for c in columns) for r in composed.products.to_pylist()]


def test_the_same_knowledge_gives_the_same_list_in_whatever_order_it_comes(
    boutique, composed, to_all
):
    turned = {
        name: turn(getattr(boutique, name))
        for name in ("campaigns", "supply", "products", "sales", "scores")
    }
    who = {name: turn(getattr(boutique.who, name)) for name in ("customers", "consents")}
    again = compose(replace(knowing(boutique, **who), **turned), to_all, LIST)
    assert again.people.equals(composed.people)
    assert again.products.equals(composed.products)


def test_batches_change_no_result(boutique, composed, to_all, monkeypatch):
    monkeypatch.setattr(slate, "BATCH", 3)
    again = compose(boutique, to_all, LIST)
    assert again.people.equals(composed.people)
    assert again.products.equals(composed.products)


def test_nobody_eligible_gives_an_empty_list(boutique, to_all):
    nothing = boutique.who.consents.slice(0, 0)
    nobody = compose(knowing(boutique, consents=nothing), to_all, LIST)
    assert nobody.people.num_rows == nobody.products.num_rows == 0
    assert nobody.exclusions.num_rows == 9


def test_the_rows_are_what_is_promised(composed):
    assert composed.people.schema == SCHEMA
    names = {"list", "night"}
    assert names | set(SCHEMA.names) >= {c.name for c in LETTERS.columns}


def test_a_shop_that_sells_nothing_writes_letters_without_products(boutique, to_all):
    nothing = replace(boutique, supply=boutique.supply.slice(0, 0))
    people = compose(nothing, to_all, LIST).people.to_pylist()
    assert len(people) == 8
    assert all(p["products"] == p["campaigns"] == [] for p in people)


def decided(action, **of):
    return Override(action=action, because="x", decided_by="ada", reviewed_by="bo", **of)


@pytest.mark.parametrize(
    "ban", [{"product": "p04"}, {"campaign": "k4"}, {"brand": "brand 0"}], ids=str
)
def test_what_is_banned_is_shown_to_nobody(boutique, ban):
    policy = ListPolicy(holdout=Holdout(share=0), overrides=(decided("ban", **ban),))
    for person in compose(boutique, policy, LIST).people.to_pylist():
        for shown in (*person["products"], *person["campaigns"]):
            assert shown["campaign_id"] != ban.get("campaign")
            assert shown["brand"] != ban.get("brand")
            assert shown.get("product_id") != ban.get("product") or "product" not in ban


@pytest.mark.parametrize("ban", [{"product": "p01"}, {"brand": "brand 1"}], ids=str)
def test_what_is_banned_is_named_to_nobody(boutique, ban):
    def named(*overrides):
        policy = ListPolicy(holdout=Holdout(share=0), overrides=overrides)
        return {
            shown["cause_product_id"]
            for person in compose(boutique, policy, LIST).people.to_pylist()
            for shown in person["products"]
        }

    assert "p01" in named()
    assert "p01" not in named(decided("ban", **ban))


def test_what_is_pinned_goes_first(boutique):
    pins = (decided("pin", product="p13"), decided("pin", campaign="k7"))
    policy = ListPolicy(holdout=Holdout(share=0), overrides=pins)
    for person in compose(boutique, policy, LIST).people.to_pylist():
        first = person["products"][0]
        assert first["slot"] == first["reason"] == "pinned"
        assert "p13" in {p["product_id"] for p in person["products"]}
        assert (person["campaigns"][0]["campaign_id"], person["campaigns"][0]["reason"]) == (
            "k7",
            "pinned",
        )


def test_a_pin_after_a_hundred_others_still_goes_first(boutique, rows):
    """Variants of one mug fill one place, whatever their number."""
    names = [*["mug"] * 102, "lamp", "scarf", *(f"other {n}" for n in range(9))]
    ids = [f"p{n:03}" for n in range(len(names))]
    products = rows(
        "products", *((p, n, "own", "home", "x") for p, n in zip(ids, names, strict=True))
    )
    known = replace(
        boutique,
        products=products,
        supply=rows("supply", *(("k1", product, 5.0, 50) for product in ids)),
        vectors=of_words(products),
    )
    pins = tuple(decided("pin", product=product) for product in ids[:104])
    policy = ListPolicy(holdout=Holdout(share=0), overrides=pins)
    for person in compose(known, policy, LIST).people.to_pylist():
        first = [(p["slot"], p["name"]) for p in person["products"][:3]]
        assert first == [("pinned", "mug"), ("pinned", "lamp"), ("pinned", "scarf")]


def test_an_override_that_ended_changes_nothing(boutique, composed):
    over = decided("ban", brand="brand 1").model_copy(update={"until": boutique.as_of.date()})
    past = over.model_copy(update={"until": over.until.replace(day=1)})
    for until, is_banned in ((over, True), (past, False)):
        policy = ListPolicy(holdout=Holdout(share=0), overrides=(until,))
        people = compose(boutique, policy, LIST).people
        assert people.equals(composed.people) is not is_banned


def test_early_access_begins_with_what_opens_within_a_day(boutique, to_all):
    tomorrow = boutique.as_of.replace(hour=20)
    opens = pc.if_else(
        pc.equal(boutique.campaigns["campaign_id"], "k3"), tomorrow, boutique.campaigns["opens_at"]
    )
    campaigns = boutique.campaigns.set_column(
        5, "opens_at", opens.cast(SCHEMA.field("send_at").type)
    )
    people = compose(replace(boutique, campaigns=campaigns), to_all, LIST).people.to_pylist()
    shown = {p["customer_id"]: p for p in people}
    first = shown["anna"]["campaigns"][0]
    assert (first["campaign_id"], first["reason"]) == ("k3", "early_access")
    assert "k3" not in {p["campaign_id"] for p in shown["anna"]["products"]}, "not on sale yet"
    assert shown["dora"]["strategy"] == "popular"
    assert "k3" not in {c["campaign_id"] for c in shown["dora"]["campaigns"]}


def test_few_pieces_are_not_promised_to_many(boutique, to_all):
    one = pc.fill_null(pa.nulls(boutique.supply.num_rows, pa.int64()), 1)
    scarce = compose(replace(boutique, supply=boutique.supply.set_column(3, "stock_left", one)),
                     to_all.model_copy(update={"allocation": to_all.allocation.model_copy(
                         update={"stock_factor": 0.005})}), LIST)  # fmt: skip
    rows = scarce.scarcity.to_pylist()
    assert all(r["expected_units"] <= 0.005 * r["stock_left"] for r in rows)
    assert any(r["expected_units"] > 0 for r in rows)
    expected: Counter[str] = Counter()
    for row in scarce.products.to_pylist():
        expected[row["product_id"]] += row["probability"]
    assert {
        r["product_id"]: pytest.approx(r["expected_units"])
        for r in rows
        if r["expected_units"] and r["product_id"]
    } == expected
    of_campaign: Counter[str] = Counter()
    for row in rows:
        of_campaign[row["campaign_id"]] += row["expected_units"]
    left = {r["campaign_id"]: r["stock_left"] for r in rows if not r["product_id"]}
    assert all(units <= 0.005 * left[k] + 1e-12 for k, units in of_campaign.items())


def test_only_what_was_drawn_has_a_propensity_below_one(composed):
    for row in composed.products.to_pylist():
        assert 0 < row["propensity"] <= 1
        assert row["slot"] == "new" or row["propensity"] == 1


def test_each_night_and_each_list_draws_anew(boutique, to_all):
    customers = eligible(boutique, decisions(boutique.who, to_all, LIST))

    def drawn(nights, list_name):
        known = replace(boutique, as_of=boutique.as_of + timedelta(days=nights))
        return prepare(known, customers, to_all, list_name).rules.draw_N

    tonight = drawn(0, LIST)
    assert (drawn(0, LIST) == tonight).all()
    assert (drawn(1, LIST) != tonight).all()
    assert (drawn(0, "weekend") != tonight).all()


ZONES = ("Europe/Paris", "Europe/London", "America/Los_Angeles")
BEFORE_LONDON, AFTER = (parse_instant(f"2026-03-0{at}:30:00Z") for at in ("1T23", "2T00"))
"""Paris has midnight at 23:00 UTC, London at 00:00; in Los Angeles it is still yesterday."""


def test_who_bought_today_is_counted_by_the_clock_that_the_letter_is_read_by(
    boutique, rows, to_all
):
    zones = [ZONES[n % 3] for n in range(boutique.customers.num_rows)]
    place = boutique.customers.column_names.index("timezone")
    customers = boutique.customers.set_column(place, "timezone", [zones])
    bought = [("p09", at, n) for n in range(6) for at in (BEFORE_LONDON, AFTER)]
    bought += [("p09", BEFORE_LONDON, n) for n in range(6, 8)]
    bought += [("p13", BEFORE_LONDON, n) for n in range(5)]
    bought += [("p13", AFTER, n) for n in range(4, 7)]
    lines = (
        (f"today{n}", f"buyer{buyer}", "female:25-34:FR", product, 1, at)
        for n, (product, at, buyer) in enumerate(bought)
    )
    sales = pa.concat_tables([boutique.sales, rows("sales", *lines)])
    known = replace(knowing(boutique, customers=customers), sales=sales)
    counted = {
        (shown["product_id"], person["timezone"].split("/")[1], shown["bought_today_count"])
        for person in compose(known, to_all, LIST).people.to_pylist()
        for shown in person["products"]
    }
    assert {row for row in counted if row[0] in ("p09", "p13")} == {
        ("p09", "Paris", 8),
        ("p09", "London", 6),
        ("p09", "Los_Angeles", None),
        ("p13", "Paris", 7),
        # Three people bought it since London's midnight: too few to be told.
        ("p13", "London", None),
        ("p13", "Los_Angeles", None),
    }
    assert {count for product, _, count in counted if product not in ("p09", "p13")} == {None}

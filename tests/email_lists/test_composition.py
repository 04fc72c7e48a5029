from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from email_lists.composition import CAMPAIGNS_SHOWN, PRODUCTS_SHOWN, compose


@pytest.fixture(scope="module")
def composed(boutique):
    return compose(boutique)


def test_listed_and_excluded_are_all_customers(boutique, composed):
    listed = composed.people["customer_id"].to_pylist()
    excluded = composed.exclusions["customer_id"].to_pylist()
    assert sorted(listed + excluded) == boutique.customers["customer_id"].to_pylist()
    assert excluded == ["ida"]
    assert composed.exclusions["exclusion"].to_pylist() == ["no_consent"]


def test_every_customer_is_shown_exactly_seven_distinct_products(composed):
    for person in composed.people.to_pylist():
        shown = [p["product_id"] for p in person["products"]]
        assert len(shown) == len(set(shown)) == PRODUCTS_SHOWN, person["customer_id"]
        assert max(Counter(p["brand"] for p in person["products"]).values()) <= 2
        assert [p["position"] for p in person["products"]] == list(range(1, 8))


def test_no_closed_campaign_and_none_that_opens_too_late(boutique, composed):
    campaigns = {c["campaign_id"] for p in composed.people.to_pylist() for c in p["campaigns"]}
    assert campaigns == {"k1", "k2", "k3", "k4", "k6", "k7"}
    assert "k5" not in composed.products["campaign_id"].to_pylist()


def test_no_sold_out_product(boutique):
    sold_out = ["p01", "p06"]
    stock = pc.if_else(
        pc.is_in(boutique.supply["product_id"], pa.array(sold_out)),
        0,
        boutique.supply["stock_left"],
    )
    supply = boutique.supply.set_column(3, "stock_left", stock)
    shown = compose(replace(boutique, supply=supply)).products["product_id"].to_pylist()
    assert shown
    assert not set(sold_out) & set(shown)


def test_history_decides_the_slots(composed):
    slots = {
        p["customer_id"]: Counter(x["slot"] for x in p["products"])
        for p in composed.people.to_pylist()
    }
    assert slots["dora"] == {"popular": 7}
    assert slots["anna"]["together"] == 1, "p04 went with p01 in three baskets"
    assert slots["anna"]["similar"] == 3
    has_history = dict(
        zip(*(composed.people[c].to_pylist() for c in ("customer_id", "has_history")), strict=True)
    )
    assert has_history["anna"]
    assert not has_history["dora"]


def test_a_product_bought_three_days_ago_is_not_shown_and_one_of_old_may_be(boutique, composed):
    anna = [r for r in composed.products.to_pylist() if r["customer_id"] == "anna"]
    assert "p02" not in {row["product_id"] for row in anna}
    assert {row["cause_product_id"] for row in anna if row["slot"] == "together"} == {"p01"}


def test_campaigns_follow_the_scores_and_newcomers_see_the_popular_ones(composed):
    people = {p["customer_id"]: p for p in composed.people.to_pylist()}
    assert [c["campaign_id"] for c in people["anna"]["campaigns"]] == [
        "k1", "k2", "k3", "k4", "k6", "k7",
    ]  # fmt: skip
    assert {c["reason"] for c in people["gina"]["campaigns"]} == {"popular_in_cluster"}
    assert len(people["gina"]["campaigns"]) == 6 <= CAMPAIGNS_SHOWN


def test_each_row_carries_the_consent_that_allows_it(boutique, composed):
    ledger = {r["consent_id"]: r for r in boutique.consents.to_pylist()}
    for person in composed.people.to_pylist():
        consent = ledger[person["consent_id"]]
        assert consent["customer_id"] == person["customer_id"]
        assert consent["is_granted"]


def test_a_shop_without_a_ledger_lists_everyone(boutique):
    people = compose(replace(boutique, consents=None)).people
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


def test_the_same_knowledge_gives_the_same_list_in_whatever_order_it_comes(boutique, composed):
    turned = {
        name: getattr(boutique, name).take(list(range(getattr(boutique, name).num_rows))[::-1])
        for name in ("customers", "consents", "campaigns", "supply", "products", "sales", "scores")
    }
    again = compose(replace(boutique, **turned))
    assert again.people.equals(composed.people)
    assert again.products.equals(composed.products)


def test_batches_change_no_result(boutique, composed, monkeypatch):
    monkeypatch.setattr("email_lists.composition.BATCH", 3)
    again = compose(boutique)
    assert again.people.equals(composed.people)
    assert again.products.equals(composed.products)


def test_nobody_eligible_gives_an_empty_list(boutique):
    nobody = compose(replace(boutique, consents=boutique.consents.slice(0, 0)))
    assert nobody.people.num_rows == nobody.products.num_rows == 0
    assert nobody.exclusions.num_rows == 9

from datetime import timedelta

import pytest

from email_lists.sales import LARGEST_BASKET, PAIRS_KEPT, co_purchases, units_sold


@pytest.fixture
def sold(rows, as_of):
    """Make sale lines: (order, product, units, days ago, cluster)."""

    def make(*lines):
        made = rows(
            "sales",
            *(
                (order, "c", cluster, product, units, as_of - timedelta(days=days))
                for order, product, units, days, cluster in lines
            ),
        )
        return made.append_column("item", made["product_id"])

    return make


def test_units_are_summed_by_cluster_over_28_days(sold, as_of):
    lines = sold(
        ("o1", "p", 2, 1, "f"),
        ("o2", "p", 3, 28, "f"),
        ("o3", "p", 9, 29, "f"),
        ("o4", "p", 1, 1, "m"),
    )
    assert units_sold(lines, as_of).to_pylist() == [
        {"demographic_cluster": "f", "product_id": "p", "unit_count": 5},
        {"demographic_cluster": "m", "product_id": "p", "unit_count": 1},
    ]


def test_confidence_and_lift_are_those_of_the_text_book(sold, as_of):
    # a and b meet in 2 of 5 orders; a is in 2, b in 3: confidence 1 and 2/3, lift 5/3 both ways.
    baskets = {"o1": "ab", "o2": "ab", "o3": "b", "o4": "c", "o5": "c"}
    lines = sold(*((o, p, 1, 5, "f") for o, products in baskets.items() for p in products))
    found = co_purchases(lines, as_of).to_pylist()
    assert [(r["item"], r["other_item"], r["basket_count"]) for r in found] == [
        ("a", "b", 2),
        ("b", "a", 2),
    ]
    assert [r["confidence_ratio"] for r in found] == pytest.approx([1, 2 / 3])
    assert [r["lift_ratio"] for r in found] == pytest.approx([5 / 3, 5 / 3])


def test_a_pair_that_met_once_and_orders_of_long_ago_do_not_count(sold, as_of):
    lines = sold(
        ("o1", "a", 1, 5, "f"),
        ("o1", "b", 1, 5, "f"),
        ("o2", "a", 1, 91, "f"),
        ("o2", "b", 1, 91, "f"),
    )
    assert co_purchases(lines, as_of).num_rows == 0


def test_two_lines_of_one_product_are_one_meeting(sold, as_of):
    lines = [("o1", p, 1, 5, "f") for p in "aab"] + [("o2", "c", 1, 5, "f")] * 2
    assert co_purchases(sold(*lines), as_of).num_rows == 0


def test_a_pair_that_meets_as_often_as_chance_has_it_does_not_count(sold, as_of):
    baskets = {"o1": "ab", "o2": "ab", "o3": "a", "o4": "b"}
    lines = sold(*((o, p, 1, 5, "f") for o, products in baskets.items() for p in products))
    assert co_purchases(lines, as_of).num_rows == 0


@pytest.mark.parametrize(("extra", "pair_count"), [(0, 2), (1, 0)])
def test_a_wholesalers_order_pairs_nothing(sold, as_of, extra, pair_count):
    filling = [f"p{n}" for n in range(LARGEST_BASKET - 2 + extra)]
    large = [(o, p, 1, 5, "f") for o in ("o1", "o2") for p in ("a", "b", *filling)]
    found = co_purchases(sold(*large, ("o3", "c", 1, 5, "f")), as_of).to_pylist()
    assert len([r for r in found if {r["item"], r["other_item"]} == {"a", "b"}]) == (pair_count)


def test_each_product_keeps_its_most_frequent_partners(sold, as_of):
    # p meets partner n in n + 2 orders; q is only there so that lift exceeds 1.
    lines = [
        (f"o{n}-{i}", product, 1, 5, "f")
        for n in range(PAIRS_KEPT + 5)
        for i in range(n + 2)
        for product in ("p", f"partner{n:02}")
    ]
    lines += [(f"q{i}", "q", 1, 5, "f") for i in range(9)]
    found = co_purchases(sold(*lines), as_of).to_pylist()
    partners = [row["other_item"] for row in found if row["item"] == "p"]
    assert partners == [f"partner{n:02}" for n in range(5, PAIRS_KEPT + 5)]

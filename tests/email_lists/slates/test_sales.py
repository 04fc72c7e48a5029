from datetime import timedelta

import pyarrow as pa
import pytest

from email_lists.slates.sales import (
    LARGEST_BASKET,
    PAIRS_KEPT,
    bought_today,
    co_purchases,
    repeated,
    units_sold,
)
from vitrine.contracts import INSTANT


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
    # a and b meet in 3 of 8 orders; a is in 3, b in 4: confidence 1 and 3/4, lift 2 both ways.
    baskets = {"o1": "ab", "o2": "ab", "o3": "ab", "o4": "b"} | {f"o{n}": "c" for n in range(5, 9)}
    lines = sold(*((o, p, 1, 5, "f") for o, products in baskets.items() for p in products))
    found = co_purchases(lines, as_of).to_pylist()
    assert [(r["item"], r["other_item"], r["basket_count"]) for r in found] == [
        ("a", "b", 3),
        ("b", "a", 3),
    ]
    assert [r["item_basket_count"] for r in found] == [3, 4]
    assert [r["confidence_ratio"] for r in found] == pytest.approx([1, 3 / 4])
    assert [r["lift_ratio"] for r in found] == pytest.approx([2, 2])


@pytest.mark.parametrize(("days", "is_pair"), [(90, True), (91, False)])
def test_a_pair_that_met_twice_and_orders_of_long_ago_do_not_count(sold, as_of, days, is_pair):
    met = [(f"o{n}", p, 1, 5, "f") for n in range(2) for p in "ab"]
    lines = sold(*met, *(("o2", p, 1, days, "f") for p in "ab"), ("o3", "c", 1, 5, "f"))
    assert (co_purchases(lines, as_of).num_rows > 0) is is_pair


def test_only_partners_that_are_wanted_are_kept(sold, as_of):
    lines = [(f"o{n}", p, 1, 5, "f") for n in range(3) for p in "abd"] + [("q", "c", 1, 5, "f")]
    found = co_purchases(sold(*lines), as_of, 1, pa.table({"item": ["d"]})).to_pylist()
    assert [(r["item"], r["other_item"]) for r in found] == [("a", "d"), ("b", "d")]
    nothing = pa.table({"item": pa.array([], pa.string())})
    assert co_purchases(sold(*lines), as_of, wanted=nothing).num_rows == 0


@pytest.mark.parametrize(
    ("buyers", "again", "is_repeated"), [(10, 2, True), (10, 1, False), (9, 9, False)]
)
def test_what_a_fifth_of_ten_buyers_bought_on_another_day_is_bought_again(
    sold, as_of, buyers, again, is_repeated
):
    lines = [(f"o{n}", "p", 1, 9, "f") for n in range(buyers)]
    lines += [(f"r{n}", "p", 1, 5, "f") for n in range(again)]
    table = sold(*lines)
    people = pa.array([f"c{line[0][1:]}" for line in lines])
    assert repeated(table.set_column(1, "customer_id", people)) == (["p"] if is_repeated else [])


@pytest.mark.parametrize(("buyers", "is_told"), [(5, True), (4, False)])
def test_buyers_of_today_are_counted_from_the_local_midnight(sold, as_of, buyers, is_told):
    lines = sold(*((f"o{n}", "p", 1, 1 / 24, "f") for n in range(buyers)), ("x", "p", 1, 0.2, "f"))
    ids = pa.array([f"c{n}" for n in range(lines.num_rows)])
    known = lines.set_column(1, "customer_id", ids)
    guests = lines.set_column(1, "customer_id", pa.nulls(lines.num_rows, pa.string()))
    # At half past three in UTC the day is three hours and a half old there, and none in New York.
    midnights = pa.table(
        {
            "timezone": ["UTC", "Etc/GMT+3"],
            "midnight": pa.array(
                [as_of - timedelta(hours=3.5), as_of - timedelta(hours=0.5)], INSTANT
            ),
        }
    )
    told = [{"timezone": "UTC", "product_id": "p", "buyer_count": 5}]
    assert bought_today(known, midnights, as_of).to_pylist() == (told if is_told else [])
    assert bought_today(guests, midnights, as_of).num_rows == 0, "they may be one person"


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
    large = [(o, p, 1, 5, "f") for o in ("o1", "o2", "o4") for p in ("a", "b", *filling)]
    found = co_purchases(sold(*large, ("o3", "c", 1, 5, "f")), as_of).to_pylist()
    assert len([r for r in found if {r["item"], r["other_item"]} == {"a", "b"}]) == (pair_count)


def test_each_product_keeps_its_most_frequent_partners(sold, as_of):
    # p meets partner n in n + 3 orders; q is only there so that lift exceeds 1.
    lines = [
        (f"o{n}-{i}", product, 1, 5, "f")
        for n in range(PAIRS_KEPT + 5)
        for i in range(n + 3)
        for product in ("p", f"partner{n:02}")
    ]
    lines += [(f"q{i}", "q", 1, 5, "f") for i in range(9)]
    found = co_purchases(sold(*lines), as_of).to_pylist()
    partners = [row["other_item"] for row in found if row["item"] == "p"]
    assert partners == [f"partner{n:02}" for n in range(5, PAIRS_KEPT + 5)]

from datetime import timedelta

import pyarrow as pa
import pytest

from email_lists import candidates
from email_lists.similarity import of_words


@pytest.fixture
def history(rows, as_of):
    """Anna bought p1 ten days ago and p2 forty days ago."""
    lines = [("o1", "anna", "f", "p1", 1, 10), ("o2", "anna", "f", "p2", 1, 40)]
    lines += [("o3", "anna", "f", "p2", 1, 60)]
    return candidates.purchase_history(
        rows("sales", *((*line[:5], as_of - timedelta(days=line[5])) for line in lines))
    )


@pytest.fixture
def products(rows):
    return rows(
        "products",
        ("p1", "red mug", "kiln", "home", "mugs"),
        ("p2", "blue lamp", "lux", "home", "lamps"),
        ("p3", "red mug tall", "kiln", "home", "mugs"),
        ("p4", "wool scarf", "knit", "fashion", "scarves"),
        ("p5", "green gate", "forge", "home", "gates"),
        ("p6", "thing", "acme", "unknown", "unknown"),
    )


@pytest.fixture
def people():
    """Anna, who bought, and ben, who did not."""
    return pa.table(
        {
            "customer_id": ["anna", "ben"],
            "market": pa.array([1, 1], pa.int64()),
            "demographic_cluster": ["f", "m"],
        }
    )


@pytest.fixture
def popular():
    ids = ["p1", "p5", "p3", "p4", "p6"]
    brands = ["kiln", "forge", "kiln", "knit", "acme"]
    sectors = ["home", "home", "home", "fashion", "unknown"]
    kinds = ["mugs", "gates", "mugs", "scarves", "unknown"]
    both = [
        pa.table(
            {
                "market": pa.array([1] * 5, pa.int64()),
                "demographic_cluster": [cluster] * 5,
                "product_id": ids,
                "brand": brands,
                "sector": sectors,
                "sub_sector": kinds,
                "kind_rank": [1, 1, 2, 1, 1],
                "cluster_unit_count": [sold] * 5,
                "popular_rank": [1, 2, 3, 4, 5],
            }
        )
        for cluster, sold in (("f", 3), ("m", 0))
    ]
    return pa.concat_tables(both)


def offers(*products):
    return pa.table(
        {
            "market": pa.array([1] * len(products), pa.int64()),
            "campaign_id": [f"k-{p}" for p in products],
            "product_id": products,
            "price": [9.0] * len(products),
            "stock_left": [5] * len(products),
        }
    )


def pairs(table):
    return [(r["customer_id"], r["product_id"]) for r in table.to_pylist()]


def test_history_counts_each_product_once_the_newest_first(history):
    assert [(r["product_id"], r["recency_rank"]) for r in history.to_pylist()] == [
        ("p1", 1),
        ("p2", 2),
    ]


def test_similar_products_name_the_purchase_they_are_like(people, history, products):
    found = candidates.similar(people, history, offers("p3", "p4"), of_words(products))
    assert set(pairs(found)) == {("anna", "p3")}
    best = max(found.to_pylist(), key=lambda row: row["score"])
    assert best["cause_product_id"] == "p1"


def test_together_are_the_partners_of_what_was_bought(people, history):
    pair = {"item": "p1", "confidence_ratio": 0.5}
    known = [pair | {"other_item": "p3"}, pair | {"item": "p9", "other_item": "p6"}]
    found = candidates.together(people, history, pa.Table.from_pylist(known))
    assert pairs(found) == [("anna", "p3")]
    assert found["score"].to_pylist() == [0.5]
    assert found["cause_product_id"].to_pylist() == ["p1"]


def test_kinds_that_go_together_offer_their_popular_products(people, history, popular, products):
    kinds = [{"item": "lamps", "other_item": "mugs", "confidence_ratio": 0.5}]
    found = candidates.together_by_kind(
        people, history, pa.Table.from_pylist(kinds), popular, products
    )
    scores = dict(zip(pairs(found), found["score"].to_pylist(), strict=True))
    # Every pair of products scores above 0.
    assert scores == {("anna", "p1"): -0.5, ("anna", "p3"): -0.75}
    assert set(found["cause_product_id"].to_pylist()) == {"p2"}


def test_somewhere_new_is_a_sector_then_a_brand_never_bought(people, history, popular, products):
    found = candidates.somewhere_new(people, history, popular, products).to_pylist()
    best = max(found, key=lambda row: row["score"])
    assert (best["customer_id"], best["product_id"], best["reason"]) == ("anna", "p4", "new_sector")
    by_brand = {row["product_id"] for row in found if row["reason"] == "new_brand"}
    # Anna knows kiln and lux; an unknown sector is no department.
    assert by_brand == {"p4", "p5", "p6"}
    assert [r["product_id"] for r in found if r["reason"] == "new_sector"] == ["p4"]


def test_popular_products_say_whose_they_are(people, history, popular, as_of):
    found = candidates.well_liked(people, history, popular, as_of).to_pylist()
    assert {(r["customer_id"], r["reason"]) for r in found} == {
        ("anna", "popular_in_cluster"),
        ("ben", "popular"),
    }


def test_whoever_bought_much_lately_looks_further_down(people, popular, as_of, rows):
    deep = pa.concat_tables(
        popular.slice(0, 1)
        .set_column(popular.column_names.index("popular_rank"), "popular_rank", [[rank]])
        .set_column(popular.column_names.index("product_id"), "product_id", [[f"p{rank:03}"]])
        for rank in range(1, candidates.DEPTH + 10)
    )
    lines = [
        ("o", "anna", "f", f"p{n:03}", 1, as_of - timedelta(days=days))
        for n, days in ((1, 1), (2, 29), (3, 31))
    ]
    history = candidates.purchase_history(rows("sales", *lines))
    found = candidates.well_liked(people, history, deep, as_of)
    assert found.num_rows == candidates.DEPTH + 2


def test_what_was_bought_within_thirty_days_is_left_out(people, history, popular, products, as_of):
    found = candidates.well_liked(people, history, popular, as_of)
    kept = candidates.on_offer(found, people, history, offers("p1", "p2", "p5"), products, as_of)
    assert pairs(kept) == [("anna", "p5"), ("ben", "p1"), ("ben", "p5")]
    on_the_edge = as_of + timedelta(days=20)
    assert ("anna", "p1") not in pairs(
        candidates.on_offer(found, people, history, offers("p1"), products, on_the_edge)
    )
    assert ("anna", "p1") in pairs(
        candidates.on_offer(
            found, people, history, offers("p1"), products, on_the_edge + timedelta(seconds=1)
        )
    )


def test_a_product_found_twice_counts_for_its_best_purchase(people, history, products, as_of):
    pair = {"other_item": "p5"}
    known = [
        pair | {"item": "p1", "confidence_ratio": 0.2},
        pair | {"item": "p2", "confidence_ratio": 0.4},
    ]
    found = candidates.together(people, history, pa.Table.from_pylist(known))
    [row] = candidates.on_offer(found, people, history, offers("p5"), products, as_of).to_pylist()
    assert (row["cause_product_id"], row["score"], row["campaign_id"]) == ("p2", 0.4, "k-p5")
    assert (row["brand"], row["stock_left"]) == ("forge", 5)

"""`benchmarks.slate_recall` counts what was bought of slates, and of what could stand there."""

import pyarrow as pa
import pytest

from benchmarks.slate_recall import (
    ALL,
    ALLOWED,
    CHAMPION,
    CLUSTER,
    FRESH,
    POPULAR,
    RESTED,
    SLATE,
    TO_ALL,
    judged,
)
from email_lists.composition import compose

RANKING = pa.schema({"customer_id": pa.string(), "product_id": pa.string(), "rank": pa.int32()})


def _rows(names, *rows):
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def _bought(*rows):
    return _rows(("customer_id", "product_id"), *rows)


def _of(found, reading, way, customer="anna"):
    rows = found.rows[(found.rows["reading"] == reading) & (found.rows["way"] == way)]
    (row,) = rows[rows["customer_id"] == customer].to_dict("records")
    return row


@pytest.fixture(scope="module")
def shown(boutique):
    """What anna's slate shows, in the order of the page; among it is p01, bought 40 days ago."""
    rows = compose(boutique, TO_ALL, "daily").products.to_pandas()
    return rows.loc[rows["customer_id"] == "anna", "product_id"].to_list()


@pytest.fixture(scope="module")
def found(boutique, shown):
    """Anna bought p02 three days ago; ida gets no letter, dora has no history, p99 is not known."""
    last = shown[-1]
    bought = [("anna", product) for product in (last, "p01", "p02", "p99")]
    bought += [("ben", "p99"), ("dora", last), ("ida", last)]
    ranked = [("anna", "p02", 1), ("anna", "p99", 2), ("anna", "p01", 3), ("anna", last, 4)]
    champion = _rows(RANKING.names, *ranked, ("ben", "p01", 1), ("zoe", "p01", 1))
    return judged(boutique, _bought(*bought), champion)


def test_who_has_no_history_or_no_letter_is_left_out(found):
    assert {*found.rows["customer_id"]} == {"anna", "ben"}
    assert (found.purchases, found.resting, found.known) == (5, 1, 2)


def test_slates_are_judged_in_the_order_of_the_page(found, shown):
    assert shown.index("p01") < 3
    anna = _of(found, ALL, SLATE)
    assert (anna["recall@3"], anna["recall@7"]) == (1 / 4, 2 / 4)
    assert (anna["hit rate@3"], anna["hit rate@7"]) == (1, 1)
    assert _of(found, ALLOWED, SLATE)["recall@7"] == 2 / 3, "p02 rests"
    assert _of(found, FRESH, SLATE)["recall@7"] == 1 / 2, "p01 and p02 are not new to her"
    assert _of(found, ALL, SLATE, "ben")["hit rate@7"] == 0


def test_the_champion_is_judged_with_what_rests_and_without(found):
    assert _of(found, ALL, CHAMPION)["recall@3"] == 2 / 4
    assert _of(found, ALL, CHAMPION)["recall@7"] == 3 / 4
    assert _of(found, ALL, RESTED)["recall@3"] == 2 / 4, "the fourth moves up"
    assert _of(found, ALLOWED, CHAMPION)["recall@3"] == 2 / 3
    assert _of(found, FRESH, CHAMPION)["recall@3"] == 1 / 2, "what is not known is never a hit"


def test_popular_products_are_judged_by_the_cluster_and_overall(boutique):
    """Men's baskets made p01 and p04 popular; of ben's cluster women bought p02 and p03."""
    found = judged(boutique, _bought(("anna", "p04"), ("ben", "p04")), RANKING.empty_table())
    assert _of(found, ALL, CLUSTER)["recall@3"] == _of(found, ALL, POPULAR)["recall@3"] == 1
    ben = _of(found, ALL, CLUSTER, "ben")
    assert (ben["recall@3"], ben["recall@7"]) == (0, 1)
    assert _of(found, ALL, POPULAR, "ben")["recall@3"] == 1
    assert _of(found, ALL, CHAMPION)["hit rate@7"] == 0


def test_each_source_brings_its_part_of_the_recall(found):
    of_anna = found.slots[found.slots["customer_id"] == "anna"]
    assert (of_anna["places"].sum(), of_anna["hits"].sum()) == (7, 2)
    assert of_anna["recall@7"].sum() == pytest.approx(2 / 4)

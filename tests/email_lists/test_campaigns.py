import pyarrow as pa
import pytest

from email_lists.campaigns import ranked_campaigns
from email_lists.popularity import popular_campaigns
from vitrine.contracts import INSTANT
from vitrine.interval import parse_instant


@pytest.fixture
def rank(rows):
    """Rank a, b and c (c sells best) for customer x with some scores; return the ids in order."""

    def run(*scores, size=2):
        customers = pa.table(
            {"customer_id": ["x"], "market": [1], "demographic_cluster": ["female:25-34:FR"]}
        )
        offers = pa.table(
            {
                "market": [1, 1, 1],
                "campaign_id": ["a", "b", "c"],
                "product_id": ["pa", "pb", "pc"],
                "opens_at": pa.array([parse_instant("2026-03-01")] * 3, INSTANT),
            }
        )
        sold = pa.table(
            {
                "demographic_cluster": ["female:25-34:FR", "male:25-34:FR"],
                "product_id": ["pc", "pa"],
                "unit_count": [1, 9],
            }
        )
        popular = popular_campaigns(customers, offers, sold)
        return ranked_campaigns(customers, offers, rows("scores", *scores), popular, size)

    return run


def test_the_rankers_order_holds(rank):
    ranked = rank(("x", "a", 0.1), ("x", "b", 0.3), ("x", "c", 0.2))
    assert ranked["campaign_id"].to_pylist() == ["b", "c"]
    assert ranked["rank"].to_pylist() == [1, 2]
    assert set(ranked["reason"].to_pylist()) == {"ranked_for_you"}


def test_equal_scores_are_ordered_by_id(rank):
    ranked = rank(("x", "b", 0.1), ("x", "a", 0.1), ("x", "c", 0.1))
    assert ranked["campaign_id"].to_pylist() == ["a", "b"]


def test_a_scored_campaign_that_is_not_open_is_left_out(rank):
    ranked = rank(("x", "closed", 0.9), ("x", "b", 0.3), ("x", "a", 0.2))
    assert ranked["campaign_id"].to_pylist() == ["b", "a"]


def test_without_scores_the_clusters_popular_ones_come_first_then_anyones(rank):
    ranked = rank(size=3)
    assert ranked["campaign_id"].to_pylist() == ["c", "a", "b"]
    assert set(ranked["reason"].to_pylist()) == {"popular_in_cluster"}
    assert ranked["score"].null_count == 3


def test_too_few_scores_are_filled_up(rank):
    ranked = rank(("x", "b", -5.0), size=3)
    assert ranked["campaign_id"].to_pylist() == ["b", "c", "a"]


def test_other_peoples_scores_do_not_count(rank):
    assert rank(("y", "b", 5.0), size=1)["campaign_id"].to_pylist() == ["c"]

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from email_lists.slates import campaigns
from email_lists.slates.campaigns import (
    CampaignReason,
    Openings,
    popular_campaigns,
    ranked_campaigns,
)
from email_lists.slates.popularity import Groups
from vitrine.contracts import INSTANT
from vitrine.interval import parse_instant
from vitrine.list_policy import Override

SEND = parse_instant("2026-03-02T06:30:00Z")
NAMES = ("a", "b", "c", "closed", "soon", "late")


@pytest.fixture
def rank(rows):
    """Rank a, b and c (c sells best) for customer x with some scores; return ids and reasons."""

    def run(*scores, size=2, is_early=False, pins=(), brand=None):
        customers = pa.table(
            {
                "customer_id": ["w", "x"],
                "market": [1, 1],
                "market_country": ["FR", "FR"],
                "country": ["FR", "FR"],
                "send_at": pa.array([SEND, SEND], INSTANT),
                "demographic_cluster": ["male:25-34:FR", "female:25-34:FR"],
            }
        )
        hours = {"soon": 24, "late": 24 + 1 / 3600}
        known = rows(
            "campaigns",
            *(
                (
                    n,
                    brand or f"of {n}",
                    "s",
                    "x",
                    "FR",
                    SEND + timedelta(hours=hours.get(n, -1)),
                    None,
                )
                for n in NAMES
            ),
        )
        offers = pa.table({"market": [1, 1, 1], "campaign_id": ["a", "b", "c"]})
        # By cluster in the order of their names, then everybody: women buy c, men a.
        units_CK = np.array([[0, 0, 1, 0, 0, 0], [9, 0, 0, 0, 0, 0], [9, 0, 1, 0, 0, 0]])
        groups, openings = Groups.of(customers), Openings.of(customers, offers, known)
        popular_GT, is_liked_GT = popular_campaigns(openings, groups, units_CK, known, 2 * size)
        ranked = ranked_campaigns(
            customers=customers,
            campaigns=known,
            openings=openings,
            scores=rows("scores", *scores).to_batches(max_chunksize=2),
            popular_GT=popular_GT,
            is_liked_GT=is_liked_GT,
            groups=groups,
            is_early_N=np.array([is_early, is_early]),
            pins=pins,
            size=size,
        )
        return [
            (NAMES[k], CampaignReason(reason).name.lower(), None if np.isnan(score) else score)
            for k, reason, score in zip(
                ranked.campaign_NT[1], ranked.reason_NT[1], ranked.score_NT[1], strict=True
            )
            if k >= 0
        ]

    return run


def ids(ranked):
    return [name for name, _, _ in ranked]


def test_the_rankers_order_holds(rank):
    ranked = rank(("x", "a", 0.1), ("x", "b", 0.3), ("x", "c", 0.2))
    assert ranked == [("b", "liked_by_many", 0.3), ("c", "liked_by_many", 0.2)]


def test_what_stands_higher_than_by_everybodys_scores_is_the_customers_own(rank):
    """By the means a comes before c, and b last; what w alone likes is no favour of x's."""
    own = [("x", "b", 0.3), ("x", "c", 0.2), ("x", "a", 0.1)]
    others = [("w", "a", 0.9), ("w", "c", 0.5), ("w", "b", 0.1), ("nobody", "b", 9.0)]
    assert rank(*own, *others, size=3) == [
        ("b", "ranked_for_you", 0.3),
        ("c", "liked_by_many", 0.2),
        ("a", "liked_by_many", 0.1),
    ]


def test_equal_scores_are_ordered_by_id(rank):
    assert ids(rank(("x", "b", 0.1), ("x", "a", 0.1), ("x", "c", 0.1))) == ["a", "b"]


def test_a_scored_campaign_that_is_not_open_is_left_out(rank):
    scores = [("x", "closed", 0.9), ("x", "soon", 0.9), ("x", "b", 0.3), ("x", "a", 0.2)]
    assert ids(rank(*scores)) == ["b", "a"]


def test_early_access_begins_with_what_opens_within_a_day(rank):
    scores = [("x", "late", 0.9), ("x", "soon", 0.1), ("x", "b", 0.3), ("x", "a", 0.2)]
    assert rank(*scores, is_early=True) == [
        ("soon", "early_access", 0.1),
        ("b", "liked_by_many", 0.3),
    ]


def test_early_access_without_scores_begins_with_what_opens_first(rank):
    assert rank(is_early=True)[0] == ("soon", "early_access", None)
    assert "soon" not in ids(rank())


def test_a_pinned_brand_shows_its_most_popular_campaign_alone(rank):
    assert rank(pins=(pin(brand="shared"),), size=3, brand="shared") == [
        ("c", "pinned", None),
        ("a", "popular", None),
        ("b", "popular", None),
    ]


def test_without_scores_the_clusters_popular_ones_come_first_then_anyones(rank):
    assert rank(size=3) == [
        ("c", "popular_in_cluster", None),
        ("a", "popular", None),
        ("b", "popular", None),
    ]


def test_too_few_scores_are_filled_up(rank):
    assert ids(rank(("x", "b", -5.0), size=3)) == ["b", "c", "a"]


def test_other_peoples_scores_do_not_count(rank):
    assert ids(rank(("y", "b", 5.0), ("w", "a", 5.0), size=1)) == ["c"]


def pin(**of):
    return Override(action="pin", because="x", decided_by="ada", reviewed_by="bo", **of)


def test_pinned_campaigns_go_first_where_they_are_open(rank):
    pins = (pin(campaign="closed"), pin(brand="of a"))
    scores = [("x", "b", 0.3), ("x", "a", 0.2), ("x", "c", 0.1)]
    assert rank(*scores, pins=pins) == [("a", "pinned", None), ("b", "liked_by_many", 0.3)]


@pytest.mark.parametrize("held", [1, 3, 10**6])
def test_rows_are_cut_without_losing_the_best(rank, monkeypatch, held):
    monkeypatch.setattr(campaigns, "_HELD", held)
    draws = np.random.default_rng(held)
    for _ in range(5):
        scores = {name: round(float(draws.normal()), 2) for name in "abc"}
        rows = [(who, name, score) for who in ("w", "x") for name, score in scores.items()]
        best = sorted(scores, key=lambda name: (-scores[name], name))
        assert ids(rank(*rows)) == best[:2]

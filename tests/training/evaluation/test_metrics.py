import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation import metrics

CASES = st.integers(1, 6).flatmap(
    lambda cut: st.lists(
        st.lists(st.booleans(), min_size=cut, max_size=cut).flatmap(
            lambda hits: st.tuples(st.just(hits), st.integers(max(sum(hits), 1), sum(hits) + 5))
        ),
        min_size=1,
        max_size=5,
    )
)


def slow_average_precision(hits: list[bool], relevant: int) -> float:
    total, found = 0.0, 0
    for rank, hit in enumerate(hits, start=1):
        if hit:
            found += 1
            total += found / rank
    return total / min(relevant, len(hits))


def slow_ndcg(hits: list[bool], relevant: int) -> float:
    gained = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(hits, start=1) if hit)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(relevant, len(hits)) + 1))
    return gained / best


@given(CASES)
def test_each_metric_agrees_with_a_slow_loop(cases):
    hit_LK = np.array([hits for hits, _ in cases])
    relevant_L = np.array([relevant for _, relevant in cases])
    slow = {
        metrics.average_precision: slow_average_precision,
        metrics.ndcg: slow_ndcg,
        metrics.recall: lambda hits, relevant: sum(hits) / relevant,
        metrics.hit_rate: lambda hits, relevant: float(any(hits)),
    }
    for fast, loop in slow.items():
        expected = [loop(hits, relevant) for hits, relevant in cases]
        assert fast(hit_LK, relevant_L) == pytest.approx(expected)


def test_the_example_of_the_docstring():
    assert metrics.average_precision(np.array([[True, False, True]]), np.array([2]))[
        0
    ] == pytest.approx((1 + 2 / 3) / 2)


SHOWN = st.integers(1, 5).flatmap(
    lambda cut: st.lists(
        st.lists(st.integers(0, 7), unique=True, max_size=cut).map(
            lambda found: [*found, *[-1] * (cut - len(found))]
        ),
        min_size=1,
        max_size=5,
    )
)
LABELS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=8, max_size=8)


@given(SHOWN, LABELS)
def test_what_lists_show_agrees_with_a_slow_loop(lists, labels):
    information = [float(n) for n in range(8)]
    top_LK, label_CA = np.array(lists), np.array(labels)
    for row, novel, diverse in zip(
        lists,
        metrics.novelty(np.array(information), top_LK),
        metrics.diversity(label_CA, top_LK),
        strict=True,
    ):
        shown = [campaign for campaign in row if campaign >= 0]
        assert novel == pytest.approx(sum(information[c] for c in shown) / max(len(shown), 1))
        pairs = list(itertools.combinations(shown, 2))
        alike = [
            sum(a == b for a, b in zip(labels[i], labels[j], strict=True)) / 2 for i, j in pairs
        ]
        assert diverse == pytest.approx(1 - sum(alike) / len(pairs) if pairs else 0)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=250))
def test_coverage_and_the_share_of_the_top_agree_with_a_slow_loop(counts):
    shown = [item for item, count in enumerate(counts) for _ in range(count)]
    assert metrics.coverage(np.array(counts)) == pytest.approx(len(set(shown)) / len(counts))
    top = sorted(range(len(counts)), key=lambda item: -counts[item])[: math.ceil(len(counts) / 100)]
    expected = sum(item in top for item in shown) / max(len(shown), 1)
    assert metrics.share_of_top(np.array(counts)) == pytest.approx(expected)


def test_a_list_earns_the_margins_of_its_hits_alone():
    margin_C = np.array([3.0, 5.0, np.nan, -1.0])
    top_LK = np.array([[0, 1, 2], [3, 2, -1], [2, 0, -1]])
    hit_LK = np.array([[True, True, False], [True, False, False], [True, False, False]])
    earned = metrics.margin(margin_C, hit_LK, top_LK)
    assert earned[:2].tolist() == [8.0, -1.0]
    assert np.isnan(earned[2])  # what is not known is not zero


def test_lists_of_everybodys_own_are_novel_diverse_and_wide_and_one_list_for_all_is_not():
    generator = np.random.default_rng(5)
    buyers_C = np.arange(200, 0, -1)
    information_C = -np.log2((buyers_C + 1) / 201)
    label_CA = generator.integers(0, 5, (200, 1))
    popular_LK = np.tile(np.arange(12), (300, 1))
    random_LK = np.argsort(generator.random((300, 200)), axis=1)[:, :12]
    shown = {name: np.bincount(top.ravel(), minlength=200) for name, top in
             (("popular", popular_LK), ("random", random_LK))}  # fmt: skip
    assert metrics.coverage(shown["popular"]) == 12 / 200
    assert metrics.coverage(shown["random"]) == 1.0
    assert metrics.share_of_top(shown["popular"]) == pytest.approx(2 / 12)
    assert metrics.share_of_top(shown["random"]) < 0.02
    novelty = {top: metrics.novelty(information_C, lists).mean()
               for top, lists in (("popular", popular_LK), ("random", random_LK))}  # fmt: skip
    assert novelty["random"] == pytest.approx(information_C.mean(), abs=0.05)
    assert novelty["popular"] < 0.1
    # Of five kinds drawn at random, four pairs of five differ.
    assert metrics.diversity(label_CA, random_LK).mean() == pytest.approx(0.8, abs=0.03)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 20)), min_size=1, max_size=40))
def test_what_all_purchases_make_together_agrees_with_a_slow_loop(purchases):
    """Lists of unequal lengths, and ranks beyond a list's end: those count as its last place."""
    ranks, counts = np.array([r for r, _ in purchases]), np.array([c for _, c in purchases])
    shares_above = [(min(rank, count) - 0.5) / count for rank, count in purchases]
    found = metrics.collective_auc(ranks, counts)
    assert found == pytest.approx(1 - sum(shares_above) / len(shares_above))
    for share in (0.1, 0.5, 0.9):
        shown = 0
        while sum(rank <= shown for rank in ranks) < share * len(ranks) - 1e-9:
            shown += 1
        assert metrics.needed(ranks, share) == shown


def test_what_was_no_candidate_is_reached_by_no_number():
    rank_P = np.array([3, metrics.NOWHERE, 1, metrics.NOWHERE])
    assert [metrics.needed(rank_P, share) for share in (0.1, 0.5)] == [1, 3]
    assert np.isnan(metrics.needed(rank_P, 0.9))


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=8))
def test_precision_agrees_with_a_slow_loop(rows):
    expected = [sum(row) / 4 for row in rows]
    found = metrics.precision(np.array(rows), np.full(len(rows), 9))
    assert found.tolist() == pytest.approx(expected)

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

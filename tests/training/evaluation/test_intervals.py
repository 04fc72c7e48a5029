import numpy as np
import pytest

from training.evaluation.intervals import bootstrap


def test_the_interval_is_as_wide_as_theory_says():
    values = np.random.default_rng(3).normal(5.0, 2.0, 400)
    found = bootstrap(values, np.arange(400), seed=1)
    assert found.mean == pytest.approx(values.mean())
    standard_error = values.std() / 20
    assert found.low == pytest.approx(values.mean() - 1.96 * standard_error, abs=0.02)
    assert found.high == pytest.approx(values.mean() + 1.96 * standard_error, abs=0.02)


def test_the_lists_of_one_customer_are_drawn_together():
    values = np.random.default_rng(3).normal(0.0, 1.0, 50)
    each = bootstrap(values, np.arange(50), seed=1)
    repeated = bootstrap(np.repeat(values, 20), np.repeat(np.arange(50), 20), seed=1)
    assert (repeated.low, repeated.high) == pytest.approx((each.low, each.high))


def test_it_covers_the_truth_in_about_95_of_100_cases():
    generator = np.random.default_rng(7)
    covered = 0
    for seed in range(300):
        found = bootstrap(generator.exponential(1.0, 200), np.arange(200), seed)
        covered += found.low <= 1.0 <= found.high
    assert 0.90 < covered / 300 < 0.98

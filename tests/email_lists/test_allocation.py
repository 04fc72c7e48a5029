import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from email_lists.allocation import PROMISES_PER_UNIT, UNLIMITED, capacities, granted


def test_known_stock_caps_and_unknown_stock_does_not():
    found = capacities(np.array([2.0, np.nan, 0.0, -1.0]))
    assert found.tolist() == [2 * PROMISES_PER_UNIT, UNLIMITED, 0, 0]


def test_the_highest_scores_get_the_promises():
    remaining = np.array([2, 1])
    result = granted(np.array([0, 0, 1, 0]), np.array([0.1, 0.9, 0.5, 0.4]), remaining)
    assert result.tolist() == [False, True, True, True]
    assert remaining.tolist() == [0, 0]


def test_of_equal_scores_the_earlier_wish_goes_first():
    assert granted(np.array([0, 0]), np.array([0.5, 0.5]), np.array([1])).tolist() == [True, False]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=30),
    st.lists(st.integers(0, 5), min_size=4, max_size=4),
)
def test_granting_agrees_with_a_slow_loop(wishes, stock):
    left, expected = list(stock), [False] * len(wishes)
    for n in sorted(range(len(wishes)), key=lambda n: (-wishes[n][1], n)):
        if left[wishes[n][0]] > 0:
            left[wishes[n][0]] -= 1
            expected[n] = True
    remaining = np.array(stock)
    offer = np.array([w[0] for w in wishes], np.int64)
    score = np.array([w[1] for w in wishes], np.float64)
    assert granted(offer, score, remaining).tolist() == expected
    assert remaining.tolist() == left

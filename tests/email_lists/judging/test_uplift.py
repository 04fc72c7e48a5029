"""Uplift: against scipy's test, on a planted effect, and where there is none."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from email_lists.judging.outcomes import PURCHASES, REACTIONS
from email_lists.judging.uplift import compared, difference, uplifts
from vitrine.errors import BadInputError
from vitrine.letters import HOLD_OUT

values = st.lists(st.integers(0, 9), min_size=2, max_size=30).map(np.array)


@given(values, values)
def test_without_a_past_it_is_students_test(treated, control):
    assume(treated.var() > 0 and control.var() > 0)
    found = difference(treated, control)
    known = stats.ttest_ind(treated, control, equal_var=True)
    low, high = known.confidence_interval()
    assert found.p_value == pytest.approx(known.pvalue)
    assert (found.difference_low, found.difference_high) == pytest.approx((low, high))
    assert found.variance_kept == 1


def test_the_past_of_customers_narrows_the_interval_and_moves_nothing_else():
    draws = np.random.default_rng(1)
    past = draws.gamma(1, 20, 8_000)
    spent = past * draws.uniform(0.5, 1.5, 8_000)
    spent[:4_000] += 0.7
    plain = difference(spent[:4_000], spent[4_000:])
    adjusted = difference(spent[:4_000], spent[4_000:], past[:4_000], past[4_000:])
    assert adjusted.variance_kept < 0.3
    assert adjusted.difference_low < 0.7 < adjusted.difference_high
    assert adjusted.difference_low > 0 > plain.difference_low
    noise = draws.permutation(past)
    unmoved = difference(spent[:4_000], spent[4_000:], noise[:4_000], noise[4_000:])
    assert unmoved.variance_kept == pytest.approx(1, abs=0.01)


def test_intervals_cover_the_true_difference_and_the_true_ratio_as_often_as_they_say():
    draws = np.random.default_rng(2)
    covers = []
    for _ in range(400):
        spent, base = draws.poisson(1.2, 300), draws.poisson(1.0, 100)
        found = difference(spent, base)
        covers.append(
            (
                found.difference_low < 0.2 < found.difference_high,
                found.relative_low < 0.2 < found.relative_high,
            )
        )
    assert np.mean(covers, axis=0) == pytest.approx(0.95, abs=0.025)


def test_a_control_that_may_well_be_nothing_makes_no_ratio():
    found = difference(np.array([3, 4, 5]), np.array([0, 0, 1]))
    assert found.difference == pytest.approx(11 / 3)
    assert np.isnan([found.relative, found.relative_low, found.relative_high]).all()
    assert np.isnan(difference(np.array([1, 2]), np.array([0, 0])).relative)


@pytest.mark.parametrize("treated", [[], [1.0], [1.0, 1.0]])
def test_too_few_customers_have_no_bounds(treated):
    found = difference(np.array(treated), np.array([1.0, 1.0]))
    assert found.customer_count == len(treated)
    assert np.isnan([found.difference_low, found.difference_high, found.p_value]).all()


def test_each_arm_is_compared_with_the_control():
    outcomes = pa.table(
        {
            "customer_id": [f"c{n}" for n in range(8)],
            "arm": ["bold", "bold", "plain", "plain", "plain"] + [HOLD_OUT] * 3,
            "clicked": [True, True, True, False, None, False, False, True],
            "clicked_before": [1, 0, 1, 0, 0, 0, 0, 1],
        }
    )
    bold, plain = uplifts(outcomes.drop(["clicked_before"]), "clicked").to_pylist()
    assert (bold["arm"], plain["arm"], bold["control"]) == ("bold", "plain", HOLD_OUT)
    assert (bold["mean"], plain["mean"], plain["difference"]) == (1, pytest.approx(1 / 3), 0)
    against = uplifts(outcomes, "clicked", control="plain").to_pylist()
    assert [row["arm"] for row in against] == ["bold", HOLD_OUT]
    assert uplifts(outcomes, "clicked")["variance_kept"].to_pylist() != [1, 1]


def test_arms_are_compared_by_reactions_too_and_those_held_out_by_purchases_alone():
    customers = pa.table(
        {"customer_id": [f"c{n}" for n in range(6)], "arm": ["bold", "plain", HOLD_OUT] * 2}
        | {outcome: [1.0, 2, 0, 4, 3, 0] for outcome in PURCHASES + REACTIONS}
    )

    def pairs(control: str) -> list[tuple[str, str]]:
        return [(row["outcome"], row["arm"]) for row in compared(customers, control).to_pylist()]

    assert pairs(HOLD_OUT) == [(outcome, arm) for outcome in PURCHASES for arm in ("bold", "plain")]
    assert pairs("plain") == [(outcome, "bold") for outcome in PURCHASES + REACTIONS]
    assert compared(customers.filter(pa.array([False, True, True] * 2)), "plain").num_rows == 0


def test_a_customer_in_two_arms_and_a_control_without_anybody_are_refused():
    outcomes = pa.table({"customer_id": ["a", "a"], "arm": ["x", HOLD_OUT], "clicked": [1, 0]})
    with pytest.raises(BadInputError, match="several rows"):
        uplifts(outcomes, "clicked")
    with pytest.raises(
        BadInputError, match=r"nobody is in 'standard'; the arms are: x; .* --control <"
    ):
        uplifts(outcomes.slice(0, 1), "clicked", control="standard")

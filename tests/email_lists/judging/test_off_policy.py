"""Values of policies that never ran: by hand, against a slow loop, and where the truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_lists.judging.off_policy import FOLDS, Log, expected_rewards, judge
from vitrine.errors import BadInputError

REWARDS_CA = np.array([[0.1, 0.3, 0.2], [0.5, 0.1, 0.4]])
LOGGED_CA = np.array([[0.6, 0.2, 0.2], [0.1, 0.8, 0.1]])
JUDGED_CA = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])


def drawn(seed: int, customers: int, each: int = 1) -> Log:
    """Let each customer decide `each` times; a customer's rewards have a part in common."""
    draws = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), each)
    cell = draws.integers(0, 2, customers)[customer]
    action = (draws.random((len(cell), 1)) > LOGGED_CA[cell].cumsum(axis=1)).sum(axis=1)
    own = draws.normal(0, 0.3, customers)[customer]
    reward = REWARDS_CA[cell, action] + own + draws.normal(0, 0.1, len(cell))
    return Log(customer, cell, action, LOGGED_CA[cell, action], reward)


def test_an_even_log_tells_of_a_policy_that_always_takes_the_first_action():
    log = Log(
        customer_R=np.arange(4),
        cell_R=np.zeros(4, np.int64),
        action_R=np.array([0, 1, 0, 1]),
        propensity_R=np.full(4, 0.5),
        reward_R=np.array([1.0, 0, 1, 0]),
    )
    found = judge(log, np.tile([1.0, 0.0], (4, 1)))
    assert (found.ips.value, found.snips.value, found.logged.value) == (1, 1, 0.5)
    assert (found.mean_weight.value, found.effective_decisions) == (1, 2)
    assert found.ips.change.value == 0.5


@given(st.integers(0, 10_000), st.integers(2, 12))
def test_estimates_are_those_of_an_obvious_loop(seed, customers):
    log, judged = (
        drawn(seed, customers),
        np.random.default_rng(seed).dirichlet(np.ones(3), customers),
    )
    found, model = judge(log, judged), expected_rewards(log, 3)
    weights, ips, robust = [], [], []
    for row in range(customers):
        action = log.action_R[row]
        weight = judged[row, action] / log.propensity_R[row]
        weights.append(weight)
        ips.append(weight * log.reward_R[row])
        expected = sum(judged[row, a] * model[row, a] for a in range(3))
        robust.append(expected + weight * (log.reward_R[row] - model[row, action]))
    assert found.ips.value == pytest.approx(np.mean(ips))
    assert found.snips.value == pytest.approx(sum(ips) / sum(weights))
    assert found.doubly_robust.value == pytest.approx(np.mean(robust))


def test_a_policy_judged_by_its_own_log_has_the_value_that_it_made():
    log = drawn(1, 500)
    found = judge(log, LOGGED_CA[log.cell_R])
    assert found.ips.value == pytest.approx(found.logged.value)
    assert found.ips.change.low == pytest.approx(0) == pytest.approx(found.ips.change.high)
    assert found.effective_decisions == pytest.approx(500)


def test_intervals_cover_the_truth_as_often_as_they_say():
    """Ten letters a customer: intervals that take them for independent cover far less."""
    truth = (JUDGED_CA * REWARDS_CA).sum(axis=1).mean()
    change = truth - (LOGGED_CA * REWARDS_CA).sum(axis=1).mean()
    names = ("ips", "snips", "doubly_robust")
    covers, naive, errors = [], [], []
    for seed in range(200):
        log = drawn(seed, 150, each=10)
        found = judge(log, JUDGED_CA[log.cell_R])
        estimates = [getattr(found, name) for name in names]
        covers.append(
            [e.low < truth < e.high for e in estimates]
            + [e.change.low < change < e.change.high for e in estimates]
        )
        errors.append([e.value - truth for e in estimates])
        alone = Log(np.arange(1_500), log.cell_R, log.action_R, log.propensity_R, log.reward_R)
        ips = judge(alone, JUDGED_CA[log.cell_R]).doubly_robust
        naive.append(ips.low < truth < ips.high)
    assert np.mean(covers, axis=0) == pytest.approx(0.95, abs=0.04)
    assert np.mean(naive) < 0.85
    spread = np.std(errors, axis=0)
    assert (np.abs(np.mean(errors, axis=0)) < 3 * spread / np.sqrt(200)).all()


def test_propensities_that_are_all_too_small_leave_the_normalised_estimate_as_it_was():
    log = drawn(5, 300)
    halved = Log(log.customer_R, log.cell_R, log.action_R, log.propensity_R / 2, log.reward_R)
    before, after = (judge(of, JUDGED_CA[log.cell_R]) for of in (log, halved))
    assert after.ips.value == pytest.approx(2 * before.ips.value)
    for bound in ("value", "low", "high"):
        assert getattr(after.snips, bound) == pytest.approx(getattr(before.snips, bound))


def test_wrong_propensities_show_in_the_mean_weight_and_the_model_mends_their_value():
    log = drawn(3, 4_000)
    wrong = Log(log.customer_R, log.cell_R, log.action_R, np.full(4_000, 1 / 3), log.reward_R)
    found = judge(wrong, JUDGED_CA[log.cell_R])
    truth = (JUDGED_CA * REWARDS_CA).sum(axis=1).mean()
    assert not found.mean_weight.low < 1 < found.mean_weight.high
    assert abs(found.ips.value - truth) > 4 * abs(found.doubly_robust.value - truth)


def test_the_model_of_rewards_never_saw_the_customer_that_it_is_asked_about():
    log = drawn(4, 50, each=4)
    before = expected_rewards(log, 3)
    for customer in range(FOLDS):
        own = log.customer_R == customer
        reward = np.where(own, 1_000.0, log.reward_R)
        after = Log(log.customer_R, log.cell_R, log.action_R, log.propensity_R, reward)
        assert (expected_rewards(after, 3)[own] == before[own]).all()
        assert (expected_rewards(after, 3) != before).any()


@pytest.mark.parametrize(
    ("propensity", "reward", "judged", "message"),
    [
        ([0.0, 1.0], [1, 0], [[1, 0]] * 2, "decision 0 has propensity 0.0"),
        ([0.5, 1.5], [1, 0], [[1, 0]] * 2, "decision 1 has propensity 1.5"),
        ([0.5, 0.5], [1, np.nan], [[1, 0]] * 2, "decision 1 .* reward nan"),
        ([0.5, 0.5], [1, 0], [[1, 0], [0.5, 0.4]], "chances of decision 1 do not add to 1"),
        ([0.5, 0.5], [1, 0], [[1, 0]], "of shape .*, the log has 2 decisions"),
        ([0.5, 0.5], [1, 0], [[1], [1]], "the log has action 1, the judged policy 1"),
        ([0.5, 0.5], [1, 0], [[0, 1], [1, 0]], "does nothing that was logged"),
        ([], [], [], "columns of lengths"),
    ],
)
def test_what_are_no_chances_is_refused(propensity, reward, judged, message):
    with pytest.raises(BadInputError, match=message):
        judge(
            Log(
                np.arange(len(reward)),
                np.zeros(len(reward), np.int64),
                np.arange(len(reward)),
                np.array(propensity),
                np.array(reward, dtype=np.float64),
            ),
            np.array(judged, dtype=np.float64),
        )

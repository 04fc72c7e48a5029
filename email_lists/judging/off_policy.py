"""What a policy would have made, told from letters that went out under another one.

Each logged decision weighs as much as the judged policy would have taken it more often:
w = target / propensity. Three estimates of the mean reward per decision:

- ips: mean of w r. Unbiased, noisy. Horvitz and Thompson (1952).
- snips: sum of w r over sum of w. A little biased, less noisy. Swaminathan and Joachims (2015),
  The self-normalized estimator for counterfactual learning.
- dr: what a model of rewards expects of the judged policy, plus the weighted errors of the model.
  Right if either propensities or model are. Dudik, Langford and Li (2011), Doubly robust policy
  evaluation and learning. The model has not seen the customers that it is asked about.

Intervals cover 95 %: t by the variance of influences, summed by customer, since one customer's
decisions are not independent. Example: two actions with even chances, rewards 1 and 0; of a policy
that always takes the first one, half of the log has weight 2 and half 0, and the value is 1.

Shape legend: R decisions, A actions, U customers.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from vitrine.errors import BadInputError

COVERED = 0.95
FOLDS = 5
PRIOR_DECISIONS = 20.0
"""A cell of the model of rewards counts as much as its action's mean at so many decisions."""
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Log:
    """Logged decisions; arrays of length R."""

    customer_R: np.ndarray
    """int64 codes: whose decisions are drawn or followed together."""
    cell_R: np.ndarray
    """int64 codes from 0: what was known before the decision, such as the segment."""
    action_R: np.ndarray
    """int64 codes from 0."""
    propensity_R: np.ndarray
    """float64: the chance with which the logged action was taken."""
    reward_R: np.ndarray
    """float64."""

    def __post_init__(self) -> None:
        lengths = {len(column) for column in vars(self).values()}
        if len(lengths) != 1 or lengths == {0}:
            raise BadInputError(f"a log of decisions has columns of lengths {sorted(lengths)}")
        is_bad_R = ~((self.propensity_R > 0) & (self.propensity_R <= 1 + TOLERANCE))
        is_bad_R |= ~np.isfinite(self.reward_R)
        if is_bad_R.any():
            row = int(np.argmax(is_bad_R))
            raise BadInputError(
                f"decision {row} has propensity {self.propensity_R[row]} and reward"
                f" {self.reward_R[row]}: needed are a chance above 0 and at most 1, and a number"
            )


@dataclass(frozen=True)
class Bounded:
    """A number and the bounds that cover the true one in 95 % of the logs."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate(Bounded):
    """A mean reward per decision, and how far it lies from what the logging policy made."""

    change: Bounded


@dataclass(frozen=True)
class Judgement:
    """What the log tells of one policy."""

    logged: Estimate
    """What the logging policy made; its change is 0."""
    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate
    mean_weight: Bounded
    """1 but for noise. Where 1 lies outside the bounds, propensities are wrong, or the judged
    policy does what the logging one never did."""
    effective_decisions: float
    """(sum of w)^2 / sum of w^2: as many decisions of its own would tell as much (Kish 1965)."""


def judge(log: Log, target_RA: np.ndarray) -> Judgement:
    """Estimate the value of a policy.

    Parameters
    ----------
    target_RA
        float64 [R, A]: the chance with which the judged policy takes each action; rows add to 1.

    Raises
    ------
    BadInputError
        If the chances are none, or the policy does nothing that was logged.
    """
    _refuse_what_are_no_chances(target_RA, log)
    rows_R = np.arange(len(log.action_R))
    weight_R = target_RA[rows_R, log.action_R] / log.propensity_R
    mean_weight = float(weight_R.mean())
    if mean_weight == 0:
        raise BadInputError("the judged policy does nothing that was logged: no letter tells of it")
    reward_R, logged = log.reward_R, float(log.reward_R.mean())
    snips = float((weight_R * reward_R).mean() / mean_weight)
    expected_RA = expected_rewards(log, target_RA.shape[1])
    model_R = (target_RA * expected_RA).sum(axis=1)
    robust_R = model_R + weight_R * (reward_R - expected_RA[rows_R, log.action_R])

    def estimate(value: float, influence_R: np.ndarray) -> Estimate:
        own = _bounded(value, influence_R, log.customer_R)
        change = _bounded(value - logged, influence_R - (reward_R - logged), log.customer_R)
        return Estimate(own.value, own.low, own.high, change)

    ips_R, robust = weight_R * reward_R, float(robust_R.mean())
    return Judgement(
        logged=estimate(logged, reward_R - logged),
        ips=estimate(float(ips_R.mean()), ips_R - ips_R.mean()),
        snips=estimate(snips, weight_R * (reward_R - snips) / mean_weight),
        doubly_robust=estimate(robust, robust_R - robust),
        mean_weight=_bounded(mean_weight, weight_R - mean_weight, log.customer_R),
        effective_decisions=float(weight_R.sum() ** 2 / (weight_R**2).sum()),
    )


def expected_rewards(log: Log, actions: int) -> np.ndarray:
    """Model rewards: return float64 [R, A], what each decision's customer would give each action.

    The mean of the cell and action, drawn towards the action's mean and that towards the mean of
    all by `PRIOR_DECISIONS`. Of a customer's own fold nothing is used.
    """
    cells = int(log.cell_R.max()) + 1
    _, customer_R = np.unique(log.customer_R, return_inverse=True)
    fold_R = np.random.default_rng(0).permutation(int(customer_R.max()) + 1)[customer_R] % FOLDS
    expected_RA = np.empty((len(fold_R), actions))
    for fold in range(FOLDS):
        is_held_R = fold_R == fold
        if is_held_R.any():
            means_CA = _cell_means(log, ~is_held_R, cells, actions)
            expected_RA[is_held_R] = means_CA[log.cell_R[is_held_R]]
    return expected_RA


def _cell_means(log: Log, is_used_R: np.ndarray, cells: int, actions: int) -> np.ndarray:
    code_R = log.cell_R[is_used_R] * actions + log.action_R[is_used_R]
    reward_R = log.reward_R[is_used_R]
    count_CA = np.bincount(code_R, minlength=cells * actions).reshape(cells, actions)
    sum_CA = np.bincount(code_R, reward_R, cells * actions).reshape(cells, actions)
    mean = reward_R.mean() if len(reward_R) else 0.0
    of_action_A = (sum_CA.sum(axis=0) + PRIOR_DECISIONS * mean) / (
        count_CA.sum(axis=0) + PRIOR_DECISIONS
    )
    means_CA: np.ndarray = (sum_CA + PRIOR_DECISIONS * of_action_A) / (count_CA + PRIOR_DECISIONS)
    return means_CA


def _bounded(value: float, influence_R: np.ndarray, customer_R: np.ndarray) -> Bounded:
    """Bound a mean by its rows' influences; rows of one customer are drawn together."""
    _, code_R = np.unique(customer_R, return_inverse=True)
    sum_U = np.bincount(code_R, influence_R)
    count = len(sum_U)
    if count < 2:
        return Bounded(value, math.nan, math.nan)
    error = math.sqrt(count / (count - 1) * float((sum_U**2).sum())) / len(influence_R)
    margin = float(stdtrit(count - 1, (1 + COVERED) / 2)) * error
    return Bounded(value, value - margin, value + margin)


def _refuse_what_are_no_chances(target_RA: np.ndarray, log: Log) -> None:
    if target_RA.ndim != 2 or len(target_RA) != len(log.action_R):
        raise BadInputError(
            f"the judged policy's chances are of shape {target_RA.shape}, the log has"
            f" {len(log.action_R)} decisions"
        )
    if not 0 <= log.action_R.min() <= log.action_R.max() < target_RA.shape[1]:
        raise BadInputError(
            f"the log has action {log.action_R.max()}, the judged policy {target_RA.shape[1]}"
        )
    is_bad_R = ~np.isclose(target_RA.sum(axis=1), 1, atol=TOLERANCE) | (target_RA < 0).any(axis=1)
    if is_bad_R.any():
        row = int(np.argmax(is_bad_R))
        raise BadInputError(f"the judged policy's chances of decision {row} do not add to 1")

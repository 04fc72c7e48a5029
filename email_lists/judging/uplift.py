"""What an arm changed: its customers' mean beside the control's, with a 95 % interval.

Arms are drawn by customer, so the unit is the customer, over the whole time looked at; one row per
letter would make intervals too narrow. Everyone who was assigned counts, whatever was sent later.

Shape legend: N customers of the arm, M customers of the control.

Sources: Student (1908) for the test; Deng, Xu, Kohavi and Walker (2013), Improving the sensitivity
of online controlled experiments by utilizing pre-experiment data (CUPED), for the adjustment by
what customers did before; Fieller (1954) for the interval of the ratio.

One variance is taken for both groups. What customers spend is so uneven that a hold-out of some
hundred tells its own too badly: with two variances (Welch) arms that differed in nothing were found
to differ more often than they should (`benchmarks.judging`).
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import stdtr, stdtrit

from email_lists.judging.outcomes import PURCHASES, REACTIONS
from vitrine.errors import BadInputError
from vitrine.letters import HOLD_OUT

COVERED = 0.95
BEFORE = "_before"
"""What ends the name of the column with an outcome's value before the experiment."""


@dataclass(frozen=True)
class Difference:
    """Two groups' means per customer and what lies between them; bounds cover 95 %."""

    customer_count: int
    control_customer_count: int
    mean: float
    control_mean: float
    difference: float
    difference_low: float
    difference_high: float
    relative: float
    """The difference as a share of the control's mean.

    NaN, as are its bounds, where that mean cannot be told from 0: any ratio could be true.
    """
    relative_low: float
    relative_high: float
    p_value: float
    """Two-sided: how often chance alone makes as large a difference."""
    variance_kept: float
    """Of the difference, after the adjustment by what was before; 1 without it."""


COLUMNS = pa.schema(
    [("arm", pa.string()), ("control", pa.string()), ("outcome", pa.string())]
    + [
        (name, pa.int64() if kind is int else pa.float64())
        for name, kind in Difference.__annotations__.items()
    ]
)


def compared(customers: pa.Table, control: str = HOLD_OUT) -> pa.Table:
    """Compare each arm with the control by all that it can be compared by.

    By purchases; beside an arm also by reactions, and then without those held out, who have none.

    Parameters
    ----------
    customers
        `outcomes.of_customers`.

    Returns
    -------
    pyarrow.Table
        As of `uplifts`, by outcome, then arm; no rows where nobody is in another arm.

    Raises
    ------
    BadInputError
        As `uplifts` does.
    """
    if control == HOLD_OUT:
        found = [uplifts(customers, outcome) for outcome in PURCHASES]
    else:
        arms = customers.filter(pc.not_equal(customers["arm"], HOLD_OUT))
        found = [uplifts(arms, outcome, control) for outcome in PURCHASES + REACTIONS]
    return pa.concat_tables(found)


def uplifts(outcomes: pa.Table, outcome: str, control: str = HOLD_OUT) -> pa.Table:
    """Compare each arm with the control.

    Parameters
    ----------
    outcomes
        One row per customer: customer_id, arm, and a number or truth value in the column `outcome`;
        a column `<outcome>_before`, if there is one, adjusts it. Nulls count as 0.

    Returns
    -------
    pyarrow.Table
        One row per other arm, by name: arm, control, outcome, and the fields of `Difference`.

    Raises
    ------
    BadInputError
        If a customer has several rows, or there is nobody in the control.
    """
    customers = outcomes["customer_id"]
    if pc.count_distinct(customers).as_py() != len(customers):
        raise BadInputError(
            "a customer stands in several rows of the outcomes: it changed arms, or was counted"
            " twice; judge a time in which one experiment ran"
        )
    arms = sorted(set(outcomes["arm"].to_pylist()))
    if control not in arms:
        raise BadInputError(
            f"nobody is in {control!r}; the arms are: {', '.join(arms) or 'none'}; name one of them"
            " to compare the others with: --control <arm>"
        )
    groups = {arm: _values(outcomes, outcome, arm) for arm in arms}
    rows = [
        {"arm": arm, "control": control, "outcome": outcome}
        | asdict(difference(group[0], groups[control][0], group[1], groups[control][1]))
        for arm, group in groups.items()
        if arm != control
    ]
    return pa.Table.from_pylist(rows, COLUMNS)


def difference(
    treated_N: np.ndarray,
    control_M: np.ndarray,
    treated_before_N: np.ndarray | None = None,
    control_before_M: np.ndarray | None = None,
) -> Difference:
    """Compare two groups of customers, one number each; adjusted where both `before` are given.

    Adjusted is y - theta (x - mean of x), with theta the slope of y on x within the groups. Where
    a group has fewer than two customers, or nobody differs, bounds and p-value are NaN.

    >>> found = difference(np.array([3.0, 5.0, 4.0, 4.0]), np.array([2.0, 2.0, 3.0, 1.0]))
    >>> found.difference, found.relative, round(found.p_value, 4)
    (2.0, 1.0, 0.0134)
    """
    treated_N, control_M = treated_N.astype(np.float64), control_M.astype(np.float64)
    raw = _variance(treated_N, control_M)
    if treated_before_N is not None and control_before_M is not None:
        treated_N, control_M = _adjusted(treated_N, control_M, treated_before_N, control_before_M)
    kept = _variance(treated_N, control_M)
    count, control_count = len(treated_N), len(control_M)
    means = _mean(treated_N), _mean(control_M)
    error = math.sqrt(kept / count + kept / control_count) if kept > 0 else math.nan
    freedom = count + control_count - 2
    quantile = float(stdtrit(freedom, (1 + COVERED) / 2))
    ratio, ratio_low, ratio_high = _ratio(means, kept, (count, control_count), quantile)
    return Difference(
        customer_count=count,
        control_customer_count=control_count,
        mean=means[0],
        control_mean=means[1],
        difference=means[0] - means[1],
        difference_low=means[0] - means[1] - quantile * error,
        difference_high=means[0] - means[1] + quantile * error,
        relative=ratio - 1,
        relative_low=ratio_low - 1,
        relative_high=ratio_high - 1,
        p_value=float(2 * stdtr(freedom, -abs(means[0] - means[1]) / error)),
        variance_kept=kept / raw if raw > 0 else math.nan,
    )


def _values(outcomes: pa.Table, outcome: str, arm: str) -> tuple[np.ndarray, np.ndarray | None]:
    of_arm = outcomes.filter(pc.equal(outcomes["arm"], arm))
    before = outcome + BEFORE
    return (
        _numbers(of_arm[outcome]),
        _numbers(of_arm[before]) if before in outcomes.column_names else None,
    )


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    numbers: np.ndarray = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy()
    return numbers


def _adjusted(
    treated_N: np.ndarray, control_M: np.ndarray, before_N: np.ndarray, before_M: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take from each value what the customer's own past explains of it."""
    before_N, before_M = before_N.astype(np.float64), before_M.astype(np.float64)
    slope, spread = 0.0, 0.0
    for value, before in ((treated_N, before_N), (control_M, before_M)):
        if len(before):
            slope += float((before - before.mean()) @ (value - value.mean()))
            spread += float(((before - before.mean()) ** 2).sum())
    theta = slope / spread if spread > 0 else 0.0
    centre = np.concatenate([before_N, before_M]).mean()
    return treated_N - theta * (before_N - centre), control_M - theta * (before_M - centre)


def _mean(value_N: np.ndarray) -> float:
    return float(value_N.mean()) if len(value_N) else math.nan


def _variance(treated_N: np.ndarray, control_M: np.ndarray) -> float:
    """Return the variance within the groups, NaN where one has fewer than two customers."""
    if min(len(treated_N), len(control_M)) < 2:
        return math.nan
    squares = sum(float(((of - of.mean()) ** 2).sum()) for of in (treated_N, control_M))
    return squares / (len(treated_N) + len(control_M) - 2)


def _ratio(
    means: tuple[float, float], variance: float, counts: tuple[int, int], quantile: float
) -> tuple[float, float, float]:
    """Return the ratio of two independent means and Fieller's bounds; NaN where it has none."""
    (mean, base), own, other = means, variance / max(counts[0], 1), variance / max(counts[1], 1)
    square = base**2 - quantile**2 * other
    if not square > 0:
        return math.nan, math.nan, math.nan
    root = quantile * math.sqrt(own * square + mean**2 * other)
    return mean / base, (mean * base - root) / square, (mean * base + root) / square

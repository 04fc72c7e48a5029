"""Other policies for a list, judged by its customers: what strategy each segment should get.

A customer is a decision: the arm was drawn once, by customer, and all that their letters brought in
these nights is its reward. A letter is none: caps depend on the strategy, so how many letters there
are is what the arm did, and a strategy that writes once a week would have a seventh of the weight.
A single arm is judged by its own share, rules in a file by strategies: a strategy's chance is the
share of all arms that give it to the segment. What no arm gave to a segment cannot be judged:
nothing is known of it.

Shape legend: R customers, A strategies, S segments.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from email_lists.frames import select
from email_lists.judging.off_policy import TOLERANCE, Judgement, Log, judge
from vitrine.errors import BadInputError
from vitrine.list_policy import STRATEGIES, ListRules

REWARDS = ("clicked", "turnover")

Plan = Mapping[str, Mapping[str, float]]
"""By segment, `none` for letters without one, the chance of each strategy."""

LIKELY_MARGINS = 2
"""Of the 95 % margin: chance alone takes the mean weight further from 1 once in 10,000 logs."""

_ENTERED = """
with named as (
    select * replace (coalesce(segment, 'none') as segment) from letters
),
arms as (
    select distinct night, segment, strategy, arm, arm_propensity from named
),
strategies as (
    select night, segment, strategy, least(sum(arm_propensity), 1) as strategy_propensity
    from arms
    group by all
),
entered as (
    select
        customer_id,
        night,
        segment,
        strategy,
        arm,
        arm_propensity,
        sum({reward}) over (partition by customer_id) as reward
    from named
    -- Later segments are what the arm may have changed.
    qualify row_number() over (partition by customer_id order by night, arm) = 1
)
select customer_id, segment, {action}, {action}_propensity as propensity, reward
from entered
join strategies using (night, segment, strategy)
order by customer_id
"""

_DOUBT = (
    "customers did not get their first letters of these nights by the logged shares; take the"
    " nights from the experiment's first on, and long enough that caps leave nobody out"
)

_VALUES = {"clicked": "(clicked_at is not null)::double", "turnover": "turnover::double"}


@dataclass(frozen=True)
class Judged:
    """What is told of one plan, by one reward."""

    name: str
    reward: str
    unit: str
    """What a decision is of, and the reward the mean of."""
    decision_count: int
    judgement: Judgement


def of_rules(rules: ListRules) -> dict[str, dict[str, float]]:
    """Return the plan that a list's rules are: what share of a segment gets which strategy."""
    plan: dict[str, dict[str, float]] = {}
    for arm in rules.arms.values():
        for segment, strategy in {**rules.strategies, **arm.strategies}.items():
            chances = plan.setdefault(segment, {})
            chances[strategy] = chances.get(strategy, 0.0) + arm.share
    return plan


def judged(name: str, plan: Plan, letters: pa.Table, reward: str) -> Judged:
    """Judge a plan.

    Parameters
    ----------
    letters
        customer_id, night, segment, strategy, arm, arm_propensity, clicked_at (null: never) and
        turnover; one row per letter of one list.
    reward
        One of `REWARDS`; the value of a plan is its mean per customer: letters clicked, turnover.

    Raises
    ------
    BadInputError
        If there are no letters, the plan gives a segment what none of its customers got first, or
        the logged shares are not those by which customers got their letters.
    """
    rows = select(_ENTERED.format(reward=_VALUES[reward], action="strategy"), letters=letters)
    log, segments, strategies = _log(rows, "strategy")
    log = replace(log, action_R=np.array([STRATEGIES.index(s) for s in strategies])[log.action_R])
    chance_SA = np.array([[plan.get(s, {}).get(a, 0.0) for a in STRATEGIES] for s in segments])
    _refuse_the_unknown(name, chance_SA, log, segments)
    return believable(name, reward, log, chance_SA[log.cell_R])


def judged_arm(arm: str, letters: pa.Table, reward: str) -> Judged:
    """Judge that everybody is in one arm, whatever the arms differ in; otherwise as `judged`."""
    rows = select(_ENTERED.format(reward=_VALUES[reward], action="arm"), letters=letters)
    log, _, arms = _log(rows, "arm")
    if arm not in arms:
        raise BadInputError(f"no letter is of the arm {arm!r}; the arms are: {', '.join(arms)}")
    certain_A = np.array([float(name == arm) for name in arms])
    certain_RA = np.broadcast_to(certain_A, (rows.num_rows, len(arms)))
    return believable(arm, reward, log, certain_RA)


def believable(
    name: str,
    reward: str,
    log: Log,
    chance_RA: np.ndarray,
    unit: str = "customer",
    doubt: str = _DOUBT,
) -> Judged:
    """Judge, unless what was logged was not drawn by the logged shares.

    Raises
    ------
    BadInputError
        If the mean weight is too far from 1, with the `doubt` that this raises.
    """
    judgement = judge(log, chance_RA)
    weight = judgement.mean_weight
    if abs(weight.value - 1) > LIKELY_MARGINS * (weight.high - weight.value) + TOLERANCE:
        raise BadInputError(
            f"{name}: the mean weight is {weight.value:.3f} ({weight.low:.3f} to {weight.high:.3f})"
            f" where 1 is due: {doubt}"
        )
    return Judged(name, reward, unit, len(log.reward_R), judgement)


def _log(rows: pa.Table, action: str) -> tuple[Log, list[str], list[str]]:
    """Return the decisions, and what their codes of cells and of actions mean."""
    if not rows.num_rows:
        raise BadInputError("no letters: nothing to judge by")
    segment_R, segments = _coded(rows["segment"])
    action_R, actions = _coded(rows[action])
    log = Log(
        customer_R=_coded(rows["customer_id"])[0],
        cell_R=segment_R,
        action_R=action_R,
        propensity_R=rows["propensity"].to_numpy(),
        reward_R=rows["reward"].to_numpy(),
    )
    return log, segments, actions


def _coded(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _refuse_the_unknown(name: str, chance_SA: np.ndarray, log: Log, segments: list[str]) -> None:
    seen_SA = np.zeros(chance_SA.shape, bool)
    seen_SA[log.cell_R, log.action_R] = True
    for segment, chance_A, is_seen_A in zip(segments, chance_SA, seen_SA, strict=True):
        if not chance_A.any():
            raise BadInputError(
                f"{name} writes nothing to the segment {segment!r}: the hold-out tells what that is"
                " worth, letters do not"
            )
        for action in np.flatnonzero((chance_A > 0) & ~is_seen_A):
            raise BadInputError(
                f"{name} gives the segment {segment!r} {STRATEGIES[action]!r}, which nobody's"
                " first letter of these nights was: nothing is known of it; give it a share in an"
                " arm first"
            )

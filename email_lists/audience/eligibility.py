"""Who is written to tonight, what kind of letter, and when; one reason for everybody else.

Whoever is not written to has one reason, the first of these that holds:

1. `unknown_timezone`
2. `suppressed_erasure`, `suppressed_complaint`, `suppressed_unsubscribed`,
   `suppressed_hard_bounce`, `suppressed_manual` (by the shop or by the policy),
   `suppressed_country`, `suppressed_age`
3. `no_consent`, `consent_withdrawn`
4. `no_strategy`: the list has none for the segment
5. `cap_per_day`, `cap_per_week`, `cap_of_strategy_per_day`, `cap_of_strategy_per_week`
6. `hold_out`, last: those held out are whom the list would have written to tonight

Nobody held out gets letters, so caps take those written to and hardly ever them. What the arms
changed is therefore told of everybody `assigned`, those whom caps alone left out included.

The hand-off (`email_lists.audience.deliverable`) checks 2, 3 and 5 again and adds the reasons of
addresses.
"""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa

from email_lists.audience import arms, caps
from email_lists.audience.permissions import permitted
from email_lists.audience.send_times import send_times
from email_lists.frames import select
from vitrine.letters import HOLD_OUT
from vitrine.list_policy import ListPolicy, ListRules


@dataclass(frozen=True)
class Who:
    """What is known of the customers as of a run; see `email_lists.inputs`.

    Every table holds only what was known as of the run.
    """

    as_of: datetime
    customers: pa.Table
    """customer_id, country, timezone, segment, birth_year (int16 or null); one row per customer."""
    consents: pa.Table | None
    """The contract's ledger; None where the shop keeps none."""
    suppressions: pa.Table
    """customer_id, reason, suppressed_at."""
    reactions: pa.Table
    """customer_id, kind, occurred_at of bounces, complaints and unsubscriptions."""
    opens: pa.Table
    """customer_id, opened_at; one row per opened letter."""
    letters: pa.Table
    """customer_id, list, night, send_at, strategy: what was promised near the night, and what the
    shop sent by itself (list, night and strategy are null)."""

    @property
    def night(self) -> date:
        """The UTC day of the run: a list has one letter a customer and night."""
        return self.as_of.date()


_ASSIGNED = """
select customers.*, send_at, local_day, arm, arm_propensity, strategy, is_held_out
from customers
join send_times using (customer_id)
join drawn using (customer_id)
left join strategies using (segment, arm)
order by customer_id
"""

_DECIDED = f"""
select
    customer_id,
    send_at,
    local_day,
    consent_id,
    segment,
    strategy,
    arm,
    arm_propensity,
    case
        when send_at is null then 'unknown_timezone'
        when permitted.exclusion is not null then permitted.exclusion
        when strategy is null then 'no_strategy'
        when capped.exclusion is not null then capped.exclusion
        when is_held_out then '{HOLD_OUT}'
    end as exclusion,
    case
        when send_at is null or permitted.exclusion is not null or strategy is null then null
        when is_held_out then '{HOLD_OUT}'
        else arm
    end as assigned
from assigned
left join permitted using (customer_id)
left join capped using (customer_id)
order by customer_id
"""

_WANTED = """
select customer_id, timezone, send_at, strategy
from assigned
join permitted using (customer_id)
where exclusion is null and strategy is not null
order by customer_id
"""


def decisions(who: Who, policy: ListPolicy, list_name: str) -> pa.Table:
    """Decide for each known customer; exactly one row each.

    Returns
    -------
    pyarrow.Table
        customer_id, send_at (UTC instant) and local_day (date; both null for an unknown zone),
        consent_id (of the consent that allows it), segment, strategy (null: none), arm,
        arm_propensity (float64: the arm's share of those written to), exclusion (null: eligible),
        assigned (the arm or hold_out, whatever caps say; null for whom another reason excludes).

    Raises
    ------
    BadArgumentError
        If the policy has no such list.
    """
    assigned = _assigned(who, policy, policy.list_named(list_name))
    allowed = permitted(
        select("select * from assigned where send_at is not null", assigned=assigned),
        who.consents,
        who.suppressions,
        who.reactions,
        policy.suppress,
    )
    wanted = select(_WANTED, assigned=assigned, permitted=allowed)
    capped = caps.exceeded(wanted, who.letters, policy.caps, list_name, who.night)
    return select(_DECIDED, assigned=assigned, permitted=allowed, capped=capped)


def counts(exclusions: pa.Table) -> dict[str, int]:
    """Count the excluded by reason, in the order of the reasons' names."""
    rows = select(
        "select exclusion, count(*) as n from exclusions where exclusion is not null"
        " group by all order by all",
        exclusions=exclusions,
    )
    return {row["exclusion"]: row["n"] for row in rows.to_pylist()}


def _assigned(who: Who, policy: ListPolicy, rules: ListRules) -> pa.Table:
    """Give every customer a send time, an arm and the strategy of their segment in it."""
    return select(
        _ASSIGNED,
        customers=who.customers,
        send_times=send_times(who.customers, who.opens, who.as_of, policy.send_times),
        drawn=_drawn(who.customers["customer_id"], policy, rules),
        strategies=_strategies(rules),
    )


def _drawn(customer_ids: pa.ChunkedArray, policy: ListPolicy, rules: ListRules) -> pa.Table:
    ids, names = customer_ids.to_pylist(), sorted(rules.arms)
    arm_N = arms.arms(ids, rules)
    share_A = np.array([rules.arms[name].share for name in names])
    return pa.table(
        {
            "customer_id": customer_ids,
            "arm": pa.array(names, pa.string()).take(pa.array(arm_N)),
            "arm_propensity": share_A[arm_N],
            "is_held_out": arms.held_out(ids, policy.holdout),
        }
    )


def _strategies(rules: ListRules) -> pa.Table:
    rows = [
        {"segment": segment, "arm": name, "strategy": strategy}
        for name, arm in rules.arms.items()
        for segment, strategy in {**rules.strategies, **arm.strategies}.items()
    ]
    names = ("segment", "arm", "strategy")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in names]))

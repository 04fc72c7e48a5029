"""What the law and the customer allow: consent, and suppressions of every kind but of addresses.

Both the nightly build and the hand-off ask here, each with what is known to it.
"""

import pyarrow as pa

from email_lists.frames import select
from vitrine.contracts import INSTANT, TABLES
from vitrine.forgetting.ledger import Ledger
from vitrine.interval import EPOCH
from vitrine.list_policy import Suppress

PURPOSE = "email_marketing"
SUPPRESSIONS = ("erasure", "complaint", "unsubscribed", "hard_bounce", "manual", "country", "age")
"""What one can be suppressed for, the weightiest first; `suppressed_<this>` is the exclusion."""
REACTIONS = {"complained": "complaint", "unsubscribed": "unsubscribed", "bounced": "hard_bounce"}
"""The e-mail events that suppress, and for what; the contract knows one kind of bounce."""

_PERMITTED = """
with stated as (
    select customer_id, consent_id, is_granted, changed_at
    from people
    join consents using (customer_id)
    where
        consents.purpose = $purpose
        and (consents.changed_at <= people.send_at or $is_hand_off and not consents.is_granted)
    qualify row_number() over (
        partition by customer_id
        order by changed_at desc, is_granted, received_at desc, consent_id
    ) = 1
),
by_shop as (
    select customer_id, reason
    from people
    join suppressions using (customer_id)
    where suppressions.suppressed_at <= people.send_at or $is_hand_off
),
by_reaction as (
    select customer_id, kinds.reason
    from people
    join reactions using (customer_id)
    join kinds using (kind)
    left join stated using (customer_id)
    where
        (reactions.occurred_at <= people.send_at or $is_hand_off)
        -- Who agrees again after unsubscribing has changed their mind.
        and not (
            reactions.kind = 'unsubscribed'
            and coalesce(stated.is_granted and stated.changed_at > reactions.occurred_at, false)
        )
),
by_policy as (
    select customer_id, 'manual' as reason from people where customer_id in $customers
    union all
    select customer_id, 'country' as reason from people where country in $countries
    union all
    select customer_id, 'age' as reason
    from people
    -- The birthday is not known: of those who reach the age this year nobody is sure to have.
    where extract(year from send_at) - birth_year <= $minimum_age
),
suppressed as (
    select customer_id, min(list_position($reasons, reason)) as weight
    from (from by_shop union all from by_reaction union all from by_policy)
    group by all
),
final as (
    select
        customer_id,
        if(stated.is_granted, stated.consent_id, null) as consent_id,
        case
            when suppressed.weight is not null then 'suppressed_' || $reasons[suppressed.weight]
            when not $has_consents then null
            when stated.consent_id is null then 'no_consent'
            when not stated.is_granted then 'consent_withdrawn'
        end as exclusion
    from people
    left join stated using (customer_id)
    left join suppressed using (customer_id)
)
select * from final order by customer_id
"""


def with_erased(
    suppressions: pa.Table, erasures: Ledger, customer_ids: pa.ChunkedArray
) -> pa.Table:
    """Add those of some customers who were forgotten: an erasure that was killed midway counts.

    Parameters
    ----------
    suppressions
        customer_id, reason, suppressed_at, and any others.
    erasures
        The salted hashes of everybody who was erased.
    """
    erased = erasures.among(customer_ids.to_pylist())
    rows = {
        "customer_id": erased,
        "reason": pa.repeat("erasure", len(erased)),
        "suppressed_at": pa.repeat(pa.scalar(EPOCH, INSTANT), len(erased)),
    }
    return pa.concat_tables([suppressions, pa.table(rows)], promote_options="permissive")


def permitted(
    people: pa.Table,
    consents: pa.Table | None,
    suppressions: pa.Table,
    reactions: pa.Table,
    rules: Suppress,
    *,
    is_hand_off: bool = False,
) -> pa.Table:
    """Decide for each of these people; exactly one row each.

    The latest consent changed by the send time holds; of two with the same instant the withdrawal
    does. A suppression or reaction by the send time removes, an unsubscription until consent is
    given anew. At the hand-off whoever left is out, even if that was after the send time: the file
    is late then, and they have left all the same.

    Parameters
    ----------
    people
        customer_id, send_at (UTC instant), country, birth_year (null where unknown).
    consents
        The contract's ledger, or None where the shop keeps none: then nobody is excluded for it.
    suppressions
        customer_id, reason, suppressed_at; rows of addresses alone (customer_id null) match nobody.
    reactions
        customer_id, kind, occurred_at: e-mail events, of which those in `REACTIONS` count.

    Returns
    -------
    pyarrow.Table
        customer_id, consent_id (of the consent that allows it), exclusion (null: permitted).
    """
    kinds = pa.table({"kind": list(REACTIONS), "reason": list(REACTIONS.values())})
    return select(
        _PERMITTED,
        {
            "purpose": PURPOSE,
            "is_hand_off": is_hand_off,
            "customers": list(rules.customers),
            "countries": [country.upper() for country in rules.countries],
            "minimum_age": rules.minimum_age,
            "reasons": list(SUPPRESSIONS),
            "has_consents": consents is not None,
        },
        people=people,
        consents=TABLES["consents"].empty() if consents is None else consents,
        suppressions=suppressions,
        reactions=reactions,
        kinds=kinds,
    )

"""Who may be written to: consent and suppression as of the send time, one reason per exclusion."""

import pyarrow as pa

from email_lists.frames import select
from vitrine.contracts import TABLES

PURPOSE = "email_marketing"

_DECISIONS = """
with stated as (
    select customer_id, consent_id, is_granted
    from customers
    join send_times using (timezone)
    join consents using (customer_id)
    where consents.purpose = $purpose and consents.changed_at <= send_times.send_at
    qualify row_number() over (
        partition by customer_id
        order by changed_at desc, is_granted, received_at desc, consent_id
    ) = 1
),
suppressed as (
    select customer_id, reason
    from customers
    join send_times using (timezone)
    join suppressions using (customer_id)
    where suppressions.suppressed_at <= send_times.send_at
    qualify row_number() over (
        partition by customer_id order by suppressed_at, reason, suppression_id
    ) = 1
),
final as (
    select
        customer_id,
        send_times.send_at,
        if(stated.is_granted, stated.consent_id, null) as consent_id,
        case
            when send_times.send_at is null then 'unknown_timezone'
            when suppressed.reason is not null then 'suppressed_' || suppressed.reason
            when not $has_consents then null
            when stated.consent_id is null then 'no_consent'
            when not stated.is_granted then 'consent_withdrawn'
        end as exclusion
    from customers
    left join send_times using (timezone)
    left join stated using (customer_id)
    left join suppressed using (customer_id)
)
select * from final order by customer_id
"""


def decisions(
    customers: pa.Table,
    send_times: pa.Table,
    consents: pa.Table | None,
    suppressions: pa.Table,
) -> pa.Table:
    """Decide for each customer; exactly one row each.

    The latest consent changed by the send time holds; of two with the same instant the withdrawal
    does. A suppression begun by the send time always removes. Every table holds only what was known
    as of the run.

    Parameters
    ----------
    customers
        customer_id and timezone (strings), one row per customer.
    send_times
        timezone and send_at (UTC instant, null for an unknown zone).
    consents
        The contract's ledger, or None where the shop keeps none: then nobody is excluded for it.
    suppressions
        The contract's columns; rows of addresses alone (customer_id null) are the export's matter.

    Returns
    -------
    pyarrow.Table
        customer_id, send_at, consent_id (of the consent that allows it), exclusion (null: eligible;
        else one reason, the first of time zone, suppression, consent).
    """
    ledger = TABLES["consents"].empty() if consents is None else consents
    return select(
        _DECISIONS,
        {"purpose": PURPOSE, "has_consents": consents is not None},
        customers=customers,
        send_times=send_times,
        consents=ledger,
        suppressions=suppressions,
    )


def counts(exclusions: pa.Table) -> dict[str, int]:
    """Count the excluded by reason, in the order of the reasons' names."""
    rows = select(
        "select exclusion, count(*) as n from exclusions where exclusion is not null"
        " group by all order by all",
        exclusions=exclusions,
    )
    return {row["exclusion"]: row["n"] for row in rows.to_pylist()}

"""Who is still written to at the hand-off, and at which address; the only reader of contacts.

Frames in, frames out: `email_lists.export` reads and writes.
"""

import pyarrow as pa

from email_lists.eligibility import PURPOSE
from email_lists.frames import select
from vitrine.contracts import TABLES

# What a mail server takes without quoting, and no cell that a spreadsheet would run as a formula.
ADDRESS = r"[a-z0-9_!#$%&*/?^`{|}~][a-z0-9_!#$%&'*/?^`{|}~.+=-]*@[a-z0-9-]+(\.[a-z0-9-]+)+"

_CHECKED = """
with addresses as (
    select customer_id, lower(trim(email_address)) as email_address
    from contacts
    qualify row_number() over (
        partition by customer_id order by received_at desc, email_address
    ) = 1
),
stated as (
    select customer_id, is_granted
    from people
    join consents using (customer_id)
    where consents.purpose = $purpose and consents.changed_at <= people.send_at
    qualify row_number() over (
        partition by customer_id
        order by changed_at desc, is_granted, received_at desc, consent_id
    ) = 1
),
suppressed_customers as (
    select people.customer_id, min(reason) as reason
    from people
    join suppressions using (customer_id)
    where suppressed_at <= people.send_at
    group by all
),
suppressed_addresses as (
    select people.customer_id, min(reason) as reason
    from people
    join addresses using (customer_id)
    join suppressions
        on addresses.email_address = lower(trim(suppressions.email_address))
        and suppressions.suppressed_at <= people.send_at
    group by all
),
checked as (
    select
        people.customer_id,
        addresses.email_address,
        case
            when suppressed_customers.reason is not null
                then 'suppressed_' || suppressed_customers.reason
            when suppressed_addresses.reason is not null
                then 'suppressed_address_' || suppressed_addresses.reason
            when $has_consents and stated.is_granted is distinct from true
                then 'consent_withdrawn'
            when not $has_contacts then null
            when addresses.email_address is null then 'no_address'
            when not regexp_full_match(addresses.email_address, $address)
                then 'invalid_address'
        end as exclusion
    from people
    left join addresses using (customer_id)
    left join stated using (customer_id)
    left join suppressed_customers using (customer_id)
    left join suppressed_addresses using (customer_id)
),
final as (
    select
        customer_id,
        email_address,
        case
            when exclusion is null and email_address is not null and row_number() over (
                partition by email_address, exclusion is null order by customer_id
            ) > 1 then 'duplicate_address'
            else exclusion
        end as exclusion
    from checked
)
select * from final order by customer_id
"""


def deliverable(
    people: pa.Table,
    contacts: pa.Table | None,
    consents: pa.Table | None,
    suppressions: pa.Table,
) -> pa.Table:
    """Check every person of a staged list again, with the newest that has been received.

    Consent and suppression may have changed since the list was built; addresses are suppressed
    too, whatever their capitals. Of customers who share an address the first id keeps it.

    Parameters
    ----------
    people
        customer_id and send_at.
    contacts, consents, suppressions
        The contract's tables; None where the shop has none: then nobody is taken out for it.

    Returns
    -------
    pyarrow.Table
        customer_id, email_address (in lower case), exclusion (null: goes out); one row per person.
    """
    return select(
        _CHECKED,
        {
            "purpose": PURPOSE,
            "address": ADDRESS,
            "has_contacts": contacts is not None,
            "has_consents": consents is not None,
        },
        people=people,
        contacts=TABLES["contacts"].empty() if contacts is None else contacts,
        consents=TABLES["consents"].empty() if consents is None else consents,
        suppressions=suppressions,
    )

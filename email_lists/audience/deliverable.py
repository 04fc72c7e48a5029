"""Who is still written to at the hand-off, and at which address.

Frames in, frames out: `email_lists.audience.received` reads, `email_lists.handover.export` writes.
"""

from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from email_lists.audience import caps
from email_lists.audience.mailboxes import PERSON, Mailboxes
from email_lists.audience.permissions import permitted, with_erased
from email_lists.frames import select
from vitrine.contracts import TABLES
from vitrine.forgetting.ledger import Ledger
from vitrine.list_policy import ListPolicy

# What a mail server takes without quoting; no cell that a spreadsheet would run as a formula, and
# none of the marks by which senders' programs fill in values: {{x}}, ${x}, *|x|*, %x%.
ADDRESS = (
    r"[a-z0-9_!#&/?^`~][a-z0-9_!#&'/?^`~+=-]*(\.[a-z0-9_!#&'/?^`~+=-]+)*"
    r"@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
)
LONGEST_ADDRESS, LONGEST_LOCAL_PART = 254, 64
"""In characters (RFC 5321, 4.5.3.1)."""


@dataclass(frozen=True)
class Newest:
    """All that has been received by the hand-off; see `email_lists.audience.received`."""

    contacts: pa.Table | None
    """The contract's table; None where the shop gives no addresses."""
    consents: pa.Table | None
    """The contract's ledger; None where the shop keeps none."""
    suppressions: pa.Table
    """The contract's columns."""
    reactions: pa.Table
    """customer_id, kind, occurred_at of bounces, complaints and unsubscriptions."""
    customers: pa.Table
    """customer_id, country, birth_year; one row per customer, the newest."""
    letters: pa.Table
    """As `eligibility.Who.letters`."""
    erasures: Ledger = field(default_factory=Ledger)
    """Who was forgotten since the list was built."""


_PEOPLE = """
select
    people.customer_id,
    people.send_at,
    people.strategy,
    people.timezone,
    coalesce(customers.country, people.country) as country,
    customers.birth_year
from people
left join customers using (customer_id)
order by customer_id
"""

_ADDRESSES = f"""
with newest as (
    select customer_id, lower(trim(email_address)) as email_address
    from contacts
    semi join people using (customer_id)
    qualify row_number() over (
        partition by customer_id order by received_at desc, email_address
    ) = 1
),
final as (
    select
        customer_id,
        email_address,
        {PERSON.format("email_address")} as person,
        split_part(email_address, '@', -1) as domain,
        regexp_full_match(email_address, $address)
            and length(email_address) <= $longest
            and length(split_part(email_address, '@', 1)) <= $longest_local_part as is_valid
    from newest
)
select * from final order by customer_id
"""

_CHECKED = f"""
with suppressed_addresses as (
    select addresses.customer_id, min(reason) as reason
    from addresses
    join suppressions
        on addresses.person = {PERSON.format("suppressions.email_address")}
    group by all
),
levels as (
    select domain, string_split(domain, '.') as parts
    from (select distinct domain from addresses)
),
suppressed_domains as (
    select domain
    from levels
    -- A domain goes with all that lie under it.
    where list_has_any(
        list_transform(range(len(parts)), lambda n: array_to_string(parts[n + 1:], '.')),
        $domains
    )
),
checked as (
    select
        people.customer_id,
        permitted.consent_id,
        addresses.email_address,
        addresses.person,
        case
            when permitted.exclusion is not null then permitted.exclusion
            when suppressed_addresses.reason is not null
                then 'suppressed_address_' || suppressed_addresses.reason
            when suppressed_domains.domain is not null then 'suppressed_domain'
            when refused.reason is not null then refused.reason
            when capped.exclusion is not null then capped.exclusion
            when not $has_contacts then null
            when addresses.email_address is null then 'no_address'
            when not addresses.is_valid then 'invalid_address'
            when taken.customer_id is not null then 'duplicate_address'
        end as exclusion
    from people
    left join permitted using (customer_id)
    left join capped using (customer_id)
    left join addresses using (customer_id)
    left join suppressed_addresses using (customer_id)
    left join suppressed_domains using (domain)
    left join refused using (person)
    left join taken using (customer_id)
),
once as (
    select
        * replace (
            case
                when exclusion is null and person is not null and row_number() over (
                    partition by person, exclusion is null order by customer_id
                ) > 1 then 'duplicate_address'
                else exclusion
            end as exclusion
        )
    from checked
),
final as (
    select
        customer_id,
        if(exclusion is null, email_address, null) as email_address,
        consent_id,
        exclusion,
        customer_id in (select customer_id from shared) as is_shared
    from once
)
select * from final order by customer_id
"""


def deliverable(
    people: pa.Table,
    newest: Newest,
    policy: ListPolicy,
    list_name: str,
    night: date,
    *,
    is_due: bool = False,
) -> pa.Table:
    """Check every person of a staged list again, with the newest that has been received.

    Consent, suppressions, the policy and other lists may have changed since the list was built;
    addresses and their domains are suppressed too, whatever their capitals. Customers whose
    addresses differ in capitals or in what follows a plus sign alone are one person, listed or not:
    where one account complained, unsubscribed, bounced, withdrew or is held out, no other gets the
    letter, and caps count the letters to all (`email_lists.audience.mailboxes`). Of several who may
    get it the one that this night's letter was promised to does, or else the first id.

    Parameters
    ----------
    people
        customer_id, send_at, country, timezone, strategy: the staged list.
    is_due
        Whether these letters go now, so that what follows them gives way (`caps.preceding`).

    Returns
    -------
    pyarrow.Table
        customer_id, email_address (in lower case; null for who is excluded), consent_id (of the
        consent that allows it now), exclusion (null: goes out), is_shared (whether the mailbox ever
        was another account's too); one row per person.
    """
    known = select(_PEOPLE, people=people, customers=newest.customers)
    suppressions = with_erased(newest.suppressions, newest.erasures, known["customer_id"])
    contacts = TABLES["contacts"].empty() if newest.contacts is None else newest.contacts
    addresses = _addresses(known, contacts)
    mailboxes = Mailboxes.of(known, addresses, contacts)
    letters = mailboxes.letters(newest.letters)
    if is_due:
        letters = caps.preceding(known, letters, tuple(policy.lists), list_name, night)
    refused = mailboxes.refused(
        newest.consents, newest.suppressions, newest.reactions, policy.suppress
    )
    return select(
        _CHECKED,
        {
            "domains": [domain.lower() for domain in policy.suppress.domains],
            "has_contacts": newest.contacts is not None,
        },
        people=known,
        permitted=permitted(
            known,
            newest.consents,
            suppressions,
            newest.reactions,
            policy.suppress,
            is_hand_off=True,
        ),
        capped=caps.exceeded(known, letters, policy.caps, list_name, night),
        addresses=addresses,
        refused=refused,
        shared=mailboxes.listed,
        taken=mailboxes.taken(newest.letters, policy, list_name, night),
        suppressions=suppressions,
    )


def _addresses(people: pa.Table, contacts: pa.Table) -> pa.Table:
    """Take each person's newest address, whose it is, and whether it is one at all."""
    return select(
        _ADDRESSES,
        {
            "address": ADDRESS,
            "longest": LONGEST_ADDRESS,
            "longest_local_part": LONGEST_LOCAL_PART,
        },
        people=people,
        contacts=contacts,
    )

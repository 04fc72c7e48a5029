"""What all accounts of one mailbox say: whoever left, had a letter or is held out is one person.

A mailbox belongs to every account that ever gave its address: a complaint about a letter to it
stays one when the account that got the letter moves on. Frames in, frames out.
"""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from email_lists.audience import arms
from email_lists.audience.permissions import permitted
from email_lists.frames import select
from vitrine.list_policy import Holdout, ListPolicy, Suppress

PERSON = "regexp_replace(lower(trim({})), '\\+[^@]*@', '@')"
"""Of an address, in SQL: capitals and what follows a plus sign do not make another person."""
REFUSALS = (
    "suppressed_complaint",
    "suppressed_unsubscribed",
    "suppressed_hard_bounce",
    "suppressed_manual",
    "consent_withdrawn",
)
"""The exclusions of one account that hold for all of its mailbox, the weightiest first. Not what is
said of an account alone: its country, its year of birth, a consent never given, an erasure (who was
forgotten may open an account anew)."""

_SHARED = f"""
with given as (
    select distinct {PERSON.format("email_address")} as person, customer_id
    from contacts
    semi join (select person from addresses where is_valid) as listed
        on listed.person = {PERSON.format("contacts.email_address")}
),
final as (
    from given
    qualify count(*) over (partition by person) > 1
)
select * from final order by person, customer_id
"""

_LISTED = """
select customer_id, addresses.person, people.send_at
from people
join addresses using (customer_id)
semi join accounts using (person)
order by customer_id
"""

_ACCOUNTS = """
select
    accounts.customer_id,
    -- What is agreed to after the first of the mailbox's letters allows none of them.
    min(listed.send_at) as send_at,
    null::varchar as country,
    null::smallint as birth_year
from accounts
join listed using (person)
group by all
order by all
"""

_REFUSED = """
with weighed as (
    select accounts.person, min(list_position($refusals, permitted.exclusion)) as weight
    from accounts
    join permitted using (customer_id)
    where list_contains($refusals, permitted.exclusion)
    group by all
)
select person, $refusals[weight] as reason from weighed order by all
"""

_LETTERS = """
with theirs as (
    select distinct
        listed.customer_id,
        letters.list,
        letters.night,
        letters.send_at,
        letters.strategy,
        letters.is_gone
    from letters
    join accounts using (customer_id)
    join listed using (person)
    where listed.customer_id != letters.customer_id
)
select customer_id, list, night, send_at, strategy, is_gone from letters
union all
select customer_id, list, night, send_at, strategy, is_gone from theirs
"""

_TAKEN = """
with holders as (
    -- Whoever it went to has it, whenever the others' would have gone.
    select
        accounts.person,
        min_by(customer_id, (not letters.is_gone, letters.send_at, customer_id)) as holder
    from letters
    join accounts using (customer_id)
    where letters.list = $list and letters.night = $night
    group by all
),
controls as (
    select distinct accounts.person
    from accounts
    join drawn using (customer_id)
    where drawn.is_held_out
),
final as (
    select listed.customer_id
    from listed
    left join holders using (person)
    left join controls using (person)
    left join drawn using (customer_id)
    where
        holders.holder != listed.customer_id
        -- Those held out are checked too, and stay so; the control has each person once.
        or controls.person is not null and not drawn.is_held_out
)
select * from final order by customer_id
"""


@dataclass(frozen=True)
class Mailboxes:
    """The mailboxes of listed people to which several accounts ever belonged; most have one."""

    accounts: pa.Table
    """person, customer_id: every account, listed or not."""
    listed: pa.Table
    """customer_id, person, send_at: of the list."""

    @classmethod
    def of(cls, people: pa.Table, addresses: pa.Table, contacts: pa.Table) -> "Mailboxes":
        """Find them.

        Parameters
        ----------
        people
            customer_id, send_at: the list.
        addresses
            customer_id, person, is_valid: the newest address of each who has one.
        contacts
            The contract's table: everybody's, all that were ever given.
        """
        accounts = select(_SHARED, addresses=addresses, contacts=contacts)
        listed = select(_LISTED, people=people, addresses=addresses, accounts=accounts)
        return cls(accounts, listed)

    def refused(
        self,
        consents: pa.Table | None,
        suppressions: pa.Table,
        reactions: pa.Table,
        rules: Suppress,
    ) -> pa.Table:
        """Return person and reason where any account refuses letters, by the hand-off.

        Parameters are those of `permissions.permitted`; the reason is one of `REFUSALS`.
        """
        accounts = select(_ACCOUNTS, accounts=self.accounts, listed=self.listed)
        own = Suppress(customers=rules.customers, minimum_age=None)
        lasting = select(
            "select * from suppressions where reason != 'erasure'", suppressions=suppressions
        )
        allowed = permitted(accounts, consents, lasting, reactions, own, is_hand_off=True)
        asked = {"refusals": list(REFUSALS)}
        return select(_REFUSED, asked, accounts=self.accounts, permitted=allowed)

    def letters(self, letters: pa.Table) -> pa.Table:
        """Add to each listed customer's letters those that went to other accounts of the mailbox.

        Columns as `ledger.promised`.
        """
        return select(_LETTERS, letters=letters, accounts=self.accounts, listed=self.listed)

    def taken(self, letters: pa.Table, policy: ListPolicy, list_name: str, night: date) -> pa.Table:
        """Return customer_id of the listed in whose mailbox the letter is another account's.

        What was promised to one account goes to no other in its stead: the first may be out
        already. And who is held out as one account is so as all.
        """
        return select(
            _TAKEN,
            {"list": list_name, "night": night},
            letters=letters,
            accounts=self.accounts,
            listed=self.listed,
            drawn=_drawn(self.accounts, policy.holdout),
        )


def _drawn(accounts: pa.Table, holdout: Holdout) -> pa.Table:
    ids = accounts["customer_id"].unique()
    return pa.table({"customer_id": ids, "is_held_out": arms.held_out(ids.to_pylist(), holdout)})

"""What must hold of every letter, whoever made the list: one query each for those that break it.

A query finds the keys of what is wrong, in the tables of `list_inputs`. Nothing here knows how
lists are made; docs/gate.md says the same in a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from expectations.rules import Rule, advised, true
from vitrine.contracts import NO_COUNTRY

REST_DAYS = 30
LEAST_BUYERS = 10
REPEATED_BY = 5
"""One in so many buyers came back on another day: a product that people buy again and again."""
BRAND_AT_MOST = 2
WEEK_DAYS = 7
AGAIN = "build the list again; where it stays, keep it withheld: the fault is Vitrine's"


@dataclass(frozen=True)
class ListRule:
    """A rule under the name of the column that says whether it holds."""

    name: str
    broken: str
    """SQL for the keys of the rows that break it."""
    advice: str

    @property
    def rule(self) -> Rule:
        """What the gate checks."""
        return advised(true(self.name), self.advice)


def beside(rows: str, keys: Sequence[str], rules: Sequence[ListRule]) -> str:
    """Add to the rows of a query one column a rule: true where it holds. Keys that are null do."""
    listed = ", ".join(keys)
    found = [
        f"left join (select distinct {listed}, true as is_broken from ({rule.broken}))"
        f" as {rule.name} using ({listed})"
        for rule in rules
    ]
    held = [f"{rule.name}.is_broken is null as {rule.name}" for rule in rules]
    columns = ", ".join(["rows.*", *held])
    return f"select {columns} from ({rows}) as rows {' '.join(found)}"


CONSENT = (
    ListRule(
        "is_consent_theirs",
        "select customer_id from people anti join consents using (customer_id, consent_id)",
        "nobody is written to without a consent of their own that the shop's ledger holds: look"
        " whether a drop of consents was landed anew, then build the list again",
    ),
    ListRule(
        "is_consent_given",
        """
        select customer_id from people join consents using (customer_id, consent_id)
        where not is_granted or purpose <> getvariable('purpose')
        """,
        f"what is named is a withdrawal, or allows something else: {AGAIN}",
    ),
    ListRule(
        "is_consent_newest",
        """
        with stated as (
            select
                customer_id,
                max(changed_at) as changed_at,
                max(changed_at) filter (not is_granted) as withdrawn_at
            from people join consents using (customer_id)
            where purpose = getvariable('purpose') and changed_at <= send_at
            group by all
        )
        select customer_id from people
        join consents using (customer_id, consent_id)
        left join stated using (customer_id)
        -- Of what was said at one instant the withdrawal holds.
        where
            consents.changed_at is distinct from stated.changed_at
            or withdrawn_at = stated.changed_at
        """,
        f"the customer said something else since, by the send time: {AGAIN}",
    ),
)
"""Where the shop keeps a ledger of consents."""

_REACTED = """
select customer_id from people join email_events using (customer_id)
where kind = '{kind}' and occurred_at <= send_at
"""

SUPPRESSION = (
    ListRule(
        "is_not_suppressed",
        """
        select customer_id from people join suppressions using (customer_id)
        where suppressed_at <= send_at
        """,
        f"the shop suppressed the customer: {AGAIN}",
    ),
    ListRule(
        "is_not_complaining",
        _REACTED.format(kind="complained"),
        f"an e-mail event says that the customer complained of an e-mail: {AGAIN}",
    ),
    ListRule(
        "is_not_bouncing",
        _REACTED.format(kind="bounced"),
        f"an e-mail event says that the address takes no e-mail: {AGAIN}",
    ),
    ListRule(
        "is_not_unsubscribed",
        """
        select customer_id from people
        join email_events using (customer_id)
        left join consents using (customer_id, consent_id)
        where
            kind = 'unsubscribed' and occurred_at <= send_at
            -- Who agrees again after unsubscribing has changed their mind.
            and coalesce(consents.changed_at <= occurred_at, true)
        """,
        f"an e-mail event says that the customer unsubscribed, and agreed to none since: {AGAIN}",
    ),
    ListRule(
        "is_not_forgotten",
        "select customer_id from people semi join forgotten using (customer_id)",
        "the customer was erased: build the list again; see docs/runbooks/forget-a-customer.md",
    ),
    ListRule(
        "is_allowed_by_policy",
        """
        with newest as (
            select customer_id, country, birth_year from customers
            qualify row_number() over (partition by customer_id order by received_at desc) = 1
        )
        select customer_id from people semi join suppressed_customers using (customer_id)
        union all
        select customer_id from people left join newest using (customer_id)
        where
            people.country in (from suppressed_countries)
            or newest.country in (from suppressed_countries)
            -- Of those who reach the age this year nobody is sure to have.
            or extract(year from send_at) - birth_year <= getvariable('minimum_age')
        """,
        "the policy suppresses the customer, the country or the age; if the policy was changed"
        f" since, that is why: {AGAIN}",
    ),
    ListRule(
        "is_not_held_out",
        "select customer_id from people semi join held_out using (customer_id)",
        "the customer belongs to the global control, which no list writes to; if holdout was"
        f" changed in the policy, that is why: {AGAIN}",
    ),
)


def _fullest(condition: str) -> str:
    """Return SQL for the most letters in any seven local days around the new letter's."""
    weeks = [
        f"count(*) filter ({condition} and day between {first} and {first + WEEK_DAYS - 1})"
        for first in range(1 - WEEK_DAYS, 1)
    ]
    return f"greatest({', '.join(weeks)})"


CAPS = ListRule(
    "is_within_caps",
    f"""
    with sent as (
        select message_id, customer_id, occurred_at from email_events
        where
            kind = 'sent'
            and occurred_at >= getvariable('near_from')
            and occurred_at < getvariable('near_until')
    ),
    -- A letter went when its event says so; until that is received, when its book does.
    gone as (
        select
            message_id,
            coalesce(handed_over.customer_id, sent.customer_id) as customer_id,
            coalesce(occurred_at, handed_at) as gone_at,
            list,
            night
        from sent full join handed_over using (message_id)
    ),
    -- A letter counts when it is promised for, and when it went.
    taken as (
        select message_id, customer_id, send_at, strategy, list, night from letters
        union all
        select message_id, letters.customer_id, gone_at, strategy, letters.list, letters.night
        from letters join gone using (message_id)
        union all
        -- What the shop sent by itself, and what was taken back from its list after it went.
        select message_id, customer_id, min(gone_at), null, list, night
        from gone anti join letters using (message_id)
        group by all
    ),
    counted as (
        select distinct
            customer_id,
            taken.message_id,
            (taken.send_at at time zone timezone)::date
            - (people.send_at at time zone timezone)::date as day,
            coalesce(taken.strategy = people.strategy, false) as is_alike
        from people join taken using (customer_id)
        where list is distinct from getvariable('list_name')
            or night is distinct from getvariable('night')
    ),
    totals as (
        select
            customer_id,
            count(*) filter (day = 0) as in_day,
            {_fullest("true")} as in_week,
            count(*) filter (is_alike and day = 0) as alike_in_day,
            {_fullest("is_alike")} as alike_in_week
        from counted
        group by all
    )
    select customer_id from people
    left join totals using (customer_id)
    left join strategy_caps on people.strategy = strategy_caps.strategy
    where coalesce(in_day, 0) >= getvariable('per_day')
        or coalesce(in_week, 0) >= getvariable('per_week')
        or coalesce(alike_in_day, 0) >= strategy_caps.per_day
        or coalesce(alike_in_week, 0) >= strategy_caps.per_week
    """,
    "with this letter the customer gets more than caps allow in a local day, in seven in a row, or"
    " of the strategy: another list was published since, or caps were lowered; build the list"
    " again",
)

BRANDS = ListRule(
    "is_of_several_brands",
    f"""
    with crowded as (
        select customer_id, send_at, country from shown join products using (product_id)
        group by customer_id, send_at, country, products.brand
        having count(*) > {BRAND_AT_MOST}
    ),
    choices as (
        select distinct brand, country, opens_at, closes_at from offers
        where not is_banned and (stock_left is null or stock_left > 0)
    ),
    -- A slate of the only brand that can be bought there breaks nothing.
    markets as (
        select asked.send_at, asked.country
        from (select distinct send_at, country from crowded) as asked
        join choices
            on choices.country in (asked.country, '{NO_COUNTRY}')
            and opens_at <= send_at
            and (closes_at is null or closes_at > send_at)
        group by all
        having count(distinct choices.brand) = 1
    )
    select customer_id from crowded anti join markets using (send_at, country)
    """,
    f"more than {BRAND_AT_MOST} products of a brand, where the customer could buy from others:"
    f" {AGAIN}",
)

LETTER = (*SUPPRESSION, CAPS, BRANDS)
"""By customer_id."""

PRODUCT = (
    ListRule(
        "is_rested",
        f"""
        with late as (
            select distinct customer_id, position, product_id
            from shown
            join orders using (customer_id, product_id)
            where kind = 'sale' and occurred_at >= getvariable('as_of') - interval {REST_DAYS} days
        ),
        buyers as (
            select
                product_id,
                customer_id,
                min(occurred_at::date) < max(occurred_at::date) as is_back
            from orders semi join late using (product_id)
            where kind = 'sale' and customer_id is not null
            group by all
        ),
        repeated as (
            select product_id from buyers group by all
            having count(*) >= {LEAST_BUYERS}
                and {REPEATED_BY} * count(*) filter (is_back) >= count(*)
        )
        select customer_id, position from late anti join repeated using (product_id)
        """,
        f"bought in the last {REST_DAYS} days, and people do not buy it again and again: {AGAIN}",
    ),
    ListRule(
        "is_bought_today",
        """
        with told as (
            select
                customer_id,
                position,
                product_id,
                bought_today_count,
                timezone,
                (people.send_at at time zone timezone)::date as read_on,
                (getvariable('as_of') at time zone timezone)::date as today
            from shown join people using (customer_id)
            where bought_today_count is not null
        ),
        counted as (
            select product_id, timezone, count(distinct customer_id) as buyer_count
            from orders
            join (select distinct product_id, timezone, today from told) using (product_id)
            where kind = 'sale'
                and (occurred_at at time zone timezone)::date = today
                and occurred_at < getvariable('as_of')
                -- No local day is longer: the rest of the past need not be asked for its day.
                and occurred_at >= getvariable('as_of') - interval 2 days
            group by all
        )
        select customer_id, position
        from told left join counted using (product_id, timezone)
        where read_on <> today or bought_today_count not between 1 and coalesce(buyer_count, 0)
        """,
        "the letter says that more people bought it today than had by what was received, or goes"
        f" out on another local day: {AGAIN}",
    ),
)
"""By customer_id and position."""

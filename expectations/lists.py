"""The staged e-mail lists, before anyone can send them: who is in, and what each is shown.

Consents, suppressions, caps, purchases and stock are read again, straight from what was received
(`list_inputs`), and every letter is held against rules of the gate's own (`list_rules`), so that a
fault in how lists are made cannot vouch for itself. All as the nightly build knew it, so that a
night may be built and checked again. What is in order may still be unusual: see `list_limits`.
Addresses are not in the staged lists: domains are the hand-off's to refuse.
"""

from dataclasses import dataclass
from datetime import datetime

import pyarrow.parquet as pq

from expectations import list_limits, list_overrides, list_rules, samples
from expectations.list_inputs import ALL, Inputs
from expectations.list_limits import PRODUCTS_SHOWN
from expectations.list_rules import AGAIN, ListRule
from expectations.rules import (
    Check,
    Rule,
    Sample,
    advised,
    between,
    matching,
    one_of,
    required,
    true,
    unique,
    warn,
)
from vitrine import list_policy_file
from vitrine.contracts import NO_COUNTRY
from vitrine.installation import Installation
from vitrine.interval import DAY, floor
from vitrine.list_policy import STRATEGIES
from vitrine.sources import require
from vitrine.staged_lists import PEOPLE, StagedList
from vitrine.warehouse import published_file

SEND_WITHIN_HOURS = 25
"""A day at most, which has 25 hours when the clocks go back."""
HARMFUL = (
    r"[\p{Cc}\p{Zl}\p{Zp}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}]"
    r"|\{\{|\{%|\{#|\$\{|#\{|<%|<\?|\[\[|\*\||%%"
)
"""In a name: it would end a header's line, turn what is read, or open a template's tag."""
ROUNDING = 1e-3
"""Of promised units: chances are written in single precision, and there are many to add up."""

SELLABLE = tuple(
    map(true, ("is_plain", "is_not_banned", "is_campaign_open", "is_sold_there", "is_on_sale"))
)
"""What holds of each product that a letter shows, and of each campaign."""

_LETTERS = """
select
    customer_id,
    country,
    language,
    send_at,
    len(products) as product_count,
    len(products) - len(list_distinct(list_transform(products, lambda p: p.product_id)))
        as repeated_product_count,
    len(campaigns) as campaign_count,
    message_id,
    strategy,
    arm_propensity,
    (send_at at time zone timezone)::time as local_time,
    if(
        getvariable('quiet_from') <= getvariable('quiet_until'),
        local_time >= getvariable('quiet_from') and local_time < getvariable('quiet_until'),
        local_time >= getvariable('quiet_from') or local_time < getvariable('quiet_until')
    ) as is_quiet,
    date_diff('second', getvariable('as_of'), send_at) / 3600.0 as hours_to_send
from people
"""

_SHOWN = f"""
select
    shown.customer_id,
    shown.position,
    shown.product_id,
    shown.campaign_id,
    shown.price,
    coalesce(
        campaigns.opens_at <= send_at
        and (campaigns.closes_at is null or campaigns.closes_at > send_at),
        false
    ) as is_campaign_open,
    coalesce(campaigns.country in (shown.country, '{NO_COUNTRY}'), false) as is_sold_there,
    offers.product_id is not null and coalesce(offers.stock_left > 0, true) as is_on_sale,
    coalesce(list_min(list_transform(prices, lambda p: abs(p - shown.price))) < 0.005, true)
        as is_shop_price,
    not regexp_matches(concat_ws(' ', shown.name, shown.brand, cause_name), '{HARMFUL}')
        as is_plain,
    not coalesce(is_banned, false) as is_not_banned,
    probability,
    propensity
from shown
left join campaigns using (campaign_id)
left join offers using (campaign_id, product_id)
"""

_CAMPAIGNS = f"""
with listed as (
    select customer_id, country, send_at, strategy, unnest(campaigns) as item from people
),
selling as (
    select distinct campaign_id from offers
    where not is_banned and coalesce(stock_left > 0, true)
)
select
    customer_id,
    item.rank as rank,
    item.campaign_id as campaign_id,
    not list_has_any(
        getvariable('banned'), ['campaign ' || item.campaign_id, 'brand ' || c.brand]
    ) as is_not_banned,
    -- Early access shows what opens within a day of the letter, and says so.
    coalesce(
        c.opens_at <= send_at + if(
            strategy = 'early_access' and item.reason = 'early_access',
            interval 24 hours, interval 0 hours
        ) and (c.closes_at is null or c.closes_at > send_at),
        false
    ) as is_campaign_open,
    coalesce(c.country in (listed.country, '{NO_COUNTRY}'), false) as is_sold_there,
    selling.campaign_id is not null as is_on_sale,
    not regexp_matches(concat_ws(' ', item.name, item.brand, item.sector), '{HARMFUL}')
        as is_plain
from listed
left join campaigns as c on c.campaign_id = item.campaign_id
left join selling on selling.campaign_id = item.campaign_id
"""

_PROMISES = f"""
select
    campaign_id,
    product_id,
    own.units as promised_units,
    coalesce(promised.units, 0) as promised_by_others,
    stock.stock_left,
    own.units = 0
    or coalesce(
        own.units + promised_by_others
        <= stock.stock_left * getvariable('stock_factor') * (1 + {ROUNDING}),
        true
    ) as is_within_stock,
    if(
        product_id = '{ALL}',
        coalesce(told.stock_left = stock.stock_left, true),
        told.stock_left is not distinct from stock.stock_left
        and coalesce(
            abs(told.expected_units - own.units) <= {ROUNDING} * greatest(own.units, 1), false
        )
    ) as is_stock_told
from own
left join promised using (campaign_id, product_id)
left join stock using (campaign_id, product_id)
left join (
    select campaign_id, coalesce(product_id, '{ALL}') as product_id, stock_left, expected_units
    from scarcity
) as told using (campaign_id, product_id)
"""

_EXCLUSIONS = """
select customer_id, exclusion, customer_id not in (select customer_id from people) as is_not_listed
from exclusions
"""

_BALANCE = """
select
    'all customers' as who,
    (select count(distinct customer_id) from daily.intermediate.int_customers
        where available_at < getvariable('known_before'))
    - (select count(*) from people) - (select count(*) from exclusions) as difference
"""


def checks(installation: Installation, name: str, as_of: datetime) -> list[Check]:
    """Return the checks of the list of a name that is staged as of an instant.

    Raises
    ------
    NotPublishedError
        If it was not built, or the daily warehouse is not published.
    """
    require(installation.shop, "check lists", "orders")
    paths, policy = installation.paths, list_policy_file.read(installation)
    policy.list_named(name)
    inputs = Inputs(
        paths=paths,
        staged=StagedList.of(paths, name, as_of),
        known_before=floor(as_of - installation.shop.day_features_delay, DAY),
        warehouse=published_file(paths, "daily"),
        has_consents="consents" in installation.shop.provides,
        policy=policy,
    )
    night = list_limits.Night(paths, inputs.staged, inputs.built_until(), policy.gate)
    rows = [_letters, _products, _campaigns, _promises, _exclusions, _balance]
    overrides = list_overrides.check(
        inputs.warehouse, inputs.known_before, policy.overrides_on(as_of.date())
    )
    return [*(table(inputs).check() for table in rows), overrides, *list_limits.checks(night)]


@dataclass(frozen=True)
class Table:
    """Rows of a list, what must hold of each alone, and what is asked of the inputs besides."""

    inputs: Inputs
    name: str
    keys: tuple[str, ...]
    query: str
    rules: tuple[Rule, ...]
    asked: tuple[ListRule, ...] = ()
    may_be_empty: bool = False

    def check(self) -> Check:
        """Return the table's check."""
        return Check(self.name, self.keys, self._rules(), self.load, self.may_be_empty)

    def load(self) -> Sample:
        """Read the rows; of very many take a sample, and count all."""
        with self.inputs.connect() as connection:
            rows = list_rules.beside(self.query, self.keys, self.asked)
            # A view, which samples are taken of, would work everything out for each rule.
            connection.execute(
                f"create temp table gathered as {rows} order by {', '.join(self.keys)}"
            )
            return samples.of(connection, "from gathered", self.keys, self._rules())

    def _rules(self) -> tuple[Rule, ...]:
        return (*self.rules, *(asked.rule for asked in self.asked))


def _letters(inputs: Inputs) -> Table:
    consent = list_rules.CONSENT if inputs.has_consents else ()
    return Table(
        inputs,
        name="letters",
        keys=("customer_id",),
        query=_LETTERS,
        rules=(
            *required("customer_id", "country", "language", "send_at"),
            unique("customer_id"),
            matching("country", r"^[A-Z]{2}$"),
            matching("language", r"^[a-z]{2}$"),
            between("hours_to_send", 0, SEND_WITHIN_HOURS),
            *required("message_id", "strategy"),
            unique("message_id"),
            matching("message_id", "^[0-9a-f]{16,64}$"),
            one_of("strategy", STRATEGIES),
            between("arm_propensity", 0, 1),
            one_of("is_quiet", [False]),
            between("product_count", 0, PRODUCTS_SHOWN),
            between("repeated_product_count", 0, 0),
            warn(between("product_count", PRODUCTS_SHOWN)),
            warn(between("campaign_count", 1)),
        ),
        asked=(*consent, *list_rules.LETTER),
        may_be_empty=True,  # see the limit `nobody`
    )


def _is_of_nobody(inputs: Inputs) -> bool:
    return int(pq.read_metadata(inputs.staged.folder / PEOPLE).num_rows) == 0


def _products(inputs: Inputs) -> Table:
    return Table(
        inputs,
        name="products",
        keys=("customer_id", "position"),
        query=_SHOWN,
        rules=(
            *required("customer_id", "position", "product_id", "campaign_id", "price"),
            *required("probability"),
            unique("customer_id", "position"),
            unique("customer_id", "product_id"),
            between("position", 1, PRODUCTS_SHOWN),
            between("price", 0),
            between("probability", 0, 1),
            between("propensity", 0, 1),
            true("is_shop_price"),
            *SELLABLE,
        ),
        asked=list_rules.PRODUCT,
        may_be_empty=_is_of_nobody(inputs),
    )


def _campaigns(inputs: Inputs) -> Table:
    return Table(
        inputs,
        name="campaigns",
        keys=("customer_id", "rank"),
        query=_CAMPAIGNS,
        rules=(
            unique("customer_id", "rank"),
            unique("customer_id", "campaign_id"),
            *required("campaign_id"),
            between("rank", 1),
            *SELLABLE,
        ),
        may_be_empty=_is_of_nobody(inputs),
    )


def _promises(inputs: Inputs) -> Table:
    return Table(
        inputs,
        name="promises",
        keys=("campaign_id", "product_id"),
        query=_PROMISES,
        rules=(
            advised(
                true("is_within_stock"),
                "this list and the night's others promise more than stock × the policy's"
                " stock_factor: another list was published since, or the factor was lowered; build"
                " the list again",
            ),
            advised(true("is_stock_told"), f"scarcity.parquet says something else: {AGAIN}"),
        ),
        may_be_empty=True,
    )


def _exclusions(inputs: Inputs) -> Table:
    return Table(
        inputs,
        name="exclusions",
        keys=("customer_id",),
        query=_EXCLUSIONS,
        rules=(*required("customer_id", "exclusion"), unique("customer_id"), true("is_not_listed")),
        may_be_empty=True,
    )


def _balance(inputs: Inputs) -> Table:
    return Table(
        inputs,
        name="balance",
        keys=("who",),
        query=_BALANCE,
        rules=(between("difference", 0, 0),),
    )

"""The staged e-mail lists, before anyone can send them: who is in, and what each is shown.

Consent, suppression and what is on sale are read again here, from the warehouse, so that a fault
in the lists' own rules cannot vouch for itself; as the nightly build knew it, so that a night may
be built and checked again. Addresses are not in the staged lists.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pandas as pd

from expectations import frames
from expectations.rules import Check, between, matching, required, true, unique, warn
from vitrine.errors import NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import DAY, floor, format_instant
from vitrine.paths import stamp
from vitrine.sources import require
from vitrine.warehouse import published_file

PRODUCTS_SHOWN = 7
SEND_WITHIN_HOURS = 24

_PEOPLE = """
with consented as (
    select customer_id, is_granted
    from daily.staging.stg_consents join {people} using (customer_id)
    where purpose = 'email_marketing' and changed_at <= send_at and received_at < $known_before
    qualify row_number() over (
        partition by customer_id order by changed_at desc, is_granted, received_at desc
    ) = 1
),
suppressed as (
    select distinct customer_id
    from daily.staging.stg_suppressions join {people} using (customer_id)
    where suppressed_at <= send_at and received_at < $known_before
)
select
    customer_id,
    country,
    language,
    send_at,
    len(products) as product_count,
    len(list_distinct(list_transform(products, lambda p: p.product_id))) as distinct_product_count,
    len(campaigns) as campaign_count,
    len(products) - distinct_product_count as repeated_product_count,
    date_diff('second', $as_of, send_at) / 3600.0 as hours_to_send,
    not $has_consents or consent_id is not null as is_consent_named,
    not $has_consents or coalesce(is_granted, false) as is_consented,
    customer_id not in (select customer_id from suppressed) as is_not_suppressed
from {people}
left join consented using (customer_id)
order by customer_id
"""

_SHOWN = """
with campaigns as (
    select campaign_id, opens_at, closes_at from daily.intermediate.int_campaigns
    where available_at < $known_before
    qualify row_number() over (partition by campaign_id order by available_at desc) = 1
),
on_sale as (
    select campaign_id, product_id, min(stock_left) as stock_left
    from daily.features.on_sale('gate_instant') group by all
),
shown as (
    select customer_id, send_at, unnest(products, recursive := true) from {people}
)
select
    customer_id,
    position,
    product_id,
    shown.campaign_id,
    price,
    coalesce(opens_at <= send_at and (closes_at is null or closes_at > send_at), false)
        as is_campaign_open,
    -- A sale that opens before the letter goes out has not sold anything yet.
    coalesce(opens_at >= $known_before, false) or on_sale.product_id is not null as is_not_sold_out
from shown
left join campaigns using (campaign_id)
left join on_sale using (campaign_id, product_id)
order by customer_id, position
"""

_CAMPAIGNS = """
with campaigns as (
    select campaign_id, opens_at, closes_at from daily.intermediate.int_campaigns
    where available_at < $known_before
    qualify row_number() over (partition by campaign_id order by available_at desc) = 1
),
listed as (
    select customer_id, send_at, unnest(campaigns) as item from {people}
)
select
    customer_id,
    item.rank as rank,
    item.campaign_id as campaign_id,
    coalesce(opens_at <= send_at and (c.closes_at is null or c.closes_at > send_at), false)
        as is_campaign_open
from listed
left join campaigns as c on c.campaign_id = item.campaign_id
order by customer_id, rank
"""

_EXCLUSIONS = """
select
    customer_id,
    exclusion,
    customer_id not in (select customer_id from {people}) as is_not_listed
from {exclusions}
order by customer_id
"""

_BALANCE = """
select
    'all customers' as who,
    (select count(distinct customer_id) from daily.intermediate.int_customers
        where available_at < $known_before)
    - (select count(*) from {people}) - (select count(*) from {exclusions}) as difference
"""


@dataclass(frozen=True)
class Staged:
    """One instant's staged list, and the warehouse that it is held against."""

    as_of: datetime
    known_before: datetime
    folder: Path
    warehouse: Path
    has_consents: bool

    def load(self, query: str) -> pd.DataFrame:
        """Run one of the queries above."""
        tables = {"people": "list.parquet", "exclusions": "exclusions.parquet"}
        named = {name: frames.parquet([self.folder / file]) for name, file in tables.items()}
        given = {
            "as_of": self.as_of,
            "known_before": self.known_before,
            "has_consents": self.has_consents,
        }
        used = {name: value for name, value in given.items() if f"${name}" in query}
        with frames.connect(self.warehouse, name="daily") as connection:
            connection.execute(
                "create temp table gate_instant as select $last::timestamptz as as_of",
                {"last": self.known_before - timedelta(microseconds=1)},
            )
            return connection.execute(query.format(**named), used).df()


def checks(installation: Installation, as_of: datetime) -> list[Check]:
    """Return the checks of the list that is staged as of an instant.

    Raises
    ------
    NotPublishedError
        If it was not built, or the daily warehouse is not published.
    """
    require(installation.shop, "check lists", "orders")
    paths = installation.paths
    folder = paths.staging / "lists" / stamp(as_of)
    if not folder.exists():
        instant = format_instant(as_of)
        raise NotPublishedError(
            f"no list as of {instant} is built; run `vitrine lists build --as-of {instant}` first"
        )
    staged = Staged(
        as_of,
        floor(as_of - installation.shop.day_features_delay, DAY),
        folder,
        published_file(paths, "daily"),
        "consents" in installation.shop.provides,
    )
    return [_people(staged), _shown(staged), _campaigns(staged), *_the_others(staged)]


def _people(staged: Staged) -> Check:
    return Check(
        name="people",
        keys=("customer_id",),
        rules=(
            *required("customer_id", "country", "language", "send_at"),
            unique("customer_id"),
            matching("country", r"^[A-Z]{2}$"),
            matching("language", r"^[a-z]{2}$"),
            between("hours_to_send", 0, SEND_WITHIN_HOURS),
            true("is_consent_named"),
            true("is_consented"),
            true("is_not_suppressed"),
            between("product_count", 0, PRODUCTS_SHOWN),
            between("repeated_product_count", 0, 0),
            warn(between("product_count", PRODUCTS_SHOWN)),
            warn(between("campaign_count", 1)),
        ),
        load=partial(staged.load, _PEOPLE),
    )


def _shown(staged: Staged) -> Check:
    return Check(
        name="products",
        keys=("customer_id", "position"),
        rules=(
            *required("customer_id", "position", "product_id", "campaign_id", "price"),
            unique("customer_id", "position"),
            unique("customer_id", "product_id"),
            between("position", 1, PRODUCTS_SHOWN),
            between("price", 0),
            true("is_campaign_open"),
            true("is_not_sold_out"),
        ),
        load=partial(staged.load, _SHOWN),
    )


def _campaigns(staged: Staged) -> Check:
    return Check(
        name="campaigns",
        keys=("customer_id", "rank"),
        rules=(
            unique("customer_id", "rank"),
            unique("customer_id", "campaign_id"),
            between("rank", 1),
            true("is_campaign_open"),
        ),
        load=partial(staged.load, _CAMPAIGNS),
    )


def _the_others(staged: Staged) -> tuple[Check, Check]:
    exclusions = Check(
        name="exclusions",
        keys=("customer_id",),
        rules=(*required("customer_id", "exclusion"), unique("customer_id"), true("is_not_listed")),
        load=partial(staged.load, _EXCLUSIONS),
        may_be_empty=True,
    )
    balance = Check(
        name="balance",
        keys=("who",),
        rules=(between("difference", 0, 0),),
        load=partial(staged.load, _BALANCE),
    )
    return exclusions, balance

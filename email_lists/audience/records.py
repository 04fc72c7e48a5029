"""Where what is known of the customers is read: the published warehouse, as the night knew it.

Contacts are not read here: addresses are the hand-off's alone, and it checks everyone once more.
"""

from datetime import datetime

import duckdb
import pyarrow as pa

from email_lists.audience import caps, ledger, received
from email_lists.audience.eligibility import Who
from email_lists.audience.permissions import REACTIONS, with_erased
from email_lists.audience.send_times import OPENS_LOOK_BACK
from vitrine.contracts import INSTANT
from vitrine.forgetting.ledger import Ledger
from vitrine.installation import Installation
from vitrine.warehouse import query

_KNOWN = """
select distinct customer_id
from daily.intermediate.int_customers
where available_at < $known_before
order by customer_id
"""

_CUSTOMERS = """
with versions as (
    select customer_id, country, language, timezone, demographic_cluster
    from daily.intermediate.int_customers
    where available_at < $known_before
    qualify row_number() over (partition by customer_id order by available_at desc) = 1
),
births as (
    select customer_id, birth_year
    from described
    where received_at < $known_before
    qualify row_number() over (partition by customer_id order by received_at desc) = 1
)
select
    customer_id,
    versions.country,
    versions.language,
    versions.timezone,
    versions.demographic_cluster,
    segments.segment,
    births.birth_year
from versions
left join births using (customer_id)
join daily.features.customer_segments('customer_spine') as segments using (customer_id)
order by customer_id
"""

_CONSENTS = """
select consent_id, customer_id, purpose, is_granted, changed_at, received_at
from daily.staging.stg_consents
where received_at < $known_before
order by consent_id
"""

_SUPPRESSIONS = """
select suppression_id, customer_id, reason, suppressed_at
from daily.staging.stg_suppressions
where received_at < $known_before
order by suppression_id
"""

_REACTIONS = """
select customer_id, kind, occurred_at
from daily.staging.stg_email_events
where received_at < $known_before and list_contains($kinds, kind)
order by all
"""

_OPENS = """
select customer_id, min(occurred_at) as opened_at
from daily.staging.stg_email_events
where
    received_at < $known_before
    and kind = 'opened'
    and occurred_at >= $since
    and occurred_at < $until
group by customer_id, message_id
order by all
"""

_SENT = """
select message_id, customer_id, occurred_at, true as is_known
from daily.staging.stg_email_events
where
    received_at < $known_before
    and kind = 'sent'
    and occurred_at >= $since
    and occurred_at < $until
order by all
"""


def read(
    installation: Installation,
    warehouse: duckdb.DuckDBPyConnection,
    as_of: datetime,
    known_before: datetime,
) -> Who:
    """Read what the build of a run knew of the customers: received before `known_before`.

    Parameters
    ----------
    warehouse
        The published daily warehouse, attached as `daily`.
    as_of
        The instant of the run: opens and letters are looked for around it.
    known_before
        The midnight that the build ended at.
    """
    paths, shop = installation.paths, installation.shop
    moment, near = {"known_before": known_before}, caps.around(as_of.date())
    opens = moment | {"since": as_of - OPENS_LOOK_BACK, "until": as_of}
    sent = query(warehouse, _SENT, moment | {"since": near.start, "until": near.end})
    has_consents = "consents" in shop.provides
    known = customers(installation, warehouse, known_before)
    suppressions = query(warehouse, _SUPPRESSIONS, moment)
    return Who(
        as_of=as_of,
        customers=known,
        consents=query(warehouse, _CONSENTS, moment) if has_consents else None,
        suppressions=with_erased(suppressions, Ledger.load(paths), known["customer_id"]),
        reactions=query(warehouse, _REACTIONS, moment | {"kinds": list(REACTIONS)}),
        opens=query(warehouse, _OPENS, opens),
        letters=ledger.promised(paths, as_of.date(), sent, known),
    )


def customers(
    installation: Installation, warehouse: duckdb.DuckDBPyConnection, known_before: datetime
) -> pa.Table:
    """Read everybody, with the segment that the features of the build give.

    The warehouse keeps bands of age, no birth years: those are in the lake alone.

    Returns
    -------
    pyarrow.Table
        customer_id, country, language, timezone, demographic_cluster, segment, birth_year (int16 or
        null); one row per customer, in their order.
    """
    paths, delay = installation.paths, installation.shop.day_features_delay
    moment = {"known_before": known_before}
    known = query(warehouse, _KNOWN, moment)
    moments = pa.repeat(pa.scalar(known_before + delay, INSTANT), known.num_rows)
    warehouse.register("customer_spine", known.append_column("as_of", moments))
    described = received.rows(paths, "customers", ["customer_id", "birth_year", "received_at"])
    warehouse.register("described", described)
    return query(warehouse, _CUSTOMERS, moment)

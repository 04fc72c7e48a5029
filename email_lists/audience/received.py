"""What the hand-off knows: all that has been received by now, straight from the lake.

The warehouse knows what the last night knew; between then and the hand-off people leave. Letters
are delivered every quarter of an hour, so only what can matter to them is read.
"""

from datetime import datetime
from typing import Any

import pyarrow as pa

from email_lists.audience import caps, ledger
from email_lists.audience.deliverable import Newest
from email_lists.audience.mailboxes import PERSON
from email_lists.audience.permissions import REACTIONS
from email_lists.frames import select
from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.forgetting.ledger import Ledger
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, floor, midnight
from vitrine.paths import Paths
from vitrine.sources import Source

_ACCOUNTS = f"""
with given as (
    select customer_id, {PERSON.format("email_address")} as person from {{received}}
),
mailboxes as (
    select distinct person from given semi join people using (customer_id)
),
final as (
    select customer_id from given semi join mailboxes using (person)
    union
    select customer_id from people
)
select * from final
"""

_CONTACTS = """
select customer_id, email_address, received_at
from {received}
semi join accounts using (customer_id)
"""

_CONSENTS = """
select consent_id, customer_id, purpose, is_granted, changed_at, received_at
from {received}
semi join accounts using (customer_id)
"""

_SUPPRESSIONS = """
select customer_id, email_address, reason, suppressed_at
from {received}
-- One that names an address holds for it, whichever account it names too.
where email_address is not null or customer_id is null or customer_id in (from accounts)
"""

_REACTIONS = f"""
select customer_id, kind, occurred_at
from {{received}}
semi join accounts using (customer_id)
where kind in {tuple(REACTIONS)}
"""

_SENT = """
select message_id, customer_id, occurred_at, received_at < $known_before as is_known
from {received}
semi join accounts using (customer_id)
where kind = 'sent' and occurred_at >= $since and occurred_at < $until
"""

_CUSTOMERS = """
select customer_id, country, birth_year
from {received}
semi join accounts using (customer_id)
qualify row_number() over (partition by customer_id order by received_at desc) = 1
order by customer_id
"""


def newest(installation: Installation, as_of: datetime, customer_ids: pa.ChunkedArray) -> Newest:
    """Read what the hand-off of an instant's list checks customers with, and nothing else.

    That is what is known of them and of all accounts that share a mailbox with them. What the shop
    sent by itself counts as the build knew it: a hand-off that is repeated when the day's
    newsletter is out must not withdraw the letters that went out before it. Of the lists' own
    letters counts whatever has been received by now.
    """
    paths, told, night = installation.paths, sendability(installation.shop), as_of.date()
    accounts = pa.table({"customer_id": customer_ids})
    if told["sendable"]:
        accounts = query(paths, "contacts", _ACCOUNTS, people=accounts)
    of = {"accounts": accounts}
    near = caps.around(night)
    known = {"known_before": known_before(installation.shop, as_of)}
    sent = query(
        paths, "email_events", _SENT, known | {"since": near.start, "until": near.end}, **of
    )
    return Newest(
        contacts=query(paths, "contacts", _CONTACTS, **of) if told["sendable"] else None,
        consents=query(paths, "consents", _CONSENTS, **of)
        if "consents" in told["provides"]
        else None,
        suppressions=query(paths, "suppressions", _SUPPRESSIONS, **of),
        reactions=query(paths, "email_events", _REACTIONS, **of),
        customers=query(paths, "customers", _CUSTOMERS, **of),
        letters=ledger.promised(paths, night, sent, accounts),
        erasures=Ledger.load(paths),
    )


def sendability(shop: Source) -> dict[str, Any]:
    """Say whether the lists may be sent at all: someone must have agreed, at some address.

    `provides` holds those of the tables that the hand-off checks everyone with which the shop has.
    """
    provides = [t for t in ("consents", "contacts", "suppressions") if t in shop.provides]
    missing = [table for table in ("consents", "contacts") if table not in provides]
    if not missing:
        return {"provides": provides, "sendable": True}
    return {
        "provides": provides,
        "sendable": False,
        "not_sendable_because": f"the shop {shop.name} provides no {', no '.join(missing)}",
    }


def rows(paths: Paths, table: str, columns: list[str] | None = None) -> pa.Table:
    """Read all that the lake holds of a contract table."""
    days = lake.days(paths.lake, table)
    if not days:
        nothing = TABLES[table].empty()
        return nothing.select(columns) if columns else nothing
    received = Interval(midnight(days[0]), midnight(days[-1]) + DAY)
    return lake.read(paths.lake, table, received, columns)


def known_before(shop: Source, as_of: datetime) -> datetime:
    """Return the last UTC midnight whose build could be read at `as_of`."""
    return floor(as_of - shop.day_features_delay, DAY)


def query(
    paths: Paths,
    table: str,
    sql: str,
    parameters: dict[str, Any] | None = None,
    within: Interval | None = None,
    **tables: pa.Table,
) -> pa.Table:
    """Run a query over what the lake holds of a contract table, its `{received}`.

    Of the files, columns and rows are read that the query asks for.

    Parameters
    ----------
    within
        Files without anything received in it are not opened; those that have some are read whole.
    tables
        What the query names beside.
    """
    with lake.held(paths.lake, table) as held:
        files = [f for f in held if within is None or lake.file_interval(f).overlaps(within)]
        if not files:
            tables |= {"received": TABLES[table].empty()}
            return select(sql.format(received="received"), parameters, **tables)
        source = "read_parquet($files, hive_partitioning = false)"
        asked = {"files": [str(file) for file in files]} | (parameters or {})
        return select(sql.format(received=source), asked, **tables)

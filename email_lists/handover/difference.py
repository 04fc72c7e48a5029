"""What is new, changed or withdrawn in a list since it was last published; tables in, tables out.

A letter is the same if its reader would see the same: scores and chances are no part of it. The
last published list is the last version of the same night; before there is one, that of the newest
night before, where every letter goes out at another time, so that the time is no part of it.
"""

import pyarrow as pa

from email_lists.frames import select

NEW, CHANGED, WITHDRAWN, UNCHANGED = KINDS = ("new", "changed", "withdrawn", "unchanged")

BATCH = 65_536
"""People whose letters are written out together; bounds the memory."""

_DIGESTS = """
select
    customer_id,
    sha256(to_json({
        'consent': consent_id,
        'country': country,
        'language': language,
        'timezone': timezone,
        'segment': segment,
        'strategy': strategy,
        'arm': arm,
        'campaigns': [
            [
                c.campaign_id, c.name, c.brand, c.sector, c.reason,
                epoch_us(c.opens_at)::varchar, epoch_us(c.closes_at)::varchar
            ]
            for c in campaigns
        ],
        'products': [
            [
                p.slot, p.product_id, p.campaign_id, p.name, p.brand, printf('%.2f', p.price),
                p.reason, p.cause_name, p.bought_today_count::varchar
            ]
            for p in products
        ]
    })::varchar) as content_digest
from people
order by customer_id
"""

_DIFFERENCE = """
with compared as (
    select
        customer_id,
        coalesce(wanted.message_id, published.message_id) as message_id,
        case
            when published.message_id is null then $new
            when wanted.message_id is null then $withdrawn
            when wanted.content_digest is distinct from published.content_digest
                or wanted.email_address is distinct from published.email_address
                or ($is_same_night and wanted.send_at is distinct from published.send_at)
                then $changed
        end as change
    from wanted
    full join published using (customer_id)
)
select * from compared where change is not null order by customer_id
"""

COMPARED = ("customer_id", "message_id", "send_at", "content_digest", "email_address")


def content_digests(people: pa.Table) -> pa.Table:
    """Return customer_id and content_digest: the SHA-256 of what a letter shows; nulls count.

    Parameters
    ----------
    people
        As `people.SCHEMA`.
    """
    starts = range(0, max(people.num_rows, 1), BATCH)
    return pa.concat_tables(select(_DIGESTS, people=people.slice(n, BATCH)) for n in starts)


def difference(wanted: pa.Table, published: pa.Table, *, is_same_night: bool) -> pa.Table:
    """Compare two states of a list.

    Parameters
    ----------
    wanted, published
        customer_id, message_id, send_at, content_digest and email_address (null where the shop has
        none); one row per person.
    is_same_night
        Whether both are for one night: then a letter at another time is another letter.

    Returns
    -------
    pyarrow.Table
        customer_id, message_id, change (`new`, `changed` or `withdrawn`); no row for what stays.
    """
    words = {"new": NEW, "changed": CHANGED, "withdrawn": WITHDRAWN}
    return select(
        _DIFFERENCE, {**words, "is_same_night": is_same_night}, wanted=wanted, published=published
    )


def counts(changes: pa.Table, wanted_count: int) -> dict[str, int]:
    """Count each kind of change, and what stays as it was."""
    rows = select("select change, count(*) as n from changes group by all", changes=changes)
    found = {row["change"]: row["n"] for row in rows.to_pylist()}
    each = {kind: found.get(kind, 0) for kind in (NEW, CHANGED, WITHDRAWN)}
    return each | {UNCHANGED: wanted_count - each[NEW] - each[CHANGED]}

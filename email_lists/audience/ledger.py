"""What has been promised to whom: the letters of published lists, and what the shop sent by itself.

Frequency caps count these, at the nightly build and again at the hand-off.
"""

from datetime import date

import pyarrow as pa

from email_lists.audience import caps
from email_lists.frames import select
from email_lists.mail import delivered
from vitrine import letters
from vitrine.interval import midnight
from vitrine.paths import Paths

_PROMISED = """
with ours as (
    select message_id, customer_id, list, night, send_at, strategy
    from {published}
    semi join customers using (customer_id)
),
handed as (
    -- The sender's own word comes later, and holds then.
    select handed_over.*, coalesce(sent.occurred_at, handed_at) as gone_at
    from handed_over
    left join sent using (message_id)
),
others as (
    select sent.*
    from sent
    semi join customers using (customer_id)
    anti join handed_over using (message_id)
),
gone as (
    select message_id, gone_at as send_at from handed
    union
    select message_id, occurred_at as send_at from others
),
taken_back as (
    select customer_id, list, night, min(gone_at) as send_at
    from handed
    anti join ours using (message_id)
    group by all
),
theirs as (
    select customer_id, min(occurred_at) as send_at
    from others
    anti join ours using (message_id)
    where is_known
    group by customer_id, message_id
),
final as (
    select customer_id, list, night, send_at, strategy, false as is_gone
    from ours
    anti join gone using (message_id, send_at)
    union all
    select customer_id, list, night, gone.send_at, strategy, true as is_gone
    from ours
    join gone using (message_id)
    union all
    select customer_id, list, night, send_at, null as strategy, true as is_gone from taken_back
    union all
    select customer_id, null as list, null as night, send_at, null as strategy, true as is_gone
    from theirs
)
select * from final order by customer_id, send_at, list, night, is_gone
"""


def promised(paths: Paths, night: date, sent: pa.Table, customers: pa.Table) -> pa.Table:
    """Read what was promised to customers near a night, and what went.

    A letter counts as it is promised, and when it went: it may have gone late, or before its list
    was made anew, and it may be sent again. It went when its e-mail event `sent` says so; until
    that is received, when the book of deliveries says that the mail server took it over. One that
    was withdrawn from its list after it went counts too: the customer got it.

    Parameters
    ----------
    sent
        message_id, customer_id, occurred_at of the e-mail events of kind `sent` within
        `caps.around` of the night; is_known: whether the night's build knew it. What the shop sent
        by itself counts then alone.
    customers
        customer_id: whose letters are read.

    Returns
    -------
    pyarrow.Table
        customer_id, list, night, send_at, strategy, is_gone (whether it went then), one or more
        rows a letter. Strategy is null for letters that no published list holds, list and night for
        those of which the book knows nothing either.
    """
    near = caps.around(night)
    nights = (each for each in letters.published(paths.lists) if midnight(each.night) in near)
    files = [str(each.letters) for each in nights]
    tables = {
        "customers": customers,
        "sent": sent,
        "handed_over": delivered.handed_over(paths.deliveries, near, customers),
    }
    if not files:
        nothing = letters.LETTERS.empty()
        return select(_PROMISED.format(published="nothing"), nothing=nothing, **tables)
    sql = _PROMISED.format(published="read_parquet($files, hive_partitioning = false)")
    return select(sql, {"files": files}, **tables)

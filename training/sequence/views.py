"""What customers looked at: the last look of each day, as the published ledger holds it."""

from datetime import datetime

import pandas as pd

from training.ranker.features import FeatureReader


def read(reader: FeatureReader, as_of: datetime) -> pd.DataFrame:
    """Return views that were readable by an instant; none for a shop without events.

    Columns customer_id, campaign_id, occurred_at (UTC, the last look of a day of receipt) and
    available_at (UTC, the first instant at which production could have read it).
    """
    return reader.connection.execute(_VIEWS, {"as_of": as_of}).df()


_VIEWS = """
with ledger as (
    select * from daily.intermediate.int_customer_campaign_ledger
    where last_viewed_at is not null and available_at <= $as_of
),

final as (
    -- The ledger carries the last look on into rows of days without one.
    select
        customer_id,
        campaign_id,
        last_viewed_at as occurred_at,
        min(available_at) as available_at
    from ledger
    group by customer_id, campaign_id, last_viewed_at
    order by occurred_at, customer_id, campaign_id
)

select * from final
"""

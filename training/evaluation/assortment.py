"""What a week's candidates are to the shop: how known, of which kind, with which margin.

None of it is shown to a model. Kinds and margins are those of the newest description, since they
describe what was shown, and a campaign may first be described within the week.

Shape legend: C candidates (campaigns at an instant), A attributes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.evaluation.backtest import Week
from training.ranker.features import FeatureReader

ATTRIBUTES = ("sector", "sub_sector", "brand")

_DESCRIBED = """
with instants as (
    select distinct as_of from asked_candidates
),

firsts as (
    select customer_id, min(received_at) as received_at
    from daily.intermediate.int_order_lines
    where kind = 'sale' and customer_id is not null
    group by customer_id
),

customers as (
    select instants.as_of, count(firsts.customer_id) as customer_count
    from instants
    left join firsts on firsts.received_at < instants.as_of
    group by instants.as_of
),

buyers as (
    select asked.campaign_index, count(distinct lines.customer_id) as buyer_count
    from asked_candidates as asked
    join daily.intermediate.int_order_lines as lines
        on lines.campaign_id = asked.campaign_id and lines.received_at < asked.as_of
    where lines.kind = 'sale'
    group by asked.campaign_index
),

offers as (
    select campaign_id, product_id, price from daily.intermediate.int_campaign_products
    qualify row_number() over (
        partition by campaign_id, product_id order by available_at desc
    ) = 1
),

margins as (
    select offers.campaign_id, avg(offers.price - products.unit_cost) as margin
    from offers
    join daily.marts.dim_products as products using (product_id)
    group by offers.campaign_id
)

select
    campaigns.sector,
    campaigns.sub_sector,
    campaigns.brand,
    margins.margin,
    coalesce(buyers.buyer_count, 0) as buyer_count,
    customers.customer_count
from asked_candidates as asked
join customers using (as_of)
left join buyers using (campaign_index)
left join margins using (campaign_id)
left join daily.marts.dim_campaigns as campaigns using (campaign_id)
order by asked.campaign_index
"""


@dataclass(frozen=True)
class Assortment:
    """The candidates of a week in the order of `Candidates.campaigns`."""

    item_C: np.ndarray
    """int64 codes of the campaigns: one that was on sale at several instants has one code."""
    information_C: np.ndarray
    """float64, bits: -log2((buyers + 1) / (customers + 1)) of all time before the instant."""
    label_CA: np.ndarray
    """int64 codes of the attributes that tell candidates apart; a missing label is like no other.
    A = 0 where there is no such attribute."""
    margin_C: np.ndarray | None
    """float64: mean price less cost of one unit of the campaign's products, shop currency. None
    unless the margin of everything that was relevant in the week is known."""

    @classmethod
    def of(cls, reader: FeatureReader, week: Week) -> "Assortment":
        """Read what the warehouse knows of a week's candidates."""
        campaigns = week.candidates.campaigns
        asked = campaigns.assign(campaign_index=np.arange(len(campaigns)))
        reader.connection.register("asked_candidates", asked)
        rows = reader.connection.execute(_DESCRIBED).df()
        reader.connection.unregister("asked_candidates")
        labels = [_codes(rows[name]) for name in ATTRIBUTES if rows[name].nunique() > 1]
        margin_C, buyer_C, customer_C = (
            rows[name].to_numpy(np.float64) for name in ("margin", "buyer_count", "customer_count")
        )
        bought = week.relevant[week.relevant[:, 1] >= 0, 1]
        return cls(
            pd.factorize(campaigns["campaign_id"], sort=True)[0],
            np.log2((customer_C + 1) / (buyer_C + 1)),
            np.stack(labels, axis=1) if labels else np.zeros((len(rows), 0), np.int64),
            None if np.isnan(margin_C[bought]).any() else margin_C,
        )

    def shown(self, top_LK: np.ndarray) -> np.ndarray:
        """Return `shown_I`: in how many lists each distinct campaign stood."""
        items = self.item_C[top_LK[top_LK >= 0]]
        return np.bincount(items, minlength=int(self.item_C.max(initial=-1)) + 1)


def _codes(values: pd.Series) -> np.ndarray:
    codes = pd.factorize(values, sort=True)[0]
    return np.where(codes < 0, -1 - np.arange(len(codes)), codes)

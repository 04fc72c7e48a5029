"""What campaigns offer, in words and at a price: all that is known of one before its first sale.

Shape legend: C campaigns, each at an instant of its own; W hashed words.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from training.classifier.text import buckets

if TYPE_CHECKING:
    from training.ranker.features import FeatureReader

MOST_TEXTS = 8_192
"""Texts whose words are kept, some kilobytes each: hundreds of instants ask for the same."""


@dataclass(frozen=True)
class Articles:
    """Descriptions as they were readable at an instant; an empty text where there was none yet."""

    text_C: np.ndarray
    """Brand, sectors and the names of the products, as text."""
    category_C: np.ndarray
    """Sector and sub-sector, as text."""
    price_C: np.ndarray
    """float64, median of the products, shop currency; NaN where unknown."""
    opens_at_C: np.ndarray | None = None
    closes_at_C: np.ndarray | None = None
    """datetime64[us], UTC; NaT for one that stays, and where unknown. None: all of them stay."""
    content_CE: np.ndarray | None = None
    """float32, the direction of the products' embeddings; None from a source that knows none."""

    def words(self, bucket_count: int) -> sp.csr_matrix:
        """Return the hashed n-grams of the texts: float32 `[C, W]`, rows of length 1 or 0."""
        text_C, texts = pd.factorize(self.text_C)
        found = [_distinct_buckets(str(text), bucket_count) for text in texts]
        count_U = np.array([len(each) for each in found], dtype=np.int64)
        unique_UW = sp.csr_matrix(
            (
                np.repeat(np.maximum(count_U, 1) ** -0.5, count_U).astype(np.float32),
                np.concatenate([np.zeros(0, dtype=np.int64), *found]),
                np.append(0, np.cumsum(count_U)),
            ),
            (len(found), bucket_count),
        )
        return unique_UW[text_C]

    def only(self, place_N: np.ndarray) -> "Articles":
        """Return some of them, in the given order."""
        chosen: dict[str, Any] = {}
        for field in fields(self):
            values = getattr(self, field.name)
            chosen[field.name] = None if values is None else values[place_N]
        return Articles(**chosen)


ArticleSource = Callable[[pd.DataFrame], Articles]
"""From (campaign_id, as_of) to what was known of each, in the given order."""


def at_instant(campaign_ids: np.ndarray, as_of: datetime) -> pd.DataFrame:
    """Return campaign_id and as_of: what a source is asked about campaigns at one instant."""
    instants = pd.Series([as_of] * len(campaign_ids), dtype="datetime64[us, UTC]")
    return pd.DataFrame({"campaign_id": campaign_ids, "as_of": instants})


class DayAhead:
    """A source that asks for all of a day when it is first asked about one of its instants.

    The campaigns that will be asked about, campaign_id and as_of, are known beforehand; a question
    is about one instant. What was not foreseen is asked for by itself.
    """

    def __init__(self, source: ArticleSource, campaigns: pd.DataFrame) -> None:
        self._source = source
        self._campaigns = _keys(campaigns)
        self._day_C = self._campaigns["as_of"].dt.floor("D")
        self._day: pd.Timestamp | None = None

    def __call__(self, campaigns: pd.DataFrame) -> Articles:
        """Return what was known of each, in the given order."""
        asked = _keys(campaigns)
        day = asked["as_of"].iloc[0].floor("D")
        if day != self._day:
            ahead = self._campaigns[self._day_C == day]
            self._day, self._said = day, self._source(ahead)
            self._index = pd.MultiIndex.from_frame(ahead)
        place_C = self._index.get_indexer(pd.MultiIndex.from_frame(asked))
        return self._said.only(place_C) if (place_C >= 0).all() else self._source(campaigns)


def article_source(reader: "FeatureReader") -> ArticleSource:
    """Read the published descriptions: the newest rows available at each instant."""

    def read(campaigns: pd.DataFrame) -> Articles:
        spine = campaigns[["campaign_id", "as_of"]].assign(row_index=np.arange(len(campaigns)))
        reader.connection.register("article_spine", spine)
        rows = reader.connection.execute(_ARTICLES).df()
        reader.connection.unregister("article_spine")
        return Articles(
            rows["text"].to_numpy(dtype=object),
            rows["category"].to_numpy(dtype=object),
            rows["price"].to_numpy(dtype=np.float64, na_value=np.nan),
            rows["opens_at"].to_numpy("datetime64[us]"),
            rows["closes_at"].to_numpy("datetime64[us]"),
        )

    return read


def _keys(campaigns: pd.DataFrame) -> pd.DataFrame:
    keys = campaigns[["campaign_id", "as_of"]].reset_index(drop=True)
    return keys.assign(as_of=keys["as_of"].dt.as_unit("us"))


@lru_cache(MOST_TEXTS)
def _distinct_buckets(text: str, bucket_count: int) -> np.ndarray:
    return np.unique(buckets(text, bucket_count))


_ARTICLES = """
with spine as (
    select row_index, campaign_id, as_of::timestamptz as as_of from article_spine
),

described as (
    select spine.row_index, brand, sector, sub_sector, opens_at, closes_at
    from spine
    asof left join daily.intermediate.int_campaigns as campaigns
        on spine.campaign_id = campaigns.campaign_id and spine.as_of >= campaigns.available_at
),

offered as (
    select spine.row_index, spine.as_of, offers.product_id, offers.price
    from spine
    join daily.intermediate.int_campaign_products as offers
        on spine.campaign_id = offers.campaign_id and spine.as_of >= offers.available_at
    qualify row_number() over (
        partition by spine.row_index, offers.product_id order by offers.available_at desc
    ) = 1
),

named as (
    select
        offered.row_index,
        string_agg(distinct products.name, ' ' order by products.name) as names,
        median(offered.price) as price
    from offered
    asof left join daily.intermediate.int_products as products
        on offered.product_id = products.product_id and offered.as_of >= products.available_at
    group by offered.row_index
),

final as (
    select
        concat_ws(' ', brand, sector, sub_sector, names) as text,
        concat_ws(' / ', sector, sub_sector) as category,
        price,
        opens_at,
        closes_at
    from described
    left join named using (row_index)
    order by row_index
)

select * from final
"""

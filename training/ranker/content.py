"""How alike campaigns are by the published embeddings of the products that they sell.

What the embeddings may know is decided a UTC day at a time: those of a model that had learnt from
nothing received after the day's midnight, and of them those whose words and photographs had been
received by then. Their model also draws products together that the same
customers bought, so younger ones would tell of an example's purchase what happened afterwards.

Shape legend: K campaigns that were bought, C campaigns asked about, P products, E width of the
embedding; E = 0 where no embeddings were known yet.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp

from training.peers.articles import Articles, ArticleSource
from training.ranker.wording import SAME
from vitrine import embeddings
from vitrine.embeddings import Embeddings
from vitrine.interval import DAY, floor


@dataclass(frozen=True)
class Content:
    """Campaigns as directions of what they sell; 0 where no product has a vector."""

    direction_KE: np.ndarray

    @classmethod
    def of(cls, articles: Articles) -> "Content | None":
        """Take what a source says that knows embeddings; None from any other."""
        return None if articles.content_CE is None else cls(articles.content_CE)

    def likeness(self, articles: Articles) -> np.ndarray:
        """Return cosines with other campaigns, float32 `[K, C]`.

        0 for what sells the same, as for words, and for what is less alike than any two products.
        """
        other_CE = np.asarray(articles.content_CE)
        like_KC: np.ndarray = np.maximum(self.direction_KE @ other_CE.T, 0)
        like_KC[like_KC > SAME] = 0.0
        return like_KC


class Contents:
    """What campaigns sell, by the embeddings that are kept."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, kept: list[Embeddings]) -> None:
        self._connection = connection
        self._kept = kept
        self._vectors = lru_cache(2)(self._known_at)

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, root: Path) -> "Contents | None":
        """Look at what is published under a folder; None where nothing is."""
        kept = list(embeddings.kept(root))
        return cls(connection, kept) if kept else None

    @property
    def versions(self) -> list[str]:
        """The publications, told apart."""
        return [f"{found.folder.name} {sorted(found.manifest.items())}" for found in self._kept]

    def beside(self, source: ArticleSource) -> ArticleSource:
        """Return a source that says what campaigns sell, too; it is asked about one UTC day."""
        return lambda campaigns: replace(source(campaigns), content_CE=self.directions(campaigns))

    def directions(self, campaigns: pd.DataFrame) -> np.ndarray:
        """Return the mean of the products' vectors, of length 1 or 0: float32 `[C, E]`.

        Parameters
        ----------
        campaigns
            campaign_id, as_of; all of one UTC day.
        """
        products, vector_PE = self._vectors(floor(campaigns["as_of"].iloc[0].to_pydatetime(), DAY))
        if products.empty:
            return np.zeros((len(campaigns), 0), np.float32)
        offered = self._offered(campaigns)
        product_O = products.get_indexer(pd.Index(offered["product_id"]))
        row_O = offered["row_index"].to_numpy()[product_O >= 0]
        product_O = product_O[product_O >= 0]
        shape = len(campaigns), len(products)
        sold_CP = sp.csr_matrix((np.ones(len(row_O), np.float32), (row_O, product_O)), shape)
        return _directions(sold_CP @ vector_PE)

    def _known_at(self, midnight: datetime) -> tuple[pd.Index, np.ndarray]:
        found = next((one for one in self._kept if one.known_from <= midnight), None)
        rows = found.read(midnight) if found else pa.table({"product_id": []})
        return _centred(rows) if rows.num_rows else (pd.Index([]), np.zeros((0, 0), np.float32))

    def _offered(self, campaigns: pd.DataFrame) -> pd.DataFrame:
        """Return row_index and product_id: what each campaign was known to sell by its instant."""
        spine = campaigns[["campaign_id", "as_of"]].assign(row_index=np.arange(len(campaigns)))
        self._connection.register("content_spine", spine)
        rows = self._connection.execute(_OFFERED).df()
        self._connection.unregister("content_spine")
        return rows


def _centred(rows: pa.Table) -> tuple[pd.Index, np.ndarray]:
    """Return the products and their vectors around the mean of all, float32 `[P, E]`.

    Of all that were known: what comes later moves no vector of an earlier day. All products have
    something in common: without it unlike ones have cosines about 0.
    """
    flat = rows["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vector_PE = flat.astype(np.float32).reshape(rows.num_rows, -1)
    return pd.Index(rows["product_id"].to_pylist()), _directions(vector_PE - vector_PE.mean(axis=0))


def _directions(vector_NE: np.ndarray) -> np.ndarray:
    length_N1 = np.linalg.norm(vector_NE, axis=1, keepdims=True)
    directions: np.ndarray = vector_NE / np.maximum(length_N1, 1e-9)
    return directions


_OFFERED = """
select distinct spine.row_index, offers.product_id
from content_spine as spine
join daily.intermediate.int_campaign_products as offers
    on spine.campaign_id = offers.campaign_id and spine.as_of >= offers.available_at
order by all
"""

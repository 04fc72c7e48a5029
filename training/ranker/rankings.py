"""Rankings as positions, whoever made them, and as the rows that are written to a file.

Shape legend: L lists, C campaigns, B lists of a part, N campaigns kept, R rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from training.ranker.candidates import Candidates


@dataclass(frozen=True)
class Rankings:
    """Some lists' first N campaigns; a row with fewer ends with -1 and -inf."""

    list_B: np.ndarray
    """int64 positions in the lists."""
    campaign_BN: np.ndarray
    """int32 positions in the campaigns."""
    score_BN: np.ndarray
    """Floating, falling; equal ones in the order of the campaigns."""

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return `list_R, campaign_R, rank_R, score_R`, row by row; ranks are int32 from 1."""
        row_R, place_R = np.nonzero(self.campaign_BN >= 0)
        campaign_R, score_R = self.campaign_BN[row_R, place_R], self.score_BN[row_R, place_R]
        return self.list_B[row_R], campaign_R, (place_R + 1).astype(np.int32), score_R


@dataclass(frozen=True)
class Naming:
    """The ids that rankings are written with."""

    customer_id_L: pa.Array
    campaign_id_C: pa.Array
    product_id_C: pa.Array

    @classmethod
    def of(cls, candidates: Candidates, best_products: pd.DataFrame | None = None) -> "Naming":
        """Take the ids of lists and campaigns.

        best_products: campaign_id, product_id; a campaign that is not there gets null.
        """
        campaign_id_C = candidates.campaigns["campaign_id"]
        product_id_C = pa.nulls(len(campaign_id_C), pa.string())
        if best_products is not None:
            best = best_products.set_index("campaign_id")["product_id"].reindex(campaign_id_C)
            product_id_C = pa.array(best, pa.string(), from_pandas=True)
        return cls(
            pa.array(candidates.lists["customer_id"], pa.string()),
            pa.array(campaign_id_C, pa.string()),
            product_id_C,
        )

    def write(self, file: Path, parts: Iterable[Rankings], columns: Sequence[str]) -> int:
        """Write one row a pair as parts come, and return how many there are.

        columns: some of customer_id, rank (from 1), campaign_id, product_id, score.
        """
        nothing = Rankings(np.empty(0, np.int64), np.empty((0, 1), np.int32), np.empty((0, 1)))
        count, schema = 0, self._table(nothing).select(list(columns)).schema
        with pq.ParquetWriter(file, schema) as writer:
            for part in parts:
                rows = self._table(part).select(list(columns))
                writer.write_table(rows)
                count += rows.num_rows
        return count

    def _table(self, part: Rankings) -> pa.Table:
        list_R, campaign_R, rank_R, score_R = part.pairs()
        return pa.table(
            {
                "customer_id": self.customer_id_L.take(pa.array(list_R)),
                "rank": pa.array(rank_R),
                "campaign_id": self.campaign_id_C.take(pa.array(campaign_R)),
                "product_id": self.product_id_C.take(pa.array(campaign_R)),
                "score": pa.array(score_R.astype(np.float64)),
            }
        )

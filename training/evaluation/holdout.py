"""The hold-out: purchases of the last days before an instant, cut off by global time.

A shop without campaigns' ends is judged as it is served: one list a customer at the cut-off, and
whatever the customer buys in the week is relevant. Flash sales open and close within the week, so
there each (customer, hour of purchase) is a list of what was on sale at that hour.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from training.evaluation.metrics import CUT, summary
from training.ranker.candidates import Candidates
from training.ranker.examples import HOUR
from training.ranker.features import FeatureReader
from training.ranker.ranking import Scorer, ranked, refuse_equal_scores
from vitrine.errors import BadInputError
from vitrine.interval import Interval

MAX_LISTS = 4_000
"""Lists of a hold-out at most, so that a large shop is judged in minutes."""


@dataclass(frozen=True)
class Holdout:
    """Lists to be ranked, and what turned out to be relevant for each."""

    candidates: Candidates
    relevant: pd.DataFrame
    """customer_id, as_of, campaign_id; unique."""

    @classmethod
    def of(cls, reader: FeatureReader, interval: Interval) -> "Holdout":
        """Take the purchases that were received in `interval`.

        Raises
        ------
        BadInputError
            If there were none.
        """
        purchases = reader.purchases(interval)
        if not len(purchases):
            raise BadInputError(f"no purchase by a known customer in the hold-out {interval}")
        relevant = _relevant(purchases, interval.start)
        lists = relevant[["customer_id", "as_of"]].drop_duplicates()
        lists = _thinned(lists.sort_values(["as_of", "customer_id"]))
        instants = lists["as_of"].drop_duplicates().tolist()
        candidates = Candidates.of(lists, reader.campaigns_on_sale(instants))
        return cls(candidates, relevant)

    def evaluate(self, scorer: Scorer) -> dict[str, float]:
        """Rank all lists and return the metrics.

        Raises
        ------
        DegenerateModelError
            If all scores are equal or one is not finite.
        """
        lists = ranked(scorer, self.candidates, CUT)
        refuse_equal_scores(lists)
        hit_LK, relevant_L = hits(self.candidates.lists, lists, self.relevant)
        return summary(hit_LK, relevant_L)


def hits(
    lists: pd.DataFrame, ranked_lists: pd.DataFrame, relevant: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Return `hit_LK` (bool) and `relevant_L` (int64) in the order of `lists`."""
    key = ["customer_id", "as_of"]
    numbered = lists[key].assign(list=np.arange(len(lists)))
    found = ranked_lists.merge(relevant, on=[*key, "campaign_id"]).merge(numbered, on=key)
    hit_LK = np.zeros((len(lists), CUT), dtype=bool)
    hit_LK[found["list"], found["rank"] - 1] = True
    counts = relevant.merge(numbered, on=key)["list"]
    return hit_LK, np.bincount(counts, minlength=len(lists)).astype(np.int64)


def _relevant(purchases: pd.DataFrame, cut_off: datetime) -> pd.DataFrame:
    if purchases["is_permanent"].all():
        rows = purchases[["customer_id", "campaign_id"]].assign(as_of=pd.Timestamp(cut_off))
        rows["as_of"] = rows["as_of"].astype("datetime64[us, UTC]")
    else:
        hours = purchases["occurred_at"].dt.floor(pd.Timedelta(HOUR))
        rows = purchases[["customer_id", "campaign_id"]].assign(as_of=hours)
        rows = rows[rows["as_of"] >= pd.Timestamp(cut_off)]
    return rows.drop_duplicates(ignore_index=True)


def _thinned(lists: pd.DataFrame) -> pd.DataFrame:
    """Keep at most MAX_LISTS lists, evenly spread over the ordered hold-out."""
    kept = np.unique(np.linspace(0, len(lists) - 1, MAX_LISTS).astype(np.int64))
    return lists.iloc[kept].reset_index(drop=True)


def week_before(as_of: datetime, days: int) -> Interval:
    """Return the hold-out interval of a training run as of an instant."""
    return Interval(as_of - timedelta(days=days), as_of)

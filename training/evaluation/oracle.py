"""The oracle: ranks by the hidden truth of a simulated shop, which no model may read.

The truth of a purchase is the utility of a campaign to a customer on a local day. The chances of a
click and of a cart rise with it, and nothing else in them differs between customers
(`vitrine.simulator.taste`), so it orders what a customer is shown by true demand. What the page
shows first and which products are sold out is left out: the oracle does not find every purchase.

Shape legend: N pairs, L lists, C campaigns at an instant, D local days, U customers, K campaigns.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from training.ranker.candidates import Candidates
from training.ranker.features import FeatureReader
from training.ranker.ranking import MAX_PAIRS, ScoreChunk
from vitrine.errors import BadInputError
from vitrine.paths import Paths

NAME = "oracle"
BELOW = "popularity_7d"
"""Where the distance begins: the best popularity where campaigns live for days."""


@dataclass(frozen=True)
class Oracle:
    """Scores are utilities out of `<tastes>/<local day>.parquet` (`vitrine.simulator.truth`)."""

    tastes: Path
    reader: FeatureReader

    @classmethod
    def of(cls, paths: Paths, reader: FeatureReader) -> "Oracle | None":
        """Return the oracle of a home, None where no simulated shop has left its truth."""
        tastes = paths.truth / "tastes"
        return cls(tastes, reader) if tastes.is_dir() else None

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Read the truth of the candidates' days; what it says nothing about comes last."""
        truth = self.utilities(candidates)
        least = np.nanmin(truth.utility_DUK, initial=0.0) - 1

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            found_R = truth.of_pairs(chunk.lists.index.to_numpy()[list_R], campaign_R)
            return np.nan_to_num(found_R, nan=least)

        return score

    def utilities(self, candidates: Candidates) -> "Utilities":
        """Read the truth of the local days of the candidates' instants and of the day before."""
        day_C = self._local_days(candidates.campaigns)
        days = sorted({*day_C, *(day - timedelta(days=1) for day in day_C)})
        user_L, users = pd.factorize(candidates.lists["customer_id"])
        item_C, items = pd.factorize(candidates.campaigns["campaign_id"])
        utility_DUK = np.full((len(days), len(users), len(items)), np.nan, dtype=np.float32)
        for number, day in enumerate(days):
            file = self.tastes / f"{day.isoformat()}.parquet"
            if file.exists():
                _fill(utility_DUK[number], file, users, items)
        place = {day: number for number, day in enumerate(days)}
        return Utilities(np.array([place[day] for day in day_C]), user_L, item_C, utility_DUK)

    def files(self) -> list[tuple[str, int]]:
        """Return name and size of the files of the truth: they say which lists can be judged."""
        return [(file.name, file.stat().st_size) for file in sorted(self.tastes.glob("*.parquet"))]

    def knows(self, candidates: Candidates) -> np.ndarray:
        """Return `is_known_L`: the lists that can be judged beside the oracle.

        Raises
        ------
        BadInputError
            If there are none.
        """
        is_known_L = self.utilities(candidates).is_kept(candidates)
        if not is_known_L.any():
            raise BadInputError(
                f"the truth under {self.tastes} says nothing about these weeks; simulate them in"
                " this home, or remove the folder to compare models without the oracle"
            )
        return is_known_L

    def _local_days(self, campaigns: pd.DataFrame) -> list[date]:
        zone_C = self.reader.described("campaign", campaigns, "timezone")["timezone"]
        return [
            instant.tz_convert(zone).date()
            for instant, zone in zip(campaigns["as_of"], zone_C, strict=True)
        ]


@dataclass(frozen=True)
class Utilities:
    """The truth of some candidates' customers and campaigns, day by day.

    A local day's truth is written at noon. What closed before is in the truth of the day before;
    between the two a utility changes by the customer's own purchases of that day alone.
    """

    day_C: np.ndarray
    """int64 position of the campaign's local day in the first axis, at least 1."""
    user_L: np.ndarray
    item_C: np.ndarray
    utility_DUK: np.ndarray
    """float32, NaN where the truth says nothing."""

    def of_pairs(self, list_N: np.ndarray, campaign_N: np.ndarray) -> np.ndarray:
        """Return `utility_N`: of the local day, else of the day before, else NaN; float32."""
        day_N, user_N, item_N = self.day_C[campaign_N], self.user_L[list_N], self.item_C[campaign_N]
        today_N = self.utility_DUK[day_N, user_N, item_N]
        before_N = self.utility_DUK[day_N - 1, user_N, item_N]
        found_N: np.ndarray = np.where(np.isnan(today_N), before_N, today_N)
        return found_N

    def is_kept(self, candidates: Candidates) -> np.ndarray:
        """Return `is_kept_L`: whether the truth says anything of the list's candidates.

        It keeps every k-th customer of a large shop, and nobody on the day of the registration
        if that came after noon.
        """
        kept_L = np.zeros(len(candidates.lists), dtype=bool)
        for chunk in candidates.chunks(MAX_PAIRS):
            list_R, campaign_R = chunk.pairs()
            whole_R = chunk.lists.index.to_numpy()[list_R]
            kept_L[whole_R[~np.isnan(self.of_pairs(whole_R, campaign_R))]] = True
        return kept_L


def _fill(utility_UK: np.ndarray, file: Path, users: pd.Index, items: pd.Index) -> None:
    """Write a day's utilities to their customers' and campaigns' places."""
    rows = pq.read_table(file, columns=["customer_id", "campaign_id", "utility"]).to_pandas()
    user_N, item_N = users.get_indexer(rows["customer_id"]), items.get_indexer(rows["campaign_id"])
    is_asked_N = (user_N >= 0) & (item_N >= 0)
    utility_UK[user_N[is_asked_N], item_N[is_asked_N]] = rows["utility"].to_numpy()[is_asked_N]


def distance_covered(model: np.ndarray, popularity: np.ndarray, oracle: np.ndarray) -> np.ndarray:
    """Return the share of the way from popularity's metric to the oracle's that a model has come.

    All are float64 of one shape: a metric's mean, or its means over the same resamples. 0 is no
    better than popularity, 1 all that can be known; NaN where the oracle is no better itself.
    """
    whole = np.where(oracle > popularity, oracle - popularity, np.nan)
    share: np.ndarray = (model - popularity) / whole
    return share

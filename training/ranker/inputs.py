"""A seeded sample of the very rows that a scorer computed from, for `vitrine prove-time`."""

import numpy as np
import pandas as pd

from training.ranker.candidates import Candidates
from vitrine.errors import VitrineError

KEPT_PAIRS = 200


class InputSample:
    """Keeps the feature rows of a few pairs while a scorer goes through its candidates.

    The same seed keeps the same pairs of the same candidates.
    """

    def __init__(self, seed: int, size: int = KEPT_PAIRS) -> None:
        self._seed, self._size = seed, size
        self._drawn_T = np.empty(0, np.int64)
        self._kept: list[pd.DataFrame] = []

    def draw(self, candidates: Candidates) -> None:
        """Draw the pairs to keep from all that will be scored; forget those kept before."""
        self._candidates = candidates
        end_L = np.cumsum(candidates.count_L)
        total = int(candidates.count_L.sum())
        rng = np.random.default_rng(self._seed)
        pair_T = np.sort(rng.choice(total, min(self._size, total), replace=False))
        list_T = np.searchsorted(end_L, pair_T, side="right")
        place_T = candidates.start_L[list_T] + pair_T - (end_L - candidates.count_L)[list_T]
        self._drawn_T = self._key(list_T, candidates.offer_O[place_T])
        self._kept = []

    def keep(
        self,
        customers: pd.DataFrame,
        campaigns: pd.DataFrame,
        together: pd.DataFrame,
        list_R: np.ndarray,
        campaign_R: np.ndarray,
    ) -> None:
        """Keep the drawn pairs among those that are being scored.

        Parameters
        ----------
        customers, campaigns
            Feature rows of all lists and campaigns of the candidates.
        together
            Feature rows of R pairs of the two, in the given order.
        list_R, campaign_R
            int64 positions in the first two.
        """
        row_T = np.flatnonzero(np.isin(self._key(list_R, campaign_R), self._drawn_T))
        list_T, campaign_T = list_R[row_T], campaign_R[row_T]
        parts = [
            self._candidates.lists[["customer_id", "as_of"]].iloc[list_T],
            self._candidates.campaigns[["campaign_id"]].iloc[campaign_T],
            customers.iloc[list_T],
            campaigns.iloc[campaign_T],
            together.iloc[row_T],
        ]
        self._kept.append(pd.concat([part.reset_index(drop=True) for part in parts], axis=1))

    def rows(self) -> pd.DataFrame:
        """Return customer_id, as_of, campaign_id and all features, one row per kept pair.

        Without columns where nothing was drawn: a baseline reads no features.

        Raises
        ------
        VitrineError
            If a drawn pair was not scored.
        """
        found = pd.concat(self._kept, ignore_index=True) if self._kept else pd.DataFrame()
        if len(found) != len(self._drawn_T):
            raise VitrineError(f"{len(self._drawn_T)} pairs were drawn, {len(found)} were scored")
        return found

    def _key(self, list_N: np.ndarray, campaign_N: np.ndarray) -> np.ndarray:
        key_N: np.ndarray = list_N * len(self._candidates.campaigns) + campaign_N
        return key_N

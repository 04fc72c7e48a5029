"""Pair features as arrays, held for those customers and campaigns that have something of their own.

All other pairs hold the fills, so their share in the network's head is one constant. Shape legend:
B customers of a chunk, C campaigns offered to them, F features of a block, Y feature rows, X pairs
that a row is of, L all customers, Q keys of campaigns.
"""

from dataclasses import dataclass

import numpy as np

from training.ranker.candidates import ranges


@dataclass(frozen=True)
class Own:
    """Feature rows of a chunk, and the pairs that they are of.

    Pair (b, c) of a chunk has the number `b * C + c`; no pair comes twice.
    """

    value_YF: np.ndarray
    """float32, as read."""
    row_X: np.ndarray
    pair_X: np.ndarray


@dataclass(frozen=True)
class KeyedBlock:
    """Features that a customer has with a key of campaigns: the campaign, its sector, its brand.

    The rows of customer l are `end_L[l - 1] .. end_L[l] - 1`, each key once.
    """

    names: tuple[str, ...]
    end_L: np.ndarray
    key_Y: np.ndarray
    """int32 in [0, keys)."""
    value_YF: np.ndarray
    key_of_campaign: np.ndarray
    """int64 for each campaign, -1 for none."""
    keys: int

    @classmethod
    def of(
        cls,
        names: tuple[str, ...],
        customers: int,
        customer_Y: np.ndarray,
        key_Y: np.ndarray,
        value_YF: np.ndarray,
        key_of_campaign: np.ndarray,
    ) -> "KeyedBlock":
        """Sort rows by customer and key."""
        order = np.lexsort((key_Y, customer_Y))
        return cls(
            names,
            np.cumsum(np.bincount(customer_Y, minlength=customers)),
            key_Y[order].astype(np.int32),
            np.ascontiguousarray(value_YF[order], np.float32),
            key_of_campaign,
            int(max(key_Y.max(initial=-1), key_of_campaign.max(initial=-1))) + 1,
        )

    def own(self, customer_B: np.ndarray, campaign_C: np.ndarray) -> Own:
        """Return the customers' rows, each for every offered campaign of its key."""
        start_B = np.where(customer_B > 0, self.end_L[customer_B - 1], 0)
        count_B = self.end_L[customer_B] - start_B
        row_Y = ranges(start_B, count_B)
        first_Q, count_Q, place_C = self._offered(campaign_C)
        key_Y = self.key_Y[row_Y]
        count_Y = count_Q[key_Y]
        row_X = np.repeat(np.arange(len(row_Y)), count_Y)
        base_Y = np.repeat(np.arange(len(customer_B)) * len(campaign_C), count_B)
        pair_X = place_C[ranges(first_Q[key_Y], count_Y)] + np.repeat(base_Y, count_Y)
        return Own(self.value_YF[row_Y], row_X, pair_X)

    def _offered(self, campaign_C: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where each key's campaigns begin, how many there are, and their places."""
        key_C = self.key_of_campaign[campaign_C]
        place_C = np.argsort(key_C, kind="stable")[np.count_nonzero(key_C < 0) :]
        count_Q = np.bincount(key_C[place_C], minlength=self.keys)
        return np.cumsum(count_Q) - count_Q, count_Q, place_C

"""The training set as tensors: all of it in memory, on the device, with no loader per row.

Shape legend: R rows (pairs), G groups, U customers as of an instant, C campaigns as of an instant,
P purchases.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch

from training.ranker.encoding import Encoder, Side
from vitrine.errors import BadInputError


@dataclass(frozen=True)
class ExampleFrame:
    """Examples split by side, so that a customer's or campaign's features are held once.

    customers has one row a group, campaigns one a (campaign, as_of), pairs one an example; rows are
    ordered by group, then purchases before negatives.
    """

    customers: pd.DataFrame
    campaigns: pd.DataFrame
    pairs: pd.DataFrame
    as_of_G: pd.Series
    group_R: np.ndarray
    campaign_R: np.ndarray
    label_R: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "ExampleFrame":
        """Split the rows of an examples file."""
        group_R, first_G = _grouped(rows["group_id"].to_numpy())
        key = pd.MultiIndex.from_frame(rows[["campaign_id", "as_of"]])
        campaign_R, _ = pd.factorize(key)
        _, first_C = np.unique(campaign_R, return_index=True)
        return cls(
            customers=rows.iloc[first_G].reset_index(drop=True),
            campaigns=rows.iloc[first_C].reset_index(drop=True),
            pairs=rows,
            as_of_G=rows["as_of"].iloc[first_G].reset_index(drop=True),
            group_R=group_R,
            campaign_R=campaign_R.astype(np.int64),
            label_R=rows["label"].to_numpy(),
        )

    @classmethod
    def read(cls, file: Path) -> "ExampleFrame":
        """Read an examples file."""
        return cls.of(pq.ParquetFile(file).read().to_pandas())

    def before(self, instant: pd.Timestamp) -> "ExampleFrame":
        """Keep the groups as of instants before the given one."""
        return self._kept((self.as_of_G < instant).to_numpy())

    def since(self, instant: pd.Timestamp) -> "ExampleFrame":
        """Keep the groups as of the given instant or later."""
        return self._kept((self.as_of_G >= instant).to_numpy())

    def _kept(self, is_kept_G: np.ndarray) -> "ExampleFrame":
        return ExampleFrame.of(self.pairs[is_kept_G[self.group_R]].reset_index(drop=True))


@dataclass(frozen=True)
class Dataset:
    """What the training loop needs: encoded sides and where each purchase's negatives lie."""

    customers: Side
    campaigns: Side
    pairs: Side
    group_R: torch.Tensor
    campaign_R: torch.Tensor
    purchase_P: np.ndarray
    """int64; rows that are purchases."""
    pool_start_P: np.ndarray
    pool_count_P: np.ndarray

    @classmethod
    def of(
        cls,
        frame: ExampleFrame,
        customer: Encoder,
        campaign: Encoder,
        pair: Encoder,
        device: torch.device,
    ) -> "Dataset":
        """Encode a frame and move it to the device.

        Raises
        ------
        BadInputError
            If the frame holds no group.
        """
        if not len(frame.label_R):
            raise BadInputError("there are no examples to train on in this interval")
        start_G, count_G = _pools(frame.group_R, frame.label_R)
        purchases = np.flatnonzero(frame.label_R == 1)
        group_P = frame.group_R[purchases]
        return cls(
            customer.encode(frame.customers).to(device),
            campaign.encode(frame.campaigns).to(device),
            pair.encode(frame.pairs).to(device),
            torch.from_numpy(frame.group_R).to(device),
            torch.from_numpy(frame.campaign_R).to(device),
            purchases,
            start_G[group_P],
            count_G[group_P],
        )


def _grouped(group_id_R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the groups from 0 in the order of their rows; return numbers and first rows."""
    is_first_R = np.r_[True, group_id_R[1:] != group_id_R[:-1]] if len(group_id_R) else []
    first_G = np.flatnonzero(is_first_R)
    return np.cumsum(is_first_R).astype(np.int64) - 1, first_G


def _pools(group_R: np.ndarray, label_R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return first row and length of each group's negatives, which follow its purchases."""
    groups = int(group_R[-1]) + 1
    purchases_G = np.bincount(group_R[label_R == 1], minlength=groups)
    rows_G = np.bincount(group_R, minlength=groups)
    start_G = np.cumsum(rows_G) - rows_G + purchases_G
    return start_G.astype(np.int64), (rows_G - purchases_G).astype(np.int64)

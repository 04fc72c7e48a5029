"""The training set as tensors: all of it in memory, on the device, with no loader per row.

Shape legend: R rows (pairs), G groups, C campaigns as of an instant, P purchases.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from training.ranker.encoding import Encoder, Side
from training.ranker.features import Catalogue
from vitrine.affinities import CONTENT
from vitrine.errors import BadInputError


@dataclass(frozen=True)
class ExampleFrame:
    """Examples split by side, so that a customer's or campaign's features are held once.

    `customers` has one row a group, `campaigns` one a (campaign, as_of), `pairs` one an example;
    rows are ordered by group, and within it purchases before negatives.
    """

    customers: pd.DataFrame
    campaigns: pd.DataFrame
    pairs: pd.DataFrame
    customer_id_G: np.ndarray
    campaign_id_C: np.ndarray
    """Text."""
    as_of_G: np.ndarray
    """datetime64[us], UTC."""
    known_at_G: np.ndarray
    """datetime64[us], UTC: when the last of the group's purchases was received."""
    group_R: np.ndarray
    campaign_R: np.ndarray
    label_R: np.ndarray

    @classmethod
    def of(cls, rows: pa.Table, catalogue: Catalogue) -> "ExampleFrame":
        """Split the rows of an examples file.

        Those that were written before embeddings were published have no content, nor has their
        frame.

        Raises
        ------
        BadInputError
            If another column is missing: another release wrote them.
        """
        return cls._of(rows.column_names, rows.select, catalogue)

    @classmethod
    def read(cls, file: Path, catalogue: Catalogue) -> "ExampleFrame":
        """Read an examples file, one side after the other: together they take twice the memory."""
        examples = pq.ParquetFile(file)
        names = examples.schema_arrow.names
        return cls._of(names, lambda columns: examples.read(columns=columns), catalogue)

    @classmethod
    def _of(
        cls, names: list[str], read: Callable[[list[str]], pa.Table], catalogue: Catalogue
    ) -> "ExampleFrame":
        # The first embeddings may be published between the writing of examples and the training.
        if {f.name for f in CONTENT}.isdisjoint(names):
            catalogue = catalogue.without_content()
        missing = sorted({*catalogue.names, "known_at"} - {*names})
        if missing:
            raise BadInputError(
                f"the training examples lack {missing[0]}; write them again with"
                " `vitrine train examples`"
            )
        rows = read(["group_id", "customer_id", "campaign_id", "as_of", "known_at", "label"])
        group_R, first_G = _numbered(rows["group_id"].to_numpy())
        campaign_R, first_C = _campaigns(rows)
        return cls(
            customers=_frame(read(catalogue.customer_names), first_G),
            campaigns=_frame(read(catalogue.campaign_names), first_C),
            pairs=_frame(read(catalogue.pair_names)),
            customer_id_G=_texts(rows["customer_id"], first_G),
            campaign_id_C=_texts(rows["campaign_id"], first_C),
            as_of_G=rows["as_of"].to_numpy()[first_G].astype("datetime64[us]"),
            known_at_G=rows["known_at"].to_numpy()[first_G].astype("datetime64[us]"),
            group_R=group_R,
            campaign_R=campaign_R,
            label_R=rows["label"].to_numpy(),
        )

    @property
    def start(self) -> datetime:
        """The instant of the first group."""
        start: datetime = pd.Timestamp(self.as_of_G.min(), tz="UTC").to_pydatetime()
        return start

    def before(self, instant: datetime) -> "ExampleFrame":
        """Keep the groups of which all was received before an instant.

        They are the ones that a model could have learnt from then. A group's purchase that came
        late is of an earlier hour, but nobody knew of it.
        """
        cut = _naive(instant)
        return self._kept((self.as_of_G < cut) & (self.known_at_G < cut))

    def since(self, instant: datetime) -> "ExampleFrame":
        """Keep the groups as of the given instant or later."""
        return self._kept(self.as_of_G >= _naive(instant))

    def thinned(self, negatives: int, seed: int) -> "ExampleFrame":
        """Keep every purchase, and at most so many of each group's negatives, drawn by the seed."""
        purchases_G = np.bincount(self.group_R[self.label_R == 1], minlength=len(self.as_of_G))
        chance_R = np.random.default_rng(seed).random(len(self.group_R))
        place_R = _places(np.where(self.label_R == 1, -1.0, chance_R), self.group_R)
        return self._kept_rows(place_R < (purchases_G + negatives)[self.group_R])

    def likeliest(self, score_R: np.ndarray, count: int) -> "ExampleFrame":
        """Keep each group's rows of the highest scores, purchases or not.

        A group in which only purchases, or none, are left teaches nothing and goes.
        """
        kept = self._kept_rows(_places(-score_R, self.group_R) < count)
        has_both_G = [
            np.bincount(kept.group_R[kept.label_R == label], minlength=len(self.as_of_G)) > 0
            for label in (0, 1)
        ]
        return kept._kept(np.logical_and(*has_both_G))

    def rows(self, count: int) -> pd.DataFrame:
        """Return the first examples with all features side by side, text as plain text."""
        sides = (
            self.customers.iloc[self.group_R[:count]],
            self.campaigns.iloc[self.campaign_R[:count]],
            self.pairs.iloc[:count],
        )
        rows = pd.concat([side.reset_index(drop=True) for side in sides], axis=1)
        texts = rows.select_dtypes("category").columns
        return rows.astype(dict.fromkeys(texts, "object"))

    def _kept_rows(self, is_kept_R: np.ndarray) -> "ExampleFrame":
        return replace(
            self,
            pairs=self.pairs[is_kept_R].reset_index(drop=True),
            group_R=self.group_R[is_kept_R],
            campaign_R=self.campaign_R[is_kept_R],
            label_R=self.label_R[is_kept_R],
        )

    def _kept(self, is_kept_G: np.ndarray) -> "ExampleFrame":
        is_kept_R = is_kept_G[self.group_R]
        used_C, campaign_R = np.unique(self.campaign_R[is_kept_R], return_inverse=True)
        return ExampleFrame(
            customers=self.customers[is_kept_G].reset_index(drop=True),
            campaigns=self.campaigns.iloc[used_C].reset_index(drop=True),
            pairs=self.pairs[is_kept_R].reset_index(drop=True),
            customer_id_G=self.customer_id_G[is_kept_G],
            campaign_id_C=self.campaign_id_C[used_C],
            as_of_G=self.as_of_G[is_kept_G],
            known_at_G=self.known_at_G[is_kept_G],
            group_R=(np.cumsum(is_kept_G) - 1)[self.group_R[is_kept_R]],
            campaign_R=campaign_R,
            label_R=self.label_R[is_kept_R],
        )


@dataclass(frozen=True)
class Dataset:
    """What the training loop needs: encoded sides, and where each group's rows lie.

    Group g owns `rows_G[g]` rows from `start_G[g]` on; its first `purchases_G[g]` rows are the
    purchases, the others its negatives.
    """

    customers: Side
    campaigns: Side
    pairs: Side
    campaign_R: torch.Tensor
    start_G: np.ndarray
    rows_G: np.ndarray
    purchases_G: np.ndarray

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
        if not len(frame.as_of_G):
            raise BadInputError("there are no examples to train on in this interval")
        groups = len(frame.as_of_G)
        rows_G = np.bincount(frame.group_R, minlength=groups)
        return cls(
            customer.encode(frame.customers).to(device),
            campaign.encode(frame.campaigns).to(device),
            pair.encode(frame.pairs).to(device),
            torch.from_numpy(frame.campaign_R).to(device),
            np.cumsum(rows_G) - rows_G,
            rows_G,
            np.bincount(frame.group_R[frame.label_R == 1], minlength=groups),
        )

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""
        return self.campaign_R.device


def _places(key_R: np.ndarray, group_R: np.ndarray) -> np.ndarray:
    """Return each row's place within its group by a rising key; equal keys in their order."""
    order_R = np.lexsort((key_R, group_R))
    count_G = np.bincount(group_R)
    place_R = np.empty(len(key_R), np.int64)
    place_R[order_R] = np.arange(len(key_R)) - np.repeat(np.cumsum(count_G) - count_G, count_G)
    return place_R


def _numbered(group_id_R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the groups from 0 in the order of their rows; return numbers and first rows."""
    is_first_R = np.ones(len(group_id_R), dtype=bool)
    is_first_R[1:] = group_id_R[1:] != group_id_R[:-1]
    return np.cumsum(is_first_R) - 1, np.flatnonzero(is_first_R)


def _campaigns(rows: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct (campaign, as_of); return numbers and first rows."""
    codes_R = pc.dictionary_encode(rows["campaign_id"]).combine_chunks().indices.to_numpy()
    _, instant_R = np.unique(rows["as_of"].to_numpy(), return_inverse=True)
    key_R = instant_R.astype(np.int64) * (int(codes_R.max(initial=0)) + 1) + codes_R
    _, first_C, campaign_R = np.unique(key_R, return_index=True, return_inverse=True)
    return campaign_R.astype(np.int64), first_C


def _texts(values: pa.ChunkedArray, index: np.ndarray) -> np.ndarray:
    texts: np.ndarray = values.take(pa.array(index)).to_numpy()
    return texts


def _frame(rows: pa.Table, index: np.ndarray | None = None) -> pd.DataFrame:
    if index is not None:
        rows = rows.take(pa.array(index))
    return rows.to_pandas(strings_to_categorical=True)


def _naive(instant: datetime) -> np.datetime64:
    return np.datetime64(instant.replace(tzinfo=None), "us")

"""Feature rows as arrays: what a frame of columns becomes when many rows are encoded at a time.

Shape legend: B rows, F numeric features, K categorical ones.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from training.ranker.encoding import CLIP, Encoder, Numeric, Side


@dataclass(frozen=True)
class Columns:
    """Features in the order of an encoder: float32 numbers as read, int32 codes of the texts."""

    number_BF: np.ndarray
    code_BK: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame, encoder: Encoder) -> "Columns":
        """Take the numbers as they are; look the texts up in the encoder's vocabularies."""
        number_BF = np.empty((len(rows), len(encoder.numeric)), np.float32)
        for place, numeric in enumerate(encoder.numeric):
            number_BF[:, place] = rows[numeric.name].to_numpy(np.float32, na_value=np.nan)
        code_BK = np.empty((len(rows), len(encoder.categorical)), np.int32)
        for place, categorical in enumerate(encoder.categorical):
            code_BK[:, place] = categorical.encode(rows[categorical.name])
        return cls(number_BF, code_BK)

    @classmethod
    def together(cls, parts: Iterable["Columns"]) -> "Columns":
        """Put the rows of several below each other."""
        each = list(parts)
        return cls(
            np.concatenate([part.number_BF for part in each]),
            np.concatenate([part.code_BK for part in each]),
        )

    def __len__(self) -> int:
        return len(self.number_BF)

    def __getitem__(self, rows: np.ndarray | slice) -> "Columns":
        return Columns(self.number_BF[rows], self.code_BK[rows])


@dataclass(frozen=True)
class Scales:
    """Several numeric features' encodings at once; the same numbers as `Numeric.encode`."""

    fill_F: np.ndarray
    mean_F: np.ndarray
    deviation_F: np.ndarray

    @classmethod
    def of(cls, features: Sequence[Numeric]) -> "Scales":
        """Collect what was fitted."""
        fitted = [[f.fill, f.mean, f.deviation] for f in features]
        values_F3 = np.array(fitted, np.float32).reshape(-1, 3)
        return cls(*values_F3.T)

    def encode(self, number_BF: np.ndarray) -> np.ndarray:
        """Return float32 within [-CLIP, CLIP]; what is not finite counts as the fill."""
        filled_BF = np.where(np.isfinite(number_BF), number_BF, self.fill_F)
        return self._standard(filled_BF, self.mean_F, self.deviation_F)

    def encode_rows(self, number_FB: np.ndarray) -> np.ndarray:
        """Return the same of finite features that come row by row."""
        return self._standard(number_FB, self.mean_F[:, None], self.deviation_F[:, None])

    @staticmethod
    def _standard(number: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        standard = np.abs(number)
        np.log1p(standard, out=standard)
        np.copysign(standard, number, out=standard)
        standard -= mean
        standard /= deviation
        clipped: np.ndarray = np.clip(standard, -CLIP, CLIP, out=standard)
        return clipped


def encoded(columns: Columns, scales: Scales) -> Side:
    """Return what `Encoder.encode` makes of the same rows."""
    return Side(
        torch.from_numpy(scales.encode(columns.number_BF)),
        torch.from_numpy(columns.code_BK.astype(np.int64)),
    )

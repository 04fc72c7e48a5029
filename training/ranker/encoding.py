"""Features become numbers: fitted once on training rows, stored with the model, never refitted.

A numeric feature is compressed by a signed log, standardised and clipped, and so is a boolean one,
as 0 or 1; a categorical one becomes the position of its value in a vocabulary, 0 for whatever
training did not see often enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vitrine.errors import BadInputError
from vitrine.feature_catalogue import Feature

CLIP = 10.0
"""Deviations. Most pairs have no history, so what was bought often stands far out: 5 cost 1 % of
MAP@12 (LOG.md)."""
RARE = 5


@dataclass(frozen=True)
class Numeric:
    """One numeric feature: filled, compressed, then `(x - mean) / deviation`."""

    name: str
    fill: float
    mean: float
    deviation: float

    @classmethod
    def fit(cls, name: str, fill: float, values: pd.Series) -> "Numeric":
        """Measure mean and deviation; a constant feature becomes 0 everywhere."""
        compressed = _compressed(values, fill).astype(np.float64)
        deviation = float(compressed.std())
        return cls(name, fill, float(compressed.mean()), deviation if deviation > 1e-9 else 1.0)

    def encode(self, values: pd.Series) -> np.ndarray:
        """Return float32 within [-CLIP, CLIP]."""
        standard = (_compressed(values, self.fill) - self.mean) / self.deviation
        return np.clip(standard, -CLIP, CLIP).astype(np.float32)


@dataclass(frozen=True)
class Categorical:
    """One categorical feature: `values[i]` has code `i + 1`, anything else 0."""

    name: str
    values: tuple[str, ...]

    @classmethod
    def fit(cls, name: str, values: pd.Series) -> "Categorical":
        """Keep the values that occur at least `RARE` times, in alphabetical order."""
        counts = _text(values).value_counts()
        return cls(name, tuple(sorted(str(v) for v in counts.index[counts >= RARE])))

    def encode(self, values: pd.Series) -> np.ndarray:
        """Return int64 codes."""
        text = _text(values)
        code_of = pd.Index(self.values).get_indexer(text.cat.categories.astype(str)) + 1
        codes: np.ndarray = code_of[text.cat.codes.to_numpy()].astype(np.int64)
        return codes


@dataclass(frozen=True)
class Side:
    """Encoded rows of one side: float32 `numeric_BF` and int64 `codes_BK`."""

    numeric_BF: Tensor
    codes_BK: Tensor

    def __len__(self) -> int:
        return len(self.numeric_BF)

    def __getitem__(self, rows: Tensor) -> "Side":
        return Side(self.numeric_BF[rows], self.codes_BK[rows])

    def to(self, device: torch.device) -> "Side":
        """Move both tensors."""
        return Side(self.numeric_BF.to(device), self.codes_BK.to(device))


@dataclass(frozen=True)
class Encoder:
    """All features of one side: customer, campaign or pair."""

    numeric: tuple[Numeric, ...]
    categorical: tuple[Categorical, ...]

    @classmethod
    def fit(cls, features: Sequence[Feature], rows: pd.DataFrame) -> "Encoder":
        """Fit each feature of the catalogue on training rows."""
        return cls(
            tuple(
                Numeric.fit(f.name, float(f.fill or 0), rows[f.name])
                for f in features
                if f.kind != "categorical"
            ),
            tuple(
                Categorical.fit(f.name, rows[f.name]) for f in features if f.kind == "categorical"
            ),
        )

    @classmethod
    def of(cls, stored: Mapping[str, list[dict]]) -> "Encoder":
        """Read what `asdict` wrote."""
        return cls(
            tuple(Numeric(**n) for n in stored["numeric"]),
            tuple(Categorical(c["name"], tuple(c["values"])) for c in stored["categorical"]),
        )

    @property
    def names(self) -> list[str]:
        """The features, numeric ones first."""
        return [n.name for n in self.numeric] + [c.name for c in self.categorical]

    def stored(self) -> dict:
        """Return plain lists and numbers for a JSON file."""
        return asdict(self)

    def encode(self, rows: pd.DataFrame) -> Side:
        """Encode rows.

        Raises
        ------
        BadInputError
            If a feature that the model was trained on is absent.
        """
        missing = [name for name in self.names if name not in rows.columns]
        if missing:
            raise BadInputError(
                f"the model needs the features {', '.join(missing)}, which the published tables"
                " lack; train it again with `vitrine train ranker`"
            )
        numeric = [n.encode(rows[n.name]) for n in self.numeric]
        codes = [c.encode(rows[c.name]) for c in self.categorical]
        return Side(
            torch.from_numpy(_stacked(numeric, len(rows), np.float32)),
            torch.from_numpy(_stacked(codes, len(rows), np.int64)),
        )


def _stacked(columns: list[np.ndarray], rows: int, dtype: type) -> np.ndarray:
    return np.stack(columns, axis=1) if columns else np.zeros((rows, 0), dtype)


def _compressed(values: pd.Series, fill: float) -> np.ndarray:
    numbers = values.to_numpy(dtype=np.float32, na_value=np.nan)
    filled = np.where(np.isfinite(numbers), numbers, np.float32(fill))
    compressed: np.ndarray = np.sign(filled) * np.log1p(np.abs(filled))
    return compressed


def _text(values: pd.Series) -> pd.Series:
    """Return the values as categories, of which few are many times repeated; a null is empty."""
    return values.astype("category").cat.add_categories([""]).fillna("")

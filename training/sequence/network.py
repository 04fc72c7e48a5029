"""An LSTM over what a customer bought; its state is asked what the next order begins with.

After Heinz, Bracher and Vollgraf (2017), An LSTM-based dynamic customer model for fashion
recommendation, section 3: the state is a vector in the space of the articles, and an article's
score is their dot product. Beside it stand what most shops need and fashion does less: how popular
the article is, and how often and how lately the customer bought it.

Shape legend: B customers, S steps, F features of time, I inputs of a step, H hidden units,
D width of vectors, C campaigns, W hashed words, T terms beside the dot product, Q questions.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from training.sequence.events import TIMES, Steps
from training.sequence.terms import TERMS


@dataclass(frozen=True)
class NetworkSize:
    """Widths; `ids` counts the campaigns that have a vector of their own, `words` the buckets."""

    ids: int
    words: int
    width: int
    hidden: int


@dataclass(frozen=True)
class ArticleInputs:
    """What campaigns look like to the network, before any weight."""

    id_C: np.ndarray
    """int64, from 1; 0 for one without a vector of its own."""
    words_CW: sp.csr_matrix
    price_C: np.ndarray
    """float32, logarithm, 0 where unknown."""
    sold_days_C2: np.ndarray
    """float64, opening and end in days before the instant of the fit, infinite where unknown."""

    def __getitem__(self, rows: np.ndarray) -> "ArticleInputs":
        return ArticleInputs(
            self.id_C[rows], self.words_CW[rows], self.price_C[rows], self.sold_days_C2[rows]
        )

    def on_sale(self, age_days_Q: np.ndarray) -> np.ndarray:
        """Return bool `[Q, C]`: what could be bought so many days before the fit."""
        opened_C, ended_C = self.sold_days_C2.T
        is_sold_QC: np.ndarray = (opened_C >= age_days_Q[:, None]) & (ended_C < age_days_Q[:, None])
        return is_sold_QC

    def __len__(self) -> int:
        return len(self.id_C)


class NextOrder(nn.Module):
    """Scores of campaigns as the first article of a customer's next order."""

    def __init__(self, size: NetworkSize, id_dropout: float) -> None:
        super().__init__()
        self.ids = nn.Embedding(size.ids + 1, size.width, padding_idx=0)
        self.words = nn.EmbeddingBag(size.words, size.width, mode="sum")
        self.price = nn.Linear(1, size.width)
        self.steps = nn.LSTM(size.width + TIMES, size.hidden, batch_first=True)
        self.out = nn.Linear(size.hidden, size.width)
        self.weight_T = nn.Parameter(torch.ones(TERMS))
        self.id_dropout = id_dropout
        nn.init.normal_(self.ids.weight, std=0.05)
        nn.init.normal_(self.words.weight, std=0.1)
        with torch.no_grad():
            self.ids.weight[0] = 0

    def campaigns(self, inputs: ArticleInputs) -> Tensor:
        """Return `vector_CD`."""
        id_C = torch.from_numpy(inputs.id_C)
        if self.training:  # or words would learn nothing where an id knows it all
            id_C = id_C * (torch.rand(len(id_C)) >= self.id_dropout)
        words_CW = inputs.words_CW
        words_CD = self.words(
            torch.from_numpy(words_CW.indices.astype(np.int64)),
            torch.from_numpy(words_CW.indptr[:-1].astype(np.int64)),
            per_sample_weights=torch.from_numpy(words_CW.data),
        )
        vector_CD: Tensor = (
            self.ids(id_C) + words_CD + self.price(torch.from_numpy(inputs.price_C)[:, None])
        )
        return vector_CD

    def states(self, steps: Steps, vector_CD: Tensor) -> Tensor:
        """Return `state_BSD`: after each step, what the next article is expected to be like."""
        none_1D = vector_CD.new_zeros((1, vector_CD.shape[1]))
        vector_BSD = torch.cat([vector_CD, none_1D])[torch.from_numpy(steps.campaign_BS)]
        inputs_BSI = torch.cat([vector_BSD, torch.from_numpy(steps.time_BSF)], dim=2)
        hidden_BSH, _ = self.steps(inputs_BSI)
        state_BSD: Tensor = self.out(hidden_BSH)
        return state_BSD

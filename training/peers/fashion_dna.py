"""Static Fashion DNA: what an article is times what a customer likes gives the odds of a purchase.

Bracher, Heinz and Vollgraf (2016), Fashion DNA: merging content and sales data for recommendation
and article mapping, section 3: the chance that a customer buys an article is the logistic function
of f · w + b, where the article's DNA f comes from its content alone and so stands for an article
never sold as well; the customer's weights w and bias b are those of a logistic regression on all
articles. The content is here text, category and price level, in one layer; DNA and weights are
fitted together.

Shape legend: U customers, C campaigns, B customers of a batch, D width of the DNA, W hashed words.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.peers.articles import ArticleSource, at_instant
from training.peers.history import History
from training.peers.scorers import FactorScorer, Terms
from training.peers.towers import CATEGORIES, PRICE_LEVELS, WORDS, Inputs
from vitrine.errors import DegenerateModelError


@dataclass(frozen=True)
class FashionDna:
    """Static: a purchase is a purchase, however long ago."""

    width: int = 32
    epochs: int = 30
    batch: int = 128
    learning_rate: float = 0.02
    weight_decay: float = 1e-3
    """Of the customers' weights and the DNA, as in the paper's ridge."""
    terms: Terms = field(default=Terms(own=3.0, prior=1.0))
    seed: int = 1

    def fit(self, history: History, articles: ArticleSource) -> FactorScorer:
        """Learn from who bought what and who did not.

        Raises
        ------
        DegenerateModelError
            If the loss became NaN.
        """
        torch.manual_seed(self.seed)
        inputs = Inputs.of(
            articles(at_instant(history.campaign_ids, history.as_of)),
            np.arange(len(history.campaign_ids)),
        )
        network = Dna(len(history.customer_ids), self.width)
        self._train(network, inputs, history)

        @torch.inference_mode()
        def campaigns(asked: pd.DataFrame) -> np.ndarray:
            described = Inputs.of(articles(asked), np.full(len(asked), -1))
            return network.dna(described).numpy()

        return FactorScorer(
            history, network.customer.weight.detach().numpy(), campaigns, _logistic, self.terms
        )

    def _train(self, network: "Dna", inputs: Inputs, history: History) -> None:
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        bought_UC = history.by_customer(np.ones(len(history.customer_P)))
        generator, count = np.random.default_rng(self.seed), bought_UC.shape[0]
        for _ in range(self.epochs):
            order = generator.permutation(count)
            for first in range(0, count, self.batch):
                rows_B = order[first : first + self.batch]
                is_bought_BC = torch.from_numpy(
                    (bought_UC[rows_B].toarray() > 0).astype(np.float32)
                )
                logits_BC = network(torch.from_numpy(rows_B), inputs)
                loss = F.binary_cross_entropy_with_logits(logits_BC, is_bought_BC)
                if not torch.isfinite(loss):
                    raise DegenerateModelError(f"the loss of the DNA became {float(loss)}")
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()


class Dna(nn.Module):
    """The layer from content to DNA, and each customer's weights; the last factor is the bias."""

    def __init__(self, customers: int, width: int) -> None:
        super().__init__()
        self.words = nn.Parameter(torch.randn(WORDS, width) * 0.1)
        self.category = nn.Embedding(CATEGORIES, width)
        self.level = nn.Embedding(PRICE_LEVELS, width)
        self.customer = nn.Embedding(customers, width + 1)
        for each in (self.category.weight, self.level.weight, self.customer.weight):
            nn.init.normal_(each, std=0.1)

    def dna(self, inputs: Inputs) -> Tensor:
        """Return `dna_CD`, each between -1 and 1, and a 1 for the bias."""
        words_CD = torch.sparse.mm(inputs.words_CW, self.words)
        found = words_CD + self.category(inputs.category_C) + self.level(inputs.level_C)
        return F.pad(torch.tanh(found), (0, 1), value=1.0)

    def forward(self, customer_B: Tensor, inputs: Inputs) -> Tensor:
        """Return `logits_BC`."""
        logits_BC: Tensor = self.customer(customer_B) @ self.dna(inputs).T
        return logits_BC


def _logistic(dots: np.ndarray) -> np.ndarray:
    chances: np.ndarray = 1 / (1 + np.exp(-dots))
    return chances

"""A perceptron from what a customer bought lately to a softmax over what the next order holds.

The shape is that of the H&M report: one hidden layer of 100, or 500 and then 100. Beside the hidden
layers the network learns one weight for what the customer bought before and one for what everybody
buys now, as scores of the next basket need both.

Shape legend as in `baskets`; B orders of a batch.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.peers.baskets import Baskets
from training.peers.history import History
from training.peers.recent_sales import recent_sales
from training.peers.scorers import MatrixScorer, Terms
from vitrine.errors import DegenerateModelError


@dataclass(frozen=True)
class MlpBaskets:
    """Purchases fade by half in so many days; popularity is counted over the last days."""

    hidden: tuple[int, ...] = (100,)
    half_life_days: float = 120.0
    popularity_days: int = 14
    dropout: float = 0.3
    epochs: int = 6
    batch_orders: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    terms: Terms = field(default=Terms(own=3.0, prior=0.1))
    seed: int = 1

    def fit(self, history: History) -> MatrixScorer:
        """Learn from every order that had one before it.

        Raises
        ------
        DegenerateModelError
            If the loss became NaN.
        """
        torch.manual_seed(self.seed)
        campaigns = len(history.campaign_ids)
        sold_DC = recent_sales(
            history.age_days_P, history.campaign_P, campaigns, self.popularity_days
        )
        popular_DC = np.log1p(sold_DC.toarray())
        network = Network(campaigns, self.hidden, self.dropout)
        self._train(network, Baskets.of(history, self.half_life_days), popular_DC)
        before_UC = history.by_customer(history.faded(self.half_life_days)).astype(np.float32)
        popular_C = torch.from_numpy(popular_DC[0])

        @torch.inference_mode()
        def rows(customers: np.ndarray) -> np.ndarray:
            logits_UC = network(dense(before_UC[customers]), popular_C)
            # The mean number of such campaigns in an order: about the chance of a purchase.
            found: np.ndarray = history.basket_size() * torch.softmax(logits_UC, dim=1).numpy()
            return found

        return MatrixScorer(history, rows, self.terms)

    def _train(self, network: "Network", baskets: Baskets, popular_DC: np.ndarray) -> None:
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        generator = np.random.default_rng(self.seed)
        count = len(baskets.day_O)
        for _ in range(self.epochs):
            order = generator.permutation(count)
            for first in range(0, count, self.batch_orders):
                rows_B = order[first : first + self.batch_orders]
                popular_BC = torch.from_numpy(popular_DC[baskets.day_O[rows_B] + 1])
                logits_BC = network(dense(baskets.before_OC[rows_B]), popular_BC)
                loss = basket_loss(logits_BC, dense(baskets.basket_OC[rows_B]))
                if not torch.isfinite(loss):
                    raise DegenerateModelError(f"the loss of the baskets became {float(loss)}")
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        network.eval()


class Network(nn.Module):
    """Hidden layers from campaigns to campaigns, and the two weights beside them."""

    def __init__(self, campaigns: int, hidden: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        widths = [campaigns, *hidden]
        layers: list[nn.Module] = []
        for into, out in pairwise(widths):
            layers += [nn.Linear(into, out), nn.ReLU(), nn.Dropout(dropout)]
        self.hidden = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1], campaigns)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.own = nn.Parameter(torch.full((), 3.0))
        self.popular = nn.Parameter(torch.ones(()))

    def forward(self, before_BC: Tensor, popular_BC: Tensor) -> Tensor:
        """Return `logits_BC`, float32."""
        bought_BC = torch.log1p(before_BC)
        found: Tensor = self.out(self.hidden(bought_BC))
        return found + self.own * bought_BC + self.popular * popular_BC


def basket_loss(logits_BC: Tensor, basket_BC: Tensor) -> Tensor:
    """Return the mean over orders of minus the mean log-probability of what the order held.

    Logits (0, 0) and a basket of the first campaign: log 2.
    """
    held_BC = basket_BC / basket_BC.sum(dim=1, keepdim=True)
    return -(held_BC * F.log_softmax(logits_BC, dim=1)).sum(dim=1).mean()


def dense(rows: sp.csr_matrix) -> Tensor:
    """Return sparse rows as a float32 tensor."""
    return torch.from_numpy(rows.toarray())

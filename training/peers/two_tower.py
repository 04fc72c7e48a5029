"""Two towers, one for customers and one for campaigns, that meet in a dot product.

Yi et al. (2019), Sampling-bias-corrected neural modeling for large corpus item recommendations: the
campaigns of a batch are each other's negatives, and a campaign's logit is corrected by the
logarithm of how often it is drawn (equation 3), else what sells well would be pushed down.

A campaign is known by its id, its words, its category and its price level; the id is left out at
random while learning, so that a campaign never sold before can be placed by the rest (Volkovs et
al. 2017, DropoutNet). A customer is known by the mean of the same groups over the purchases so far,
faded, and by how many, how varied and how recent they are.

Shape legend as in `towers`.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from training.peers.articles import ArticleSource, at_instant
from training.peers.baskets import Baskets
from training.peers.history import History
from training.peers.scorers import FactorScorer, Terms
from training.peers.towers import Inputs, Towers, in_batch_softmax, redundancy
from vitrine.errors import DegenerateModelError


@dataclass(frozen=True)
class TwoTower:
    """The towers are linear, or have a hidden layer if `hidden` is not 0.

    `diversity` weighs a penalty on what the feature groups say alike. Purchases fade by half in
    `half_life_days`, and so do draws of orders in theirs: what is bought changes.
    """

    width: int = 48
    hidden: int = 0
    diversity: float = 0.0
    half_life_days: float = 60.0
    order_half_life_days: float = 120.0
    id_dropout: float = 0.2
    steps: int = 500
    batch: int = 512
    learning_rate: float = 5e-3
    weight_decay: float = 1e-4
    terms: Terms = field(default=Terms(own=3.0, prior=0.1))
    seed: int = 1

    def fit(self, history: History, articles: ArticleSource) -> FactorScorer:
        """Learn from every order that had one before it.

        Raises
        ------
        DegenerateModelError
            If the loss became NaN.
        """
        torch.manual_seed(self.seed)
        known = Inputs.of(
            articles(at_instant(history.campaign_ids, history.as_of)),
            np.arange(len(history.campaign_ids)),
        )
        towers = Towers(len(history.campaign_ids), self.width, self.hidden, self.id_dropout)
        baskets = Baskets.of(history, self.half_life_days)
        if len(baskets.day_O):
            self._train(towers, known, baskets)
        towers.eval()
        return self._scorer(towers, known, history, articles)

    def _train(self, towers: Towers, known: Inputs, baskets: Baskets) -> None:
        optimizer = torch.optim.AdamW(
            towers.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.learning_rate, self.steps)
        draws = Draws.of(baskets, self.order_half_life_days)
        generator = np.random.default_rng(self.seed)
        for _ in range(self.steps):
            order_B, campaign_B = draws.batch(generator, self.batch)
            groups_GCD = towers.groups(known)
            user_BD = towers.customers(baskets.before_OC[order_B], groups_GCD)
            drawn = torch.from_numpy(campaign_B.astype(np.int64))
            logits_BB = user_BD @ towers.campaigns(groups_GCD[:, drawn]).T
            is_held_BB = baskets.basket_OC[order_B][:, campaign_B].toarray() > 0
            loss = in_batch_softmax(
                logits_BB - draws.log_chance_C[drawn], torch.from_numpy(is_held_BB)
            )
            if self.diversity:
                loss = loss + self.diversity * redundancy(groups_GCD)
            if not torch.isfinite(loss):
                raise DegenerateModelError(f"the loss of the towers became {float(loss)}")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    @torch.inference_mode()
    def _scorer(
        self, towers: Towers, known: Inputs, history: History, articles: ArticleSource
    ) -> FactorScorer:
        groups_GCD = towers.groups(known)
        before_UC = history.by_customer(history.faded(self.half_life_days))
        user_UD = towers.customers(before_UC.astype(np.float32), groups_GCD)
        logits_UC = user_UD @ towers.campaigns(groups_GCD).T
        # With this beside it, the exponent of a dot product is about the chance of a purchase.
        shift_U1 = np.log(history.basket_size()) - torch.logsumexp(logits_UC, dim=1, keepdim=True)

        @torch.inference_mode()
        def campaigns(asked: pd.DataFrame) -> np.ndarray:
            code_K = pd.Index(history.campaign_ids).get_indexer(asked["campaign_id"])
            campaign_KD = towers.campaigns(towers.groups(Inputs.of(articles(asked), code_K)))
            return F.pad(campaign_KD, (0, 1), value=1.0).numpy()

        user_UD = torch.cat([user_UD, shift_U1], dim=1)
        return FactorScorer(history, user_UD.numpy(), campaigns, np.exp, self.terms)


@dataclass(frozen=True)
class Draws:
    """What orders held, one row a campaign of an order, and how likely each is drawn."""

    order_N: np.ndarray
    campaign_N: np.ndarray
    chance_N: np.ndarray
    log_chance_C: Tensor
    """float32; of a campaign in any row of a batch: the correction of its logit."""

    @classmethod
    def of(cls, baskets: Baskets, half_life_days: float) -> "Draws":
        """Draw from an order the less often the older it is."""
        held = baskets.basket_OC.tocoo()
        weight_N = 0.5 ** (baskets.day_O[held.row] / half_life_days)
        chance_N = weight_N / weight_N.sum()
        chance_C = np.bincount(held.col, chance_N, baskets.basket_OC.shape[1])
        log_chance_C = np.log(np.maximum(chance_C, 1e-12)).astype(np.float32)
        return cls(held.row, held.col, chance_N, torch.from_numpy(log_chance_C))

    def batch(self, generator: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `order_B, campaign_B`."""
        rows_B = generator.choice(len(self.chance_N), size, p=self.chance_N)
        return self.order_N[rows_B], self.campaign_N[rows_B]

"""The siamese network: a customer tower, a campaign tower, and a small head that pairs share.

    score = customer_D · campaign_D + opinion(relu(customer_H + campaign_H + W pair_F))

All that depends on the customer alone or on the campaign alone (both towers, including what they
give to the head) is computed once a customer and once a campaign; a pair costs one dot product of
width D, one layer of width H and a small one on top: without that, 4 % of MAP@12 is lost (LOG.md).
Shape legend: B rows, F numeric features, K categorical ones, D tower width, H head width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.ranker.config import RankerConfig
from training.ranker.encoding import Encoder, Side


class Inputs(nn.Module):
    """Numeric features beside an embedding for each categorical one; code 0 is the unknown."""

    def __init__(self, encoder: Encoder, category_width: int) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(
            nn.Embedding(len(c.values) + 1, category_width) for c in encoder.categorical
        )
        self.width = len(encoder.numeric) + category_width * len(encoder.categorical)

    def forward(self, side: Side) -> Tensor:
        """Return `inputs_BW`, W = `width`."""
        embedded = [e(side.codes_BK[:, k]) for k, e in enumerate(self.embeddings)]
        return torch.cat([side.numeric_BF, *embedded], dim=1)


@dataclass(frozen=True)
class Vectors:
    """A tower's output: `dot_BD` for the dot product, `head_BH` for the shared head."""

    dot_BD: Tensor
    head_BH: Tensor

    def __getitem__(self, rows: Tensor) -> "Vectors":
        return Vectors(self.dot_BD[rows], self.head_BH[rows])


class Tower(nn.Module):
    """One hidden layer from a side's inputs to its vectors."""

    def __init__(self, encoder: Encoder, config: RankerConfig) -> None:
        super().__init__()
        self.inputs = Inputs(encoder, config.category_width)
        self.hidden = nn.Linear(self.inputs.width, config.hidden_width)
        self.out = nn.Linear(config.hidden_width, config.tower_width + config.head_width)
        self.tower_width = config.tower_width

    def forward(self, side: Side) -> Vectors:
        """Return the vectors of each row."""
        out = self.out(torch.relu(self.hidden(self.inputs(side))))
        return Vectors(out[:, : self.tower_width], out[:, self.tower_width :])


class Ranker(nn.Module):
    """Scores of (customer, campaign) pairs; higher is better, only order within a list counts."""

    def __init__(
        self, customer: Encoder, campaign: Encoder, pair: Encoder, config: RankerConfig
    ) -> None:
        super().__init__()
        self.customer = Tower(customer, config)
        self.campaign = Tower(campaign, config)
        self.pair_inputs = Inputs(pair, config.category_width)
        self.pair_hidden = nn.Linear(self.pair_inputs.width, config.head_width)
        self.opinion = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(config.head_width, config.head_width // 2),
            nn.ReLU(),
            nn.Linear(config.head_width // 2, 1),
        )
        self.scale = config.tower_width**-0.5

    def forward(self, customers: Vectors, campaigns: Vectors, pairs: Side) -> Tensor:
        """Return `score_B` of row b of each."""
        dot_B = (customers.dot_BD * campaigns.dot_BD).sum(dim=1) * self.scale
        pair_BH = self.pair_hidden(self.pair_inputs(pairs))
        head_BH = torch.relu(customers.head_BH + campaigns.head_BH + pair_BH)
        score_B: Tensor = dot_B + self.opinion(head_BH)[:, 0]
        return score_B

"""The siamese networks: a customer tower, a campaign tower, and a small head that pairs share.

    score = customer_D · campaign_D + opinion(relu(customer_H + campaign_H + W pair_F))

summed over the networks: the first learns what sets a purchase apart from anything on sale, the
second what sets it apart from that which the first finds likely (`fitting`).

All that depends on the customer alone or on the campaign alone (both towers, including what they
give to the head) is computed once a customer and once a campaign; a pair costs one dot product of
width D, one layer of width H and a small one on top: without that, 4 % of MAP@12 is lost (LOG.md).
Shape legend: B rows, F numeric features, K categorical ones, D tower width, H head width.
"""

from collections.abc import Sequence
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

    @classmethod
    def together(cls, parts: Sequence["Vectors"]) -> "Vectors":
        """Put the vectors of several towers side by side."""
        return cls(*(torch.cat(both, 1) for both in zip(*((p.dot_BD, p.head_BH) for p in parts),
                                                        strict=True)))  # fmt: skip


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


class Network(nn.Module):
    """One siamese network: both towers, and the head that pairs share."""

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


class Ranker(nn.Module):
    """Scores of (customer, campaign) pairs; higher is better, only order within a list counts.

    Networks of one shape whose scores add up. Their vectors lie side by side, so whoever computes
    a score in parts sees one network with wider ones.
    """

    def __init__(self, *networks: Network) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.scale = networks[0].scale

    @classmethod
    def new(
        cls,
        customer: Encoder,
        campaign: Encoder,
        pair: Encoder,
        config: RankerConfig,
        networks: int = 1,
    ) -> "Ranker":
        """Return networks that know nothing yet."""
        return cls(*(Network(customer, campaign, pair, config) for _ in range(networks)))

    def beside(self, other: "Ranker") -> "Ranker":
        """Return the networks of both."""
        return Ranker(*self.networks, *other.networks)

    def first(self) -> "Ranker":
        """Return the first network alone."""
        return Ranker(self.networks[0])

    def customer(self, side: Side) -> Vectors:
        """Return the customers' vectors."""
        return Vectors.together([each.customer(side) for each in self.networks])

    def campaign(self, side: Side) -> Vectors:
        """Return the campaigns' vectors."""
        return Vectors.together([each.campaign(side) for each in self.networks])

    def pair(self, side: Side) -> Tensor:
        """Return what the pairs' own features give to the head, `head_BH`."""
        return torch.cat([each.pair_hidden(each.pair_inputs(side)) for each in self.networks], 1)

    def opinion(self, head_BH: Tensor) -> Tensor:
        """Return `score_B`: what the head makes of its values; B may be several dimensions."""
        parts = head_BH.chunk(len(self.networks), dim=-1)
        opinions = [n.opinion(part) for n, part in zip(self.networks, parts, strict=True)]
        score_B: Tensor = torch.stack(opinions).sum(dim=0)[..., 0]
        return score_B

    def forward(self, customers: Vectors, campaigns: Vectors, pairs: Side) -> Tensor:
        """Return `score_B` of row b of each."""
        dot_B = (customers.dot_BD * campaigns.dot_BD).sum(dim=1) * self.scale
        head_BH = torch.relu(customers.head_BH + campaigns.head_BH + self.pair(pairs))
        return dot_B + self.opinion(head_BH)

    @property
    def pair_weight_HF(self) -> Tensor:
        """The weights by which numeric features of a pair move the head."""
        return torch.cat([each.pair_hidden.weight for each in self.networks]).detach()

    @property
    def pair_bias_H(self) -> Tensor:
        """The head of a pair whose features are all 0."""
        return torch.cat([each.pair_hidden.bias for each in self.networks]).detach()

"""Losses over one positive and N negatives, one value a purchase: B purchases, N negatives each."""

import torch
from torch import Tensor
from torch.nn import functional as F


def triplet(positive_B: Tensor, negatives_BN: Tensor, margin: float) -> Tensor:
    """Return `loss_B`: the mean hinge `max(0, margin - s(positive) + s(negative))` over N triplets.

    Schroff, Kalenichenko and Philbin (2015), FaceNet, equation 2, on scores instead of distances.
    For scores 2.0 against 1.5 and 0.0 with margin 1: (0.5 + 0) / 2 = 0.25.
    """
    return F.relu(margin - positive_B[:, None] + negatives_BN).mean(dim=1)


def violated_triplet(positive_B: Tensor, negatives_BN: Tensor, margin: float) -> Tensor:
    """Return `loss_B`: the mean hinge over those triplets alone that violate the margin, else 0.

    Hermans, Beyer and Leibe (2017), In defense of the triplet loss, section 2: the many easy
    negatives would else drown the few that still teach something. In the example above: 0.5 / 1.
    """
    hinge_BN = F.relu(margin - positive_B[:, None] + negatives_BN)
    violated_B = (hinge_BN > 0).sum(dim=1).clamp(min=1)
    return hinge_BN.sum(dim=1) / violated_B


def sampled_softmax(positive_B: Tensor, negatives_BN: Tensor, margin: float = 0.0) -> Tensor:
    """Return `loss_B`: minus the log-probability of the positive among itself and its negatives.

    Jean et al. (2015), On using very large target vocabulary, section 3; negatives are uniform, so
    no correction term is needed. Scores 0 against one 0: log 2. `margin` is ignored.
    """
    scores_BM = torch.cat([positive_B[:, None], negatives_BN], dim=1)
    return torch.logsumexp(scores_BM, dim=1) - positive_B

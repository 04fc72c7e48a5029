"""Losses over one positive and N negatives: shape legend B purchases, N negatives each."""

import torch
from torch import Tensor
from torch.nn import functional as F


def triplet(positive_B: Tensor, negatives_BN: Tensor, margin: float) -> Tensor:
    """Return the mean hinge `max(0, margin - s(positive) + s(negative))` over all B × N triplets.

    Schroff, Kalenichenko and Philbin (2015), FaceNet, equation 2, on scores instead of distances.
    For scores 2.0 against 1.5 and 0.0 with margin 1: (0.5 + 0) / 2 = 0.25.
    """
    return F.relu(margin - positive_B[:, None] + negatives_BN).mean()


def sampled_softmax(positive_B: Tensor, negatives_BN: Tensor, margin: float = 0.0) -> Tensor:
    """Return the mean negative log-probability of the positive among itself and its negatives.

    Jean et al. (2015), On using very large target vocabulary, section 3; negatives are uniform, so
    no correction term is needed. Scores 0 against one 0: log 2. `margin` is ignored.
    """
    scores_BM = torch.cat([positive_B[:, None], negatives_BN], dim=1)
    return (torch.logsumexp(scores_BM, dim=1) - positive_B).mean()

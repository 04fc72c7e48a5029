"""Losses over one positive and N negatives, one value a purchase: B purchases, N negatives each."""

from collections.abc import Callable

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


def hard_triplet(positive_B: Tensor, negatives_BN: Tensor, margin: float) -> Tensor:
    """Return `loss_B`: the hinge of the hardest negative alone, the one of the highest score.

    Hermans, Beyer and Leibe (2017), equation 5. In the example above: 0.5.
    """
    return F.relu(margin - positive_B + negatives_BN.amax(dim=1))


def semi_hard_triplet(positive_B: Tensor, negatives_BN: Tensor, margin: float) -> Tensor:
    """Return `loss_B`: the hinge of the hardest negative below the positive, else of the easiest.

    Schroff, Kalenichenko and Philbin (2015), section 3.2: the hardest of all may be a purchase that
    is still to come, and pulls a young network to one point. In the example above: 0.5.
    """
    is_below_BN = negatives_BN < positive_B[:, None]
    below_B = negatives_BN.masked_fill(~is_below_BN, -torch.inf).amax(dim=1)
    chosen_B = torch.where(is_below_BN.any(dim=1), below_B, negatives_BN.amin(dim=1))
    return F.relu(margin - positive_B + chosen_B)


def sigmoid_rank(positive_B: Tensor, negatives_BN: Tensor, margin: float = 0.0) -> Tensor:
    """Return `loss_B`: the smoothed share of the negatives above the positive, between 0 and 1.

    Qin, Liu and Li (2010), A general approximation framework for direct optimization of information
    retrieval measures, equation 10. Scores 0 against one 0: 1/2. `margin` is ignored.
    """
    return torch.sigmoid(negatives_BN - positive_B[:, None]).mean(dim=1)


def bpr(positive_B: Tensor, negatives_BN: Tensor, margin: float = 0.0) -> Tensor:
    """Return `loss_B`: the mean of -log sigmoid(s(positive) - s(negative)).

    Rendle et al. (2009), BPR: Bayesian personalised ranking from implicit feedback, section 4.
    Scores 0 against one 0: log 2. `margin` is ignored.
    """
    return F.softplus(negatives_BN - positive_B[:, None]).mean(dim=1)


def sampled_softmax(positive_B: Tensor, negatives_BN: Tensor, margin: float = 0.0) -> Tensor:
    """Return `loss_B`: minus the log-probability of the positive among itself and its negatives.

    Jean et al. (2015), On using very large target vocabulary, section 3; negatives are uniform, so
    no correction term is needed. Scores 0 against one 0: log 2. `margin` is ignored.
    """
    scores_BM = torch.cat([positive_B[:, None], negatives_BN], dim=1)
    return torch.logsumexp(scores_BM, dim=1) - positive_B


Loss = Callable[[Tensor, Tensor, float], Tensor]
LOSSES: dict[str, tuple[Loss, Loss]] = {
    "triplet": (violated_triplet, triplet),
    "hard_triplet": (hard_triplet, triplet),
    "semi_hard_triplet": (semi_hard_triplet, triplet),
    "sigmoid_rank": (sigmoid_rank, sigmoid_rank),
    "bpr": (bpr, bpr),
    "softmax": (sampled_softmax, sampled_softmax),
}
"""What is learnt from and what is reported. The loss over violated triplets, or over those of a
negative that is chosen by its score, need not fall while fewer are violated; the one over all does.
"""

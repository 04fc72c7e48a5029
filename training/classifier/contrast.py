"""The contrastive term: products that the same customers meet come near each other.

InfoNCE (van den Oord et al. 2018, Representation Learning with Contrastive Predictive Coding) over
the products of one batch, with any number of companions each (Khosla et al. 2020, Supervised
Contrastive Learning). A batch holds companions and hard negatives because an epoch's order is
arranged so, not because anything is added: each product is still seen once an epoch.

N training products, B products of a batch, P pairs of an anchor and its companion, E width of the
embedding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn import functional as F

BLOCK = 4
"""Couples of one category that stand together in an order: each other's hard negatives."""


@dataclass(frozen=True)
class Companionship:
    """How strongly N training products go together; false where none is known to.

    Parameters
    ----------
    weight_NN
        float32, symmetric, as from `companions.read_companions`.
    category_N
        Of any type. Products of one category look alike, and are the hardest to tell apart.
    """

    weight_NN: sp.csr_array
    category_N: np.ndarray

    def __bool__(self) -> bool:
        return bool(self.weight_NN.nnz)

    def first(self, count: int) -> "Companionship":
        """Return what is known of the first `count` products alone."""
        return Companionship(self.weight_NN[:count, :count], self.category_N[:count])

    def arranged(self, order_N: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the same products in an order whose neighbours say something about each other.

        Each product in turn, if it still stands alone, draws one of its companions that does, by
        weight; so what is popular is an anchor no more often than anything else. Then `BLOCK`
        couples of one category stand together: negatives that are hard to tell from companions
        teach most (Robinson et al. 2021, Contrastive Learning with Hard Negative Samples).
        """
        couples = list(self._couples(order_N, rng))
        couples.sort(key=lambda couple: self.category_N[couple[0]])
        blocks = [couples[start : start + BLOCK] for start in range(0, len(couples), BLOCK)]
        shuffled = (blocks[i] for i in rng.permutation(len(blocks)))
        return np.fromiter(chain.from_iterable(chain.from_iterable(shuffled)), np.int64)

    def among(self, rows_B: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `weight_BB`, float32, and `is_known_B`, bool, as `contrast_loss` takes them.

        It takes as long as the companions of the products, all different, are many; scipy's own
        choice of columns takes as long as all products are.
        """
        weight_BN = self.weight_NN[rows_B]
        count_B, column_P = np.diff(weight_BN.indptr), weight_BN.indices
        order_B = np.argsort(rows_B)
        place_P = np.searchsorted(rows_B[order_B], column_P).clip(max=len(rows_B) - 1)
        within_P = order_B[place_P]
        is_within_P = rows_B[within_P] == column_P
        anchor_P = np.repeat(np.arange(len(rows_B)), count_B)
        weight_BB = np.zeros((len(rows_B), len(rows_B)), np.float32)
        weight_BB[anchor_P[is_within_P], within_P[is_within_P]] = weight_BN.data[is_within_P]
        return torch.from_numpy(weight_BB), torch.from_numpy(count_B > 0)

    def _couples(self, order_N: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
        is_free_N = np.isin(np.arange(len(self.category_N)), order_N)
        for anchor in order_N:
            if is_free_N[anchor]:
                is_free_N[anchor] = False
                partner = self._partner(anchor, is_free_N, rng)
                if partner is None:
                    yield (anchor,)
                else:
                    is_free_N[partner] = False
                    yield anchor, partner

    def _partner(self, anchor: int, is_free_N: np.ndarray, rng: np.random.Generator) -> int | None:
        own = slice(*self.weight_NN.indptr[anchor : anchor + 2])
        companions = self.weight_NN.indices[own]
        is_free = is_free_N[companions]
        if not is_free.any():
            return None
        summed = np.cumsum(self.weight_NN.data[own][is_free], dtype=np.float64)
        drawn = np.searchsorted(summed, rng.random() * summed[-1], side="right")
        return int(companions[is_free][drawn])


def contrast_loss(
    embedding_BE: torch.Tensor,
    weight_BB: torch.Tensor,
    is_known_B: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """Return what it costs that companions are not nearer than others: 1 if all are equally near.

    With s the cosine of two products over the temperature, a companion p of the anchor i costs

        ln(1 + sum_n exp(s_in - s_ip)) / ln(1 + number of negatives n)

    An anchor costs the mean over its companions by their weight, a batch the mean over anchors.

    A companion is nobody's negative, and neither is a product that is not known to go with any
    (`is_known_B`): that nobody bought it with the anchor says nothing. A batch without a companion,
    or without a negative, costs 0 and moves nothing.

    Parameters
    ----------
    embedding_BE
        float32, rows of unit length.
    weight_BB
        float32, positive for companions; its diagonal is not read.
    """
    s_BB = embedding_BE @ embedding_BE.T / temperature
    is_other_BB = ~torch.eye(len(s_BB), dtype=torch.bool, device=s_BB.device)
    is_negative_BB = is_other_BB & (weight_BB == 0) & is_known_B
    is_told_BB = is_other_BB & (weight_BB > 0) & is_negative_BB.any(1, keepdim=True)
    anchor_P, companion_P = is_told_BB.nonzero(as_tuple=True)
    if not len(anchor_P):
        return embedding_BE.sum() * 0
    negatives_B = s_BB.masked_fill(~is_negative_BB, -torch.inf).logsumexp(1)
    cost_P = F.softplus(negatives_B[anchor_P] - s_BB[anchor_P, companion_P])
    even_B = torch.log1p(is_negative_BB.sum(1))
    weight_P = weight_BB[anchor_P, companion_P]
    total_B = weight_BB.new_zeros(len(s_BB)).index_add(0, anchor_P, weight_P)
    share_P = weight_P / (total_B * even_B)[anchor_P]
    return (share_P * cost_P).sum() / (total_B > 0).sum()

"""The networks of the two towers: what they are given, how they are built, what they minimise.

Shape legend: C campaigns, N customers (or orders), B draws of a batch, G feature groups, D width of
a group and of a tower's end, W hashed words.
"""

import zlib
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from training.peers.articles import Articles

WORDS, CATEGORIES, PRICE_LEVELS = 4096, 64, 16
HABITS = 3


@dataclass(frozen=True)
class Inputs:
    """What the campaign tower is given; code 0 is a campaign never sold, level 0 no price."""

    code_C: Tensor
    words_CW: Tensor
    category_C: Tensor
    level_C: Tensor

    @classmethod
    def of(cls, articles: Articles, code_C: np.ndarray) -> "Inputs":
        """Hash words and categories, and cut prices into levels that each are a half dearer.

        `code_C` counts from 0; -1 is a campaign never sold.
        """
        price_C = np.nan_to_num(articles.price_C)
        level_C = np.log(np.maximum(price_C, 1e-3) / 0.25) / np.log(1.5)
        level_C = np.where(price_C > 0, np.clip(level_C, 0, PRICE_LEVELS - 2) + 1, 0)
        category_C = [zlib.crc32(str(name).encode()) % CATEGORIES for name in articles.category_C]
        return cls(
            torch.from_numpy(code_C.astype(np.int64) + 1),
            sparse(articles.words(WORDS)),
            torch.tensor(category_C, dtype=torch.int64),
            torch.from_numpy(level_C.astype(np.int64)),
        )


class Towers(nn.Module):
    """Four embeddings of a campaign and the heads of both towers; linear if `hidden` is 0."""

    def __init__(self, campaigns: int, width: int, hidden: int, id_dropout: float) -> None:
        super().__init__()
        self.id_dropout = id_dropout
        self.code = nn.Embedding(campaigns + 1, width, padding_idx=0)
        self.words = nn.Parameter(torch.empty(WORDS, width))
        self.category = nn.Embedding(CATEGORIES, width)
        self.level = nn.Embedding(PRICE_LEVELS, width)
        for each in (self.code.weight, self.words, self.category.weight, self.level.weight):
            nn.init.normal_(each, std=0.1)
        nn.init.zeros_(self.code.weight[0])
        self.campaign_head = _head(4 * width, hidden, width + 1)
        self.customer_head = _head(4 * width + HABITS, hidden, width)

    def groups(self, inputs: Inputs) -> Tensor:
        """Return `groups_GCD`: what each feature group says of each campaign."""
        code_CD = self.code(inputs.code_C)
        if self.training:
            is_kept_C1 = torch.rand(len(code_CD), 1) >= self.id_dropout
            code_CD = code_CD * is_kept_C1
        words_CD = torch.sparse.mm(inputs.words_CW, self.words)
        category_CD, level_CD = self.category(inputs.category_C), self.level(inputs.level_C)
        return torch.stack([code_CD, words_CD, category_CD, level_CD])

    def campaigns(self, groups_GCD: Tensor) -> Tensor:
        """Return `[C, D + 1]`; the last is the campaign's own weight, for any customer."""
        found: Tensor = self.campaign_head(groups_GCD.permute(1, 0, 2).flatten(1))
        return found

    def customers(self, before_NC: sp.csr_matrix, groups_GCD: Tensor) -> Tensor:
        """Return `[N, D + 1]`, the last 1, of customers who bought this, faded, before."""
        total_N = np.maximum(np.asarray(before_NC.sum(axis=1)).ravel(), 1e-12)
        share_NC = sparse(sp.diags_array((1 / total_N).astype(np.float32)) @ before_NC)
        mean_ND = torch.sparse.mm(share_NC, groups_GCD.permute(1, 0, 2).flatten(1))
        largest_N = before_NC.max(axis=1).toarray().ravel()
        habits = np.stack([np.log1p(total_N), np.log1p(np.diff(before_NC.indptr)), largest_N], 1)
        user_ND = self.customer_head(
            torch.cat([mean_ND, torch.from_numpy(habits.astype(np.float32))], dim=1)
        )
        return nn.functional.pad(user_ND, (0, 1), value=1.0)


def in_batch_softmax(logits_BB: Tensor, is_held_BB: Tensor) -> Tensor:
    """Return the mean of minus the log-probability of each draw's own campaign, the diagonal.

    What the draw's order held besides is no negative: it is left out. Of logits ((0, 0), (0, 0))
    and different orders: log 2.
    """
    is_other_BB = is_held_BB & ~torch.eye(len(logits_BB), dtype=torch.bool)
    logits_BB = logits_BB.masked_fill(is_other_BB, float("-inf"))
    return (torch.logsumexp(logits_BB, dim=1) - logits_BB.diagonal()).mean()


def redundancy(groups_GCD: Tensor) -> Tensor:
    """Return the mean squared correlation of any two units that belong to different groups.

    After Cogswell et al. (2016), Reducing overfitting in deep networks by decorrelating
    representations, equation 1, which sums the squared covariances of all pairs of units: here
    correlations, so that the groups cannot get out of it by shrinking, and only across groups.
    Two groups that say the same in one unit each: 1.
    """
    centred_GCD = groups_GCD - groups_GCD.mean(dim=1, keepdim=True)
    unit_GCD = centred_GCD / (centred_GCD.norm(dim=1, keepdim=True) + 1e-6)
    squared = [
        (unit_GCD[one].T @ unit_GCD[other]).square().mean()
        for one in range(len(unit_GCD))
        for other in range(one)
    ]
    return torch.stack(squared).mean()


def sparse(rows: sp.csr_matrix) -> Tensor:
    """Return a sparse matrix as a float32 tensor."""
    coo = rows.tocoo()
    where = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
    values = torch.from_numpy(coo.data.astype(np.float32))
    return torch.sparse_coo_tensor(where, values, coo.shape, check_invariants=False)


def _head(into: int, hidden: int, out: int) -> nn.Module:
    if not hidden:
        return nn.Linear(into, out)
    return nn.Sequential(nn.Linear(into, hidden), nn.ReLU(), nn.Linear(hidden, out))

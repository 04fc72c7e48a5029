"""How alike campaigns are by their words: all that is known of one before its first sale.

Shape legend: K campaigns that were bought, C campaigns asked about, L customers, W hashed words.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.peers.articles import Articles

WORDS = 1 << 15
SAME = 0.999
"""A likeness above this is the campaign itself, or one that says the same: no news."""


@dataclass(frozen=True)
class Wording:
    """Campaigns as directions of their words, rare words weighing more: float64 `[K, W]`."""

    word_KW: sp.csr_matrix
    rarity_W: np.ndarray

    @classmethod
    def of(cls, articles: Articles) -> "Wording":
        """Weigh each word by the inverse of its document frequency: Spärck Jones (1972)."""
        words = articles.words(WORDS).astype(np.float64)
        count_W = np.asarray(words.astype(bool).sum(axis=0)).ravel()
        rarity_W = np.log((1 + words.shape[0]) / (1 + count_W)) + 1
        return cls(_directions(words, rarity_W), rarity_W)

    def likeness(self, articles: Articles) -> np.ndarray:
        """Return cosines with other campaigns, float32 `[K, C]`; 0 for what says the same."""
        other = _directions(articles.words(WORDS).astype(np.float64), self.rarity_W)
        like_KC = (self.word_KW @ other.T).toarray().astype(np.float32)
        like_KC[like_KC > SAME] = 0.0
        return like_KC


def largest(bought_LK: sp.csr_matrix, like_KC: np.ndarray) -> np.ndarray:
    """Return the largest likeness to anything that each customer bought, float32 `[L, C]`."""
    found_LC = np.zeros((bought_LK.shape[0], like_KC.shape[1]), dtype=np.float32)
    for row, (first, end) in enumerate(zip(bought_LK.indptr, bought_LK.indptr[1:], strict=False)):
        if end > first:
            found_LC[row] = like_KC[bought_LK.indices[first:end]].max(axis=0)
    return found_LC


def _directions(words: sp.csr_matrix, rarity_W: np.ndarray) -> sp.csr_matrix:
    weighted = words @ sp.diags(rarity_W)
    norm = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return (sp.diags(1 / np.maximum(norm, 1e-9)) @ weighted).tocsr()

"""How near campaigns are to what customers bought, for chunks of customers and all campaigns.

What `Affinity.rows` computes, with all that chunks share computed once: the models' columns of the
campaigns, the customers' factors, and who was recent. Shape legend: L all customers, B those of a
chunk, T those of them who bought anything, C campaigns, K campaigns that the models know,
D factors, V recent customers, F features.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn.functional import embedding_bag

from training.ranker.wording import largest
from vitrine.affinities import CONTENT


@dataclass(frozen=True)
class Alike:
    """Customers as directions of what they bought, and what the recent ones bought lately."""

    direction_LK: sp.csr_matrix
    recent_KV: sp.csr_matrix
    bought_VC: sp.csr_matrix
    place_L: np.ndarray
    """Where a customer is among the recent ones, -1 where they are not."""
    most: int

    def shares(self, customer_T: np.ndarray) -> np.ndarray:
        """Return the share of the likeness of the most alike who bought each campaign, `[T, C]`."""
        alike_TV = self.direction_LK[customer_T] @ self.recent_KV
        places, values, ends = alike_TV.indices, alike_TV.data, alike_TV.indptr
        # Row by row: most recent customers have nothing in common with one.
        for own, first, end in zip(self.place_L[customer_T], ends, ends[1:], strict=False):
            own_X = values[first:end]
            if own >= 0:
                own_X[places[first:end] == own] = 0.0
            if len(own_X) > self.most:
                own_X *= own_X >= np.partition(own_X, -self.most)[-self.most]
        alike_TV.eliminate_zeros()
        total_T = alike_TV.sum(axis=1, dtype=np.float64)
        shares: np.ndarray = (alike_TV @ self.bought_VC).toarray()
        shares /= np.asarray(total_T + 1e-6, np.float32).reshape(-1, 1)
        return shares


@dataclass(frozen=True)
class NearBlock:
    """Features of all campaigns with every customer who bought anything; the others hold fills.

    In the order of `names`: the product of a weighting of the customer's purchases and a matrix for
    each of `products`, then of the factors, `alike`, and three of each likeness: words, content.
    """

    names: tuple[str, ...]
    bought: Mapping[str, sp.csr_matrix]
    """float32 `[L, K]` by weighting; `faded` and `last_basket` among them."""
    products: Sequence[tuple[str, np.ndarray]]
    """(weighting, float32 `[K, C]`)."""
    factor_LD: np.ndarray
    factor_DC: np.ndarray
    alike: Alike
    likenesses: Sequence[np.ndarray]
    """float32 `[K, C]`."""
    is_known_C: np.ndarray
    """Whether a model knows the campaign; the words need none to."""

    def has_bought(self, customer_B: np.ndarray) -> np.ndarray:
        """Return whether customers bought anything, `[B]`."""
        ends = self.bought["faded"].indptr
        has_bought: np.ndarray = ends[customer_B + 1] > ends[customer_B]
        return has_bought

    def of(self, campaign_C: np.ndarray) -> "NearBlock":
        """Return the same for some of the campaigns, in the given order."""
        return replace(
            self,
            products=[
                (name, matrix_KC.take(campaign_C, axis=1)) for name, matrix_KC in self.products
            ],
            factor_DC=self.factor_DC.take(campaign_C, axis=1),
            alike=replace(self.alike, bought_VC=self.alike.bought_VC[:, campaign_C]),
            likenesses=[like_KC.take(campaign_C, axis=1) for like_KC in self.likenesses],
            is_known_C=self.is_known_C[campaign_C],
        )

    def told(self, names: Collection[str]) -> "NearBlock":
        """Return the same for a ranker of such features: without content if it knows none."""
        if set(names).issuperset(self.names) or len(self.likenesses) == 1:
            return self
        return replace(self, names=self.names[: -len(CONTENT)], likenesses=self.likenesses[:1])

    def features(self, customer_T: np.ndarray) -> np.ndarray:
        """Return all features of customers and all campaigns, float32 `[F, T, C]`."""
        value_FTC = np.empty((len(self.names), len(customer_T), len(self.is_known_C)), np.float32)
        for number, value_TC in enumerate(self._features(customer_T)):
            value_FTC[number] = value_TC
        return value_FTC

    def _features(self, customer_T: np.ndarray) -> Iterator[np.ndarray]:
        bought = {name: rows[customer_T] for name, rows in self.bought.items()}
        for name, matrix_KC in self.products:
            yield _product(bought[name], matrix_KC)
        yield (self.factor_LD[customer_T] @ self.factor_DC) * self.is_known_C
        yield self.alike.shares(customer_T) * self.is_known_C
        for like_KC, squared_KC in zip(self.likenesses, self._squared, strict=True):
            yield _product(bought["faded"], squared_KC)
            yield largest(bought["faded"], like_KC)
            yield largest(bought["last_basket"], like_KC)

    @cached_property
    def _squared(self) -> list[np.ndarray]:
        return [like_KC**2 for like_KC in self.likenesses]


def _product(bought_TK: sp.csr_matrix, matrix_KC: np.ndarray) -> np.ndarray:
    """Multiply as torch sums bags of embeddings, which takes half of scipy's time."""
    product: np.ndarray = embedding_bag(
        torch.from_numpy(bought_TK.indices),
        torch.from_numpy(matrix_KC),
        torch.from_numpy(bought_TK.indptr[:-1]),
        mode="sum",
        per_sample_weights=torch.from_numpy(bought_TK.data),
    ).numpy()
    return product

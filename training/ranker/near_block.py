"""How near campaigns are to what customers bought, for chunks of customers and all campaigns.

What `Affinity.rows` computes, with all that chunks share computed once: the models' columns of the
campaigns, the customers' factors, and who was recent. Shape legend: L all customers, B those of a
chunk, T those of them who bought anything, C campaigns, K campaigns that the models know,
D factors, V recent customers, F features.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from training.ranker.pair_blocks import Own
from training.ranker.wording import largest


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
        alike_TV = (self.direction_LK[customer_T] @ self.recent_KV).tocsr()
        row_X = np.repeat(np.arange(len(customer_T)), np.diff(alike_TV.indptr))
        alike_TV.data[alike_TV.indices == self.place_L[customer_T][row_X]] = 0.0
        # Row by row: most recent customers have nothing in common with one.
        for first, end in zip(alike_TV.indptr, alike_TV.indptr[1:], strict=False):
            own_X = alike_TV.data[first:end]
            if len(own_X) > self.most:
                own_X[own_X < np.partition(own_X, -self.most)[-self.most]] = 0.0
        total_T = np.bincount(row_X, alike_TV.data, minlength=len(customer_T))
        alike_TV.eliminate_zeros()
        bought_TC = (alike_TV @ self.bought_VC).toarray()
        shares: np.ndarray = bought_TC / (total_T + 1e-6)[:, None]
        return shares


@dataclass(frozen=True)
class NearBlock:
    """Features of all campaigns with every customer who bought anything; the others hold fills.

    In the order of `names`: the product of a weighting of the customer's purchases and a matrix for
    each of `products`, then of the factors, `alike`, and three of the words.
    """

    names: tuple[str, ...]
    bought: Mapping[str, sp.csr_matrix]
    """float32 `[L, K]` by weighting; `faded` and `last_basket` among them."""
    products: Sequence[tuple[str, np.ndarray]]
    """(weighting, float32 `[K, C]`)."""
    factor_LD: np.ndarray
    factor_DC: np.ndarray
    alike: Alike
    like_KC: np.ndarray
    is_known_C: np.ndarray
    """Whether a model knows the campaign; the words need none to."""

    def own(self, customer_B: np.ndarray, campaign_C: np.ndarray) -> Own:
        """Return all features of the customers with purchases, for each offered campaign."""
        ends = self.bought["faded"].indptr
        place_T = np.flatnonzero(ends[customer_B + 1] > ends[customer_B])
        campaigns = len(campaign_C)
        value_TCF = np.empty((len(place_T), campaigns, len(self.names)), np.float32)
        if len(place_T):
            for number, value_TC in enumerate(self._features(customer_B[place_T])):
                value_TCF[:, :, number] = value_TC[:, campaign_C]
        pair_TC = place_T[:, None] * campaigns + np.arange(campaigns)
        return Own(value_TCF.reshape(-1, len(self.names)), np.arange(pair_TC.size), pair_TC.ravel())

    def _features(self, customer_T: np.ndarray) -> Iterator[np.ndarray]:
        bought = {name: rows[customer_T] for name, rows in self.bought.items()}
        for name, matrix_KC in self.products:
            yield bought[name] @ matrix_KC
        yield np.where(self.is_known_C, self.factor_LD[customer_T] @ self.factor_DC, 0.0)
        yield np.where(self.is_known_C, self.alike.shares(customer_T), 0.0)
        yield bought["faded"] @ self._squared_KC
        yield largest(bought["faded"], self.like_KC)
        yield largest(bought["last_basket"], self.like_KC)

    @cached_property
    def _squared_KC(self) -> np.ndarray:
        squared: np.ndarray = self.like_KC**2
        return squared

"""An epoch's batches: which rows are scored and which purchase meets which negatives.

Drawn for many batches at once and moved to the device in a few pieces, so that the loop neither
waits for Python nor for small copies. A row that no purchase of its group meets is not scored.
Shape legend: B groups of a batch, R their rows, P their purchases, N negatives of a purchase, G
groups of a draft.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.ranker.candidates import ranges
from training.ranker.dataset import Dataset
from training.ranker.sampling import epoch_negatives

DRAFT = 256
"""Batches drawn together: a million rows' positions are 8 MB, however many examples there are."""


@dataclass(frozen=True)
class Batch:
    """Positions on the device: into the data set, or into the batch's own groups and rows."""

    groups_B: Tensor
    row_R: Tensor
    """Rows of the data set, group by group: the purchases and the negatives that they meet."""
    group_R: Tensor
    """Position of each row's group within the batch."""
    positive_P: Tensor
    """Positions of the purchases among the batch's rows."""
    negative_PN: Tensor
    weight_P: Tensor
    """float32 1 / sqrt(purchases of the group), in all 1: between every purchase alike and every
    customer alike."""


def batches(
    data: Dataset,
    order_G: np.ndarray,
    batch_groups: int,
    negatives: int,
    generator: np.random.Generator,
    draft: int = DRAFT,
) -> Iterator[Batch]:
    """Cut groups in the given order into batches, each purchase with newly drawn negatives."""
    for first in range(0, len(order_G), draft * batch_groups):
        drafted_G = order_G[first : first + draft * batch_groups]
        yield from _drafted(data, drafted_G, batch_groups, negatives, generator)


def _drafted(
    data: Dataset,
    order_G: np.ndarray,
    batch_groups: int,
    negatives: int,
    generator: np.random.Generator,
) -> Iterator[Batch]:
    rows_G, purchases_G = data.rows_G[order_G], data.purchases_G[order_G]
    row_end_G, purchase_end_G = np.cumsum(rows_G), np.cumsum(purchases_G)
    first_G = row_end_G - rows_G
    positive_P = ranges(first_G, purchases_G)
    negative_PN = epoch_negatives(
        np.repeat(first_G + purchases_G, purchases_G),
        np.repeat(rows_G - purchases_G, purchases_G),
        negatives,
        generator,
    )
    is_met_R = np.zeros(int(row_end_G[-1]), dtype=bool)
    is_met_R[positive_P] = is_met_R[negative_PN] = True
    place_R = np.cumsum(is_met_R) - 1
    met_end_G = place_R[row_end_G - 1] + 1
    batch_G = np.arange(len(order_G)) // batch_groups
    before_G = np.append(0, met_end_G)[batch_G * batch_groups]
    before_P = np.repeat(before_G, purchases_G)
    whole = (
        order_G,
        ranges(data.start_G[order_G], rows_G)[is_met_R],
        np.repeat(np.arange(len(order_G)) % batch_groups, rows_G)[is_met_R],
        place_R[positive_P] - before_P,
        place_R[negative_PN] - before_P[:, None],
        _weights(purchases_G, batch_G),
    )
    groups, rows, members, positives, others, weights = (
        torch.from_numpy(array).to(data.device) for array in whole
    )
    g = r = p = 0
    for last in np.append(np.arange(batch_groups, len(order_G), batch_groups), len(order_G)):
        to_r, to_p = int(met_end_G[last - 1]), int(purchase_end_G[last - 1])
        yield Batch(
            groups[g:last], rows[r:to_r], members[r:to_r],
            positives[p:to_p], others[p:to_p], weights[p:to_p],
        )  # fmt: skip
        g, r, p = int(last), to_r, to_p


def _weights(purchases_G: np.ndarray, batch_G: np.ndarray) -> np.ndarray:
    """Return each purchase's weight, which add up to 1 in a batch."""
    whole_G = np.bincount(batch_G, weights=np.sqrt(purchases_G))[batch_G]
    weight_G = 1.0 / np.sqrt(np.maximum(purchases_G, 1)) / whole_G
    weights: np.ndarray = np.repeat(weight_G, purchases_G).astype(np.float32)
    return weights

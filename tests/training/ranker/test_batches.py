"""Batches of a draft agree with a loop over groups."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.ranker.batches import batches
from training.ranker.dataset import Dataset
from training.ranker.encoding import Side

GROUPS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), min_size=1, max_size=9)


def dataset(groups) -> Dataset:
    """Groups of (purchases, negatives) whose rows have no feature."""
    rows = np.array([bought + others for bought, others in groups])
    return Dataset(
        customers=no_features(len(groups)),
        campaigns=no_features(1),
        pairs=no_features(rows.sum()),
        campaign_R=torch.zeros(rows.sum(), dtype=torch.int64),
        start_G=np.cumsum(rows) - rows,
        rows_G=rows,
        purchases_G=np.array([bought for bought, _ in groups]),
    )


def no_features(rows: int) -> Side:
    return Side(torch.zeros((rows, 0)), torch.zeros((rows, 0), dtype=torch.int64))


@given(GROUPS, st.integers(1, 4), st.integers(0, 99))
def test_batches_are_what_a_loop_over_groups_would_take(groups, batch_groups, seed):
    data = dataset(groups)
    order = np.random.default_rng(seed).permutation(len(groups))
    found = list(batches(data, order, batch_groups, 3, np.random.default_rng(seed)))
    assert [g for batch in found for g in batch.groups_B.tolist()] == order.tolist()
    for batch in found:
        weights = []
        groups_of_rows = batch.groups_B[batch.group_R].tolist()
        assert groups_of_rows == [owner(data, row) for row in batch.row_R.tolist()]
        assert batch.row_R.tolist() == [
            row for group in batch.groups_B.tolist() for row in rows_of(data, group)
            if row in met(data, batch)
        ]  # fmt: skip
        purchases = iter(zip(batch.positive_P.tolist(), batch.negative_PN.tolist(), strict=True))
        for group in batch.groups_B.tolist():
            own, (bought, _) = rows_of(data, group), groups[group]
            for row in own[:bought]:
                positive, others = next(purchases)
                assert batch.row_R[positive] == row
                assert len(others) == 3
                assert set(batch.row_R[others].tolist()) <= set(own[bought:])
            weights += [bought**-0.5] * bought
        assert next(purchases, None) is None
        assert batch.weight_P.tolist() == pytest.approx(np.array(weights) / sum(weights))


def rows_of(data, group) -> list[int]:
    return list(range(data.start_G[group], data.start_G[group] + data.rows_G[group]))


def owner(data, row) -> int:
    return next(g for g in range(len(data.start_G)) if row in rows_of(data, g))


def met(data, batch) -> set[int]:
    """The purchases of the batch's groups, and the negatives that they meet."""
    bought = {
        row for g in batch.groups_B.tolist() for row in rows_of(data, g)[: data.purchases_G[g]]
    }
    return bought | set(batch.row_R[batch.negative_PN.ravel()].tolist())


def test_a_draft_of_few_batches_draws_the_same():
    data, order = dataset([(1, 4), (2, 3), (1, 9), (3, 3), (1, 1)]), np.array([3, 1, 4, 0, 2])
    whole = list(batches(data, order, 2, 5, np.random.default_rng(1)))
    parts = list(batches(data, order, 2, 5, np.random.default_rng(1), draft=1))
    for one, other in zip(whole, parts, strict=True):
        assert torch.equal(one.negative_PN, other.negative_PN)
        assert torch.equal(one.row_R, other.row_R)

"""Batches of a draft agree with a loop over groups."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.ranker import batches as module
from training.ranker.batches import batches

GROUPS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), min_size=1, max_size=9)


def dataset(groups) -> SimpleNamespace:
    """Groups of (purchases, negatives), as much of a Dataset as batches need."""
    rows = np.array([bought + others for bought, others in groups])
    return SimpleNamespace(
        device=torch.device("cpu"),
        start_G=np.cumsum(rows) - rows,
        rows_G=rows,
        purchases_G=np.array([bought for bought, _ in groups]),
    )


@given(GROUPS, st.integers(1, 4), st.integers(0, 99))
def test_batches_are_what_a_loop_over_groups_would_take(groups, batch_groups, seed):
    data = dataset(groups)
    order = np.random.default_rng(seed).permutation(len(groups))
    found = list(batches(data, order, batch_groups, 3, np.random.default_rng(seed)))
    assert [g for batch in found for g in batch.groups_B.tolist()] == order.tolist()
    for batch in found:
        rows, members, positives, allowed, weights = [], [], [], [], []
        for place, group in enumerate(batch.groups_B.tolist()):
            bought, others = groups[group]
            begin = len(rows)
            rows += range(data.start_G[group], data.start_G[group] + bought + others)
            members += [place] * (bought + others)
            positives += range(begin, begin + bought)
            allowed += [range(begin + bought, begin + bought + others)] * bought
            weights += [bought**-0.5] * bought
        assert batch.row_R.tolist() == rows
        assert batch.group_R.tolist() == members
        assert batch.positive_P.tolist() == positives
        assert batch.negative_PN.shape == (len(positives), 3)
        for drawn, own in zip(batch.negative_PN.tolist(), allowed, strict=True):
            assert set(drawn) <= set(own)
        assert batch.weight_P.tolist() == pytest.approx(np.array(weights) / sum(weights))


def test_a_draft_of_few_batches_draws_the_same(monkeypatch):
    data, order = dataset([(1, 4), (2, 3), (1, 9), (3, 3), (1, 1)]), np.array([3, 1, 4, 0, 2])
    whole = list(batches(data, order, 2, 5, np.random.default_rng(1)))
    monkeypatch.setattr(module, "DRAFT", 1)
    parts = list(batches(data, order, 2, 5, np.random.default_rng(1)))
    for one, other in zip(whole, parts, strict=True):
        assert torch.equal(one.negative_PN, other.negative_PN)
        assert torch.equal(one.row_R, other.row_R)

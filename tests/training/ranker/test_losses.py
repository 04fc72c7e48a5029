import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.ranker import config, losses

SCORES = st.floats(-5, 5)
ROWS = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.tuples(SCORES, st.lists(SCORES, min_size=width, max_size=width)), min_size=1, max_size=5
    )
)


def tensors(rows):
    return (
        torch.tensor([p for p, _ in rows], dtype=torch.float64),
        torch.tensor([n for _, n in rows], dtype=torch.float64),
    )


@given(ROWS, st.floats(0.1, 3))
def test_triplet_agrees_with_a_slow_loop(rows, margin):
    terms = [max(0.0, margin - p + n) for p, negatives in rows for n in negatives]
    positive_B, negatives_BN = tensors(rows)
    assert losses.triplet(positive_B, negatives_BN, margin).mean().item() == pytest.approx(
        sum(terms) / len(terms)
    )


@given(ROWS, st.floats(0.1, 3))
def test_violated_triplet_agrees_with_a_slow_loop(rows, margin):
    expected = []
    for positive, negatives in rows:
        violated = [margin - positive + n for n in negatives if margin - positive + n > 0]
        expected.append(sum(violated) / len(violated) if violated else 0.0)
    positive_B, negatives_BN = tensors(rows)
    found = losses.violated_triplet(positive_B, negatives_BN, margin)
    assert found.tolist() == pytest.approx(expected)


@given(ROWS)
def test_sampled_softmax_agrees_with_a_slow_loop(rows):
    terms = [-math.log(math.exp(p) / sum(math.exp(s) for s in [p, *n])) for p, n in rows]
    positive_B, negatives_BN = tensors(rows)
    assert losses.sampled_softmax(positive_B, negatives_BN).tolist() == pytest.approx(
        terms, abs=1e-9
    )


@given(ROWS, st.floats(0.1, 3))
def test_hard_triplets_agree_with_a_slow_loop(rows, margin):
    hardest, semi_hard = [], []
    for positive, negatives in rows:
        below = [n for n in negatives if n < positive]
        hardest.append(max(0.0, margin - positive + max(negatives)))
        chosen = max(below) if below else min(negatives)
        semi_hard.append(max(0.0, margin - positive + chosen))
    positive_B, negatives_BN = tensors(rows)
    assert losses.hard_triplet(positive_B, negatives_BN, margin).tolist() == pytest.approx(hardest)
    found = losses.semi_hard_triplet(positive_B, negatives_BN, margin)
    assert found.tolist() == pytest.approx(semi_hard)


@given(ROWS)
def test_smooth_losses_agree_with_slow_loops(rows):
    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    ranks = [sum(sigmoid(n - p) for n in negatives) / len(negatives) for p, negatives in rows]
    pairs = [-sum(math.log(sigmoid(p - n)) for n in ns) / len(ns) for p, ns in rows]
    positive_B, negatives_BN = tensors(rows)
    assert losses.sigmoid_rank(positive_B, negatives_BN).tolist() == pytest.approx(ranks)
    assert losses.bpr(positive_B, negatives_BN).tolist() == pytest.approx(pairs)


def test_every_loss_that_can_be_chosen_is_there():
    assert set(losses.LOSSES) == set(config.LOSSES)


def test_the_examples_of_the_docstrings():
    positive, negatives = torch.tensor([2.0]), torch.tensor([[1.5, 0.0]])
    assert losses.triplet(positive, negatives, 1.0).item() == pytest.approx(0.25)
    assert losses.violated_triplet(positive, negatives, 1.0).item() == pytest.approx(0.5)
    assert losses.hard_triplet(positive, negatives, 1.0).item() == pytest.approx(0.5)
    assert losses.semi_hard_triplet(positive, negatives, 1.0).item() == pytest.approx(0.5)
    half = losses.sigmoid_rank(torch.tensor([0.0]), torch.tensor([[0.0]]))
    assert half.item() == pytest.approx(0.5)
    assert losses.bpr(torch.tensor([0.0]), torch.tensor([[0.0]])).item() == pytest.approx(
        math.log(2)
    )
    equal = losses.sampled_softmax(torch.tensor([0.0]), torch.tensor([[0.0]]))
    assert equal.item() == pytest.approx(math.log(2))

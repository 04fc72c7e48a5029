import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.classifier.catalogue import MISSING, Task
from training.classifier.losses import task_losses, task_weights


def gradient(tensor: torch.Tensor) -> torch.Tensor:
    assert tensor.grad is not None
    return tensor.grad


TASKS = (Task("two", ("a", "b")), Task("four", tuple("abcd")))


def test_a_missing_label_has_exactly_zero_gradient():
    two, four = torch.randn(3, 2, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    label_BK = torch.tensor([[0, MISSING], [MISSING, 2], [1, 3]])
    (task_weights(TASKS) * task_losses([two, four], label_BK)).sum().backward()
    assert gradient(two)[1].eq(0).all()
    assert gradient(four)[0].eq(0).all()
    assert gradient(two)[[0, 2]].ne(0).all()
    assert gradient(four)[[1, 2]].ne(0).all()


def test_a_missing_label_does_not_dilute_the_others():
    two, four = torch.randn(2, 2), torch.randn(2, 4)
    both = task_losses([two, four], torch.tensor([[0, 1], [MISSING, MISSING]]))
    alone = task_losses([two[:1], four[:1]], torch.tensor([[0, 1]]))
    torch.testing.assert_close(both, alone)


def test_a_task_that_nobody_answers_costs_nothing():
    two, four = torch.randn(2, 2, requires_grad=True), torch.randn(2, 4, requires_grad=True)
    loss_K = task_losses([two, four], torch.tensor([[0, MISSING], [1, MISSING]]))
    loss_K.sum().backward()
    assert loss_K[1].item() == 0
    assert gradient(four).eq(0).all()


def test_guessing_evenly_costs_one_over_all_tasks():
    logits = [torch.zeros(5, 2), torch.zeros(5, 4)]
    loss_K = task_losses(logits, torch.tensor([[1, 3]] * 5))
    assert (task_weights(TASKS) * loss_K).sum().item() == pytest.approx(1)


@given(
    st.lists(
        st.tuples(st.lists(st.floats(-5, 5, width=32), min_size=3, max_size=3), st.integers(-1, 2)),
        max_size=8,
    )
)
def test_the_loss_agrees_with_a_plain_loop(rows):
    costs = [
        -math.log(math.exp(logits[label]) / sum(map(math.exp, logits)))
        for logits, label in rows
        if label != MISSING
    ]
    expected = sum(costs) / len(costs) if costs else 0
    logits_BC = torch.tensor([logits for logits, _ in rows]).reshape(-1, 3)
    label_BK = torch.tensor([label for _, label in rows], dtype=torch.int64).reshape(-1, 1)
    assert task_losses([logits_BC], label_BK).item() == pytest.approx(expected, abs=1e-5)

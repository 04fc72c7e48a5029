import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.classifier.batches import Batch, Example, collate
from training.classifier.catalogue import Product, Task, label_numbers
from training.classifier.losses import TaskLoss, TaskWeights, even_costs
from vitrine.errors import BadArgumentError

TASKS = (Task("two", tuple("ab")), Task("four", tuple("abcd")), Task("many", tuple("abc"), True))


def batch_of(*labels: dict[str, str]) -> Batch:
    """Make a batch of products with these labels and nothing else."""
    products = [Product(str(n), "", labels=of_one) for n, of_one in enumerate(labels)]
    return collate([Example((), np.arange(1), label_numbers(p, TASKS)) for p in products], 4)


def costs(logits_BS: torch.Tensor, batch: Batch) -> torch.Tensor:
    return TaskLoss(TASKS)(logits_BS, batch)[0]


def gradient(tensor: torch.Tensor) -> torch.Tensor:
    assert tensor.grad is not None
    return tensor.grad


def test_a_missing_label_has_exactly_zero_gradient():
    logits_BS = torch.randn(3, 9, requires_grad=True)
    batch = batch_of({"two": "a"}, {"four": "c"}, {"two": "b", "four": "d", "many": "a|c"})
    costs(logits_BS, batch).sum().backward()
    two, four, many = gradient(logits_BS).split([2, 4, 3], dim=1)
    assert two[1].eq(0).all()
    assert four[0].eq(0).all()
    assert many[:2].eq(0).all()
    assert two[[0, 2]].ne(0).all()
    assert four[[1, 2]].ne(0).all()
    assert many[2].ne(0).all()


def test_a_missing_label_does_not_dilute_the_others():
    logits_BS = torch.randn(2, 9)
    labels = {"two": "a", "four": "b", "many": "c"}
    torch.testing.assert_close(
        costs(logits_BS, batch_of(labels, {})), costs(logits_BS[:1], batch_of(labels))
    )


def test_a_batch_without_any_label_costs_nothing():
    logits_BS = torch.randn(2, 9, requires_grad=True)
    loss_K, count_K = TaskLoss(TASKS)(logits_BS, batch_of({}, {}))
    loss_K.sum().backward()
    assert loss_K.tolist() == count_K.tolist() == [0, 0, 0]
    assert gradient(logits_BS).eq(0).all()


def test_a_product_counts_once_however_many_answers_it_has():
    _, count_K = TaskLoss(TASKS)(torch.randn(2, 9), batch_of({"many": "a|b|c"}, {"many": "b"}))
    assert count_K.tolist() == [0, 0, 2]


def test_guessing_evenly_costs_one_over_all_tasks(tiny):
    batch = batch_of(*[{"two": "b", "four": "d", "many": "a|b"}] * 5)
    loss_K, count_K = TaskLoss(TASKS)(torch.zeros(5, 9), batch)
    torch.testing.assert_close(loss_K, even_costs(TASKS))
    by_class_count = TaskWeights(TASKS, replace(tiny, task_weighting="class_count"))
    assert by_class_count(loss_K, count_K).item() == pytest.approx(1)


def test_a_product_can_be_left_out():
    logits_BS = torch.randn(2, 9, requires_grad=True)
    labels = {"two": "a", "four": "b", "many": "a|c"}
    counts_B = torch.tensor([1.0, 0.0])
    loss_K, count_K = TaskLoss(TASKS)(logits_BS, batch_of(labels, labels), counts_B)
    loss_K.sum().backward()
    assert count_K.tolist() == [1, 1, 1]
    torch.testing.assert_close(loss_K, costs(logits_BS[:1], batch_of(labels)))
    assert gradient(logits_BS)[1].eq(0).all()


LABEL = st.sampled_from(["", "a", "b", "c", "d", "a|b", "a|c|b"])


@given(st.lists(st.tuples(LABEL, LABEL, LABEL), min_size=1, max_size=6), st.integers(0, 99))
def test_the_loss_agrees_with_a_plain_loop(rows, seed):
    batch = batch_of(*({t.name: x for t, x in zip(TASKS, row, strict=True)} for row in rows))
    logits_BS = torch.randn(len(rows), 9, generator=torch.Generator().manual_seed(seed))
    starts = (0, 2, 6)
    for k, task in enumerate(TASKS):
        paid = []
        for logits, row in zip(logits_BS.tolist(), rows, strict=True):
            z = logits[starts[k] : starts[k] + len(task.classes)]
            right = task.numbers(row[k])
            if task.is_multi_label and right:
                signs = [1 if c in right else -1 for c in range(len(z))]
                paid.append(
                    sum(math.log1p(math.exp(-s * x)) for s, x in zip(signs, z, strict=True))
                )
            elif right:
                paid.append(math.log(sum(map(math.exp, z))) - z[right[0]])
        expected = sum(paid) / len(paid) if paid else 0
        assert costs(logits_BS, batch)[k].item() == pytest.approx(expected, abs=1e-5)


def test_fixed_weights_are_those_that_were_given(tiny):
    config = replace(tiny, task_weighting="fixed", task_weights=(("four", 3.0),))
    weighted = TaskWeights(TASKS, config)(torch.tensor([1.0, 10, 100]), torch.ones(3))
    assert weighted.item() == pytest.approx((1 + 30 + 100) / 3)


def test_a_weight_of_a_task_that_there_is_not_is_refused(tiny):
    config = replace(tiny, task_weights=(("five", 3.0),))
    with pytest.raises(
        BadArgumentError, match="--task-weight five: there is no such task; there are two"
    ):
        TaskWeights(TASKS, config)


def test_learnt_uncertainty_trusts_the_task_that_can_be_learnt(tiny):
    """A task's s settles where exp(s) is twice its cost (the minimum of the formula)."""
    weights = TaskWeights(TASKS, replace(tiny, task_weighting="uncertainty"))
    optimizer = torch.optim.SGD(weights.parameters(), lr=0.5)
    loss_K, count_K = torch.tensor([0.1, 2.0, 5.0]), torch.tensor([8.0, 8.0, 0.0])
    for _ in range(500):
        optimizer.zero_grad()
        weights(loss_K, count_K).backward()
        optimizer.step()
    easy, hard, unasked = weights.log_variance_K.detach().exp().tolist()
    assert easy == pytest.approx(0.2, rel=1e-3)
    assert hard == pytest.approx(4, rel=1e-3)
    assert unasked == 1


def test_an_unknown_weighting_is_refused(tiny):
    with pytest.raises(
        BadArgumentError, match="task_weighting=loud: it must be one of class_count"
    ):
        replace(tiny, task_weighting="loud")


def test_a_hundred_tasks_of_two_thousand_classes_are_one_step():
    tasks = tuple(Task(f"{n}", tuple(map(str, range(2000))), n % 3 == 0) for n in range(103))
    product = Product("1", "", labels={"0": "7|9", "1": "1999", "102": "3"})
    batch = collate([Example((), np.arange(1), label_numbers(product, tasks))] * 4, 4)
    logits_BS = torch.zeros(4, 206_000, requires_grad=True)
    loss_K, count_K = TaskLoss(tasks)(logits_BS, batch)
    loss_K.sum().backward()
    assert count_K.nonzero().flatten().tolist() == [0, 1, 102]
    assert gradient(logits_BS).reshape(4, 103, 2000).ne(0).any(2).sum(1).tolist() == [3] * 4

import numpy as np
import pytest
import torch

from training.classifier.batches import Example
from training.classifier.catalogue import Product, Task
from training.classifier.evaluation import evaluate
from training.classifier.model import ProductClassifier, new_encoder

TASKS = (Task("colour", ("blue", "red")), Task("rare", ("no", "yes")))


def test_a_task_that_nothing_was_learnt_about_has_no_majority_and_ends_nothing(tiny):
    torch.manual_seed(1)
    model = ProductClassifier(tiny, TASKS, new_encoder(tiny)).eval()
    known = [Product(str(n), "", labels={"colour": "red"}) for n in range(3)]
    held_out = [
        Product("a", "", labels={"colour": "red", "rare": "yes"}),
        Product("b", "", labels={"colour": "blue"}),
    ]
    examples = [Example((), np.arange(2), np.empty((0, 2), np.int64))] * 2
    metrics = evaluate(model, known, held_out, examples)
    assert metrics["majority/accuracy/colour"] == pytest.approx(0.5)
    assert metrics["majority/accuracy/rare"] == 0

"""Products whose text says one label and not the other, and answers to them of known skill."""

import numpy as np
import pytest

from training.classifier.catalogue import Product, Task
from training.classifier.judging.answers import Answers

KIND, COIN = Task("kind", ("bag", "boot", "shirt")), Task("coin", ("heads", "tails"))
FABRIC = Task("fabric", ("cotton", "linen", "silk"), is_multi_label=True)
TASKS = (KIND, COIN, FABRIC)


def drawn(count, seed):
    """Draw products: `kind` and `fabric` stand in the text, `coin` does not."""
    rng = np.random.default_rng(seed)
    return [_product(f"p{seed}_{n}", rng) for n in range(count)]


def _product(name, rng):
    kind, coin = rng.choice(KIND.classes), rng.choice(COIN.classes)
    fabrics = [fabric for fabric in FABRIC.classes if rng.random() < 0.4] or ["silk"]
    text = f"Fine {kind} of {' and '.join(fabrics)} number {rng.integers(9)}"
    labels = {"kind": kind, "coin": coin, "fabric": "|".join(fabrics)}
    if rng.random() < 0.2:
        del labels[rng.choice(sorted(labels))]
    return Product(name, text, labels=labels)


def skilled(products, skill, seed, sureness=0.8, silent=()):
    """Answer each task rightly with the chance `skill`, and always with the same confidence.

    To the tasks of `silent` no answer is given.
    """
    rng = np.random.default_rng(seed)
    judged = {}
    for task in (KIND, COIN):
        probability_HC = np.full((len(products), len(task.classes)), (1 - sureness) / 2)
        for row_C, product in zip(probability_HC, products, strict=True):
            right = [*task.numbers(product.labels.get(task.name)), 0][0]
            wrong = (right + 1) % len(task.classes)
            row_C[right if rng.random() < skill else wrong] = sureness
        is_sure_HC = np.full(probability_HC.shape, task.name not in silent)
        judged[task.name] = Answers.of(task, products, probability_HC, is_sure_HC)
    return judged


@pytest.fixture(scope="session")
def held_out():
    return drawn(400, seed=1)

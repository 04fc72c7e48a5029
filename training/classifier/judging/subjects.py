"""Who is judged: the classifier, itself with less to look at, and peers that see no image."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from training.classifier.batches import Example, as_shown
from training.classifier.calibration import Shown
from training.classifier.catalogue import Product, Task
from training.classifier.judging.answers import Answers
from training.classifier.judging.text_peers import PEERS
from training.classifier.metrics import majority
from training.classifier.model import ProductClassifier
from training.classifier.prediction import predict

CLASSIFIER, MAJORITY = "classifier", "majority"
IMAGES, TEXT = Shown.IMAGES.value, Shown.TEXT.value
ONE_VIEW, FEWER_VIEWS = "one view", "a view missing"
LESS = (IMAGES, TEXT, ONE_VIEW, FEWER_VIEWS)
"""The classifier with something hidden from it."""
OTHERS = (*PEERS, MAJORITY)

SEES = {CLASSIFIER: Shown.BOTH, IMAGES: Shown.IMAGES, TEXT: Shown.TEXT}
SEES |= {ONE_VIEW: Shown.BOTH, FEWER_VIEWS: Shown.BOTH}
"""What the classifier sees, by which its thresholds differ."""

Judged = dict[str, Answers]
"""Task -> answers about the held-out products that carry its label."""


def classifier_subjects(
    model: ProductClassifier, products: Sequence[Product], examples: Sequence[Example], seed: int
) -> dict[str, Judged]:
    """Ask the classifier about products, with everything shown and with something hidden.

    What a view is worth is asked about the products that have several, if there are any.

    Parameters
    ----------
    products, examples
        The held-out products, in the same order.
    """
    rng = np.random.default_rng(seed)
    everybody = np.arange(len(products))
    several = np.flatnonzero([len(example.views) > 1 for example in examples])
    hidings: dict[str, tuple[np.ndarray, Callable[[Example], Example]]] = {
        subject: (everybody, partial(as_shown, shown=SEES[subject]))
        for subject in (CLASSIFIER, IMAGES, TEXT)
    }
    hidings |= {
        ONE_VIEW: (several, lambda example: with_views(example, [0])),
        FEWER_VIEWS: (several, lambda example: without_a_view(example, rng)),
    }
    return {
        name: ask(model, products, [hide(examples[n]) for n in asked], asked)
        for name, (asked, hide) in hidings.items()
        if len(asked)
    }


def thresholds(model: ProductClassifier) -> dict[str, dict[str, float]]:
    """Return subject -> task -> the least probability of an answer that the classifier gives."""
    return {
        subject: {
            task.name: calibration.threshold
            for task, calibration in zip(model.tasks, model.calibrations[shown], strict=True)
        }
        for subject, shown in SEES.items()
    }


def ask(
    model: ProductClassifier,
    products: Sequence[Product],
    examples: Sequence[Example],
    asked: np.ndarray,
) -> Judged:
    """Let the classifier answer about some products: `asked` are the examples' places."""
    said = predict(model, examples)
    about = [products[n] for n in asked]
    found = {
        task.name: Answers.of(task, about, probability_PC, is_sure_PC)
        for task, probability_PC, is_sure_PC in zip(
            model.tasks, said.probability, said.given, strict=True
        )
    }
    return {name: replace(some, product_N=asked[some.product_N]) for name, some in found.items()}


def other_subjects(
    tasks: Sequence[Task],
    trained_on: Sequence[Product],
    tuning: Sequence[Product],
    held_out: Sequence[Product],
) -> dict[str, Judged]:
    """Let the text peers and each task's most frequent label answer about held-out products.

    Where nothing is written about any product there are no text peers.
    """
    peers = PEERS if any(product.text.strip() for product in trained_on) else {}
    judged = {
        name: peer.answer(tasks, trained_on, tuning, held_out) for name, peer in peers.items()
    }
    learnt = [*trained_on, *tuning]
    return judged | {MAJORITY: {t.name: most_frequent(t, learnt, held_out) for t in tasks}}


def most_frequent(task: Task, learnt: Sequence[Product], held_out: Sequence[Product]) -> Answers:
    """Answer about every product with the most frequent label, and with confidence 1."""
    numbers = (task.numbers(product.labels.get(task.name)) for product in learnt)
    probability_C = np.zeros(len(task.classes))
    probability_C[task.numbers(majority([task.label(some) for some in numbers if some]))] = 1
    return Answers.of(task, held_out, np.tile(probability_C, (len(held_out), 1)))


def with_views(example: Example, kept: Sequence[int]) -> Example:
    """Return the example with some of its photographs."""
    return replace(example, views=tuple(example.views[n] for n in kept))


def without_a_view(example: Example, rng: np.random.Generator) -> Example:
    """Return the example without one of its photographs, drawn by chance."""
    hidden = rng.integers(len(example.views))
    return with_views(example, [n for n in range(len(example.views)) if n != hidden])

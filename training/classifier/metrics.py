"""Accuracy and macro-F1 of a task, and of guessing its most frequent class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scores:
    """`accuracy`: share of right answers. `macro_f1`: unweighted mean of the classes' F1."""

    accuracy: float
    macro_f1: float


def score(truth: Sequence[str], predicted: Sequence[str]) -> Scores:
    """Compare predicted labels with the true ones, of which there must be at least one.

    The mean of F1 runs over every class that is true or predicted somewhere; a class that is never
    hit has F1 = 0.

        truth a a b, predicted a b b  ->  accuracy 2/3, F1(a) = 2/3, F1(b) = 2/3, macro 2/3
    """
    hits = Counter(t for t, p in zip(truth, predicted, strict=True) if t == p)
    marked = Counter(truth) + Counter(predicted)
    f1 = [2 * hits[label] / marked[label] for label in sorted(marked)]
    return Scores(hits.total() / len(truth), sum(f1) / len(f1))


def majority(labels: Sequence[str]) -> str:
    """Return the most frequent label; the first by name among equals."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label))

"""How good a classifier is on products that no version of it has seen, per task and on average."""

import re
from collections.abc import Mapping, Sequence
from statistics import fmean

from training.classifier.batches import Example, as_shown
from training.classifier.calibration import Shown
from training.classifier.catalogue import Product, Task, answers
from training.classifier.metrics import Scores, majority, score
from training.classifier.model import ProductClassifier
from training.classifier.prediction import predict

METRIC = "score"
"""The gate's metric: the mean of accuracy and macro-F1, averaged over the tasks."""

PREFIXES = {Shown.BOTH: "", Shown.IMAGES: "image_only/", Shown.TEXT: "text_only/"}
MAJORITY = "majority/"
"""What the names of metrics begin with: by what the model sees, and each task's commonest label."""


def evaluate(
    model: ProductClassifier,
    trained_on: Sequence[Product],
    held_out: Sequence[Product],
    examples: Sequence[Example],
) -> dict[str, float]:
    """Return every metric of a model under the name that MLflow shows.

    `accuracy`, `macro_f1` and `score` are averages over the tasks; `accuracy/<task>` and
    `macro_f1/<task>` are one task's. With a prefix they are those of `majority` (each task's most
    frequent training label), `image_only` and `text_only` (the same model, the rest hidden).

    Parameters
    ----------
    held_out, examples
        The same products, in the same order; a label that is missing is not counted, and one that
        no training product had counts as missed.
    """
    predictions = {
        prefix: predict(model, [as_shown(example, shown) for example in examples]).labels(model)
        for shown, prefix in PREFIXES.items()
    }
    predictions[MAJORITY] = _majority_labels(model.tasks, trained_on, len(held_out))
    metrics: dict[str, float] = {}
    for prefix, labels in predictions.items():
        metrics |= named(score_tasks(model.tasks, held_out, labels), prefix)
    return metrics


def score_tasks(
    tasks: Sequence[Task], products: Sequence[Product], predicted: Mapping[str, Sequence[str]]
) -> dict[str, Scores]:
    """Score each task over the products that carry its label; tasks nobody carries are left out.

    A task that the predictions lack is answered wrongly throughout.
    """
    scores = {}
    for task in tasks:
        rows = [n for n, p in enumerate(products) if answers(p.labels.get(task.name, ""))]
        given = predicted.get(task.name, [""] * len(products))
        truth = [products[n].labels[task.name] for n in rows]
        if rows:
            scores[task.name] = score(truth, [given[n] for n in rows])
    return scores


def named(scores: Mapping[str, Scores], prefix: str = "") -> dict[str, float]:
    """Flatten the scores of at least one task to metric names and values."""
    accuracy = {task: value.accuracy for task, value in scores.items()}
    macro_f1 = {task: value.macro_f1 for task, value in scores.items()}
    means = {"accuracy": fmean(accuracy.values()), "macro_f1": fmean(macro_f1.values())}
    means[METRIC] = fmean(means.values())
    return (
        {f"{prefix}{name}": value for name, value in means.items()}
        | {f"{prefix}accuracy/{metric_name(task)}": value for task, value in accuracy.items()}
        | {f"{prefix}macro_f1/{metric_name(task)}": value for task, value in macro_f1.items()}
    )


def _majority_labels(
    tasks: Sequence[Task], products: Sequence[Product], count: int
) -> dict[str, list[str]]:
    known = {
        task.name: [p.labels[task.name] for p in products if task.name in p.labels]
        for task in tasks
    }
    return {name: [majority(labels) if labels else ""] * count for name, labels in known.items()}


def metric_name(task: str) -> str:
    """Return what a task is called within a metric's name: MLflow does not allow all signs."""
    return re.sub(r"[^\w.\- ]", "_", task, flags=re.ASCII)

"""Predictions: probabilities of every class of every task, and the embedding, of any products."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import torch

from training.classifier.batches import Example, collate
from training.classifier.model import ProductClassifier

BATCH_SIZE = 128
Item = TypeVar("Item")


@dataclass(frozen=True)
class Prediction:
    """What the network says about N products.

    Parameters
    ----------
    probability
        One float32 array (N, classes of the task) per task; rows sum to 1.
    embedding_NE
        float32, rows of unit length.
    """

    probability: list[np.ndarray]
    embedding_NE: np.ndarray

    def labels(self, model: ProductClassifier) -> dict[str, list[str]]:
        """Return the most probable class of every product per task."""
        return {
            task.name: [task.classes[c] for c in probability.argmax(1)]
            for task, probability in zip(model.tasks, self.probability, strict=True)
        }


@torch.inference_mode()
def predict(model: ProductClassifier, examples: Sequence[Example]) -> Prediction:
    """Predict at least one product; each product's answer depends on itself alone."""
    device = next(model.parameters()).device
    outputs = []
    for some in chunks(examples, BATCH_SIZE):
        batch = collate(some, model.config.image_size).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            outputs.append(model(batch))
    logits = [torch.cat(of_task) for of_task in zip(*(o.logits for o in outputs), strict=True)]
    return Prediction(
        probability=[torch.softmax(task, dim=1).cpu().numpy() for task in logits],
        embedding_NE=torch.cat([o.embedding_BE for o in outputs]).cpu().numpy(),
    )


def top(probability_C: np.ndarray, count: int) -> np.ndarray:
    """Return the class numbers of the `count` highest probabilities; the first among equals.

    >>> top(np.array([0.2, 0.4, 0.4]), 2).tolist()
    [1, 2]
    """
    return np.argsort(-probability_C, kind="stable")[:count]


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut a sequence into lists of at most `size`, keeping the order."""
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk

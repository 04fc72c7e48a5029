"""Predictions: probabilities of every class of every task, and the embedding, of any products."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import torch

from training.classifier.batches import Example, collate
from training.classifier.calibration import Shown
from training.classifier.catalogue import Task
from training.classifier.model import Output, ProductClassifier

BATCH_SIZE = 128
SEEN = {(shown.has_text, shown.has_images): shown for shown in Shown}
"""By whether there is a text, and whether there is an image."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Prediction:
    """What the network says about N products.

    Parameters
    ----------
    probability
        Calibrated: one float32 array (N, classes of the task) per task; rows sum to 1, but in a
        multi-label task each class has its own probability of being right.
    given
        One bool array (N, C) per task: the classes that the model answers with. A row without any
        abstains, and a person must be asked.
    embedding_NE
        float32, rows of unit length.
    """

    probability: list[np.ndarray]
    given: list[np.ndarray]
    embedding_NE: np.ndarray

    def labels(self, model: ProductClassifier) -> dict[str, list[str]]:
        """Return every product's likeliest label per task, as the catalogue would write it."""
        return {
            task.name: [task.label(chosen(task, row)) for row in probability]
            for task, probability in zip(model.tasks, self.probability, strict=True)
        }


def predict(model: ProductClassifier, examples: Sequence[Example]) -> Prediction:
    """Predict at least one product; each product's answer depends on itself alone."""
    text_NE, image_NE = sides(model, examples)
    with torch.inference_mode():
        output = model.answer(text_NE, image_NE)
    shown_N = shown_of(text_NE, image_NE)
    probability, given = [], []
    for k, (task, logits_NC) in enumerate(zip(model.tasks, by_task(model, output), strict=True)):
        probability_NC, given_NC = np.empty_like(logits_NC), np.empty(logits_NC.shape, bool)
        for shown, calibrations in model.calibrations.items():
            rows = shown_N == shown
            probability_NC[rows] = calibrations[k].probability(task, logits_NC[rows])
            given_NC[rows] = calibrations[k].given(task, probability_NC[rows])
        probability.append(probability_NC)
        given.append(given_NC)
    return Prediction(probability, given, output.embedding_BE.cpu().numpy())


def shown_of(text_NE: torch.Tensor, image_NE: torch.Tensor) -> np.ndarray:
    """Tell what a network saw of each product, `Shown` (N,), by what its sides have to say.

    A text of which training knew no n-gram says nothing.
    """
    is_seen = zip(text_NE.any(1).tolist(), image_NE.any(1).tolist(), strict=True)
    return np.asarray([SEEN[has_text, has_image] for has_text, has_image in is_seen], object)


def by_task(model: ProductClassifier, output: Output) -> list[np.ndarray]:
    """Return what a calibration is fitted to: one float32 array (N, C) per task."""
    return [of_task.cpu().numpy() for of_task in model.of_tasks(output.logits_BS)]


@torch.inference_mode()
def sides(
    model: ProductClassifier, examples: Sequence[Example]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what text and images alone say of N products, (N, E) float32 each."""
    device = next(model.parameters()).device
    texts, images = [], []
    for some in chunks(examples, BATCH_SIZE):
        batch = collate(some, model.config.image_size).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            text_BE, image_BE = model.sides(batch)
        texts.append(text_BE)
        images.append(image_BE)
    return torch.cat(texts), torch.cat(images)


def chosen(task: Task, probability_C: np.ndarray) -> list[int]:
    """Return the classes that a product most probably has, by number.

    That is the most probable one; in a multi-label task each that is more probable than not.
    """
    likely = np.flatnonzero(probability_C > 0.5) if task.is_multi_label else ()
    return list(likely) if len(likely) else [int(probability_C.argmax())]


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

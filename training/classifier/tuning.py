"""What the tuning products decide about a fitted network.

That is what its images count beside the text, how sure it is, and when it abstains.
"""

from collections.abc import Sequence

import numpy as np
import torch

from training.classifier.batches import Example
from training.classifier.calibration import (
    Calibration,
    Calibrations,
    Shown,
    calibrate,
    surprise,
    uncalibrated,
)
from training.classifier.catalogue import Product
from training.classifier.model import ProductClassifier
from training.classifier.prediction import by_task, shown_of, sides

IMAGE_SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
WORTH_A_CHANGE = 0.02
"""By what share another image share must make labels less surprising to replace the trained one."""


def image_share(
    model: ProductClassifier, examples: Sequence[Example], products: Sequence[Product]
) -> float:
    """Return what images should count beside a text of 1, judged by products that have both.

    A network knows by heart what its training products look like, so it cannot learn from them what
    images are worth on others. The share that it was trained with stays unless another one makes
    the tuning products' labels clearly less surprising, each share at temperatures of its own.

    Parameters
    ----------
    examples, products
        The tuning products, in the same order.
    """
    trained_with = model.config.image_share
    text_NE, image_NE = sides(model, examples)
    rows = np.flatnonzero(shown_of(text_NE, image_NE) == Shown.BOTH).tolist()
    if not rows:
        return trained_with
    labels = [products[n].labels for n in rows]

    def cost(share: float) -> float:
        of_tasks = _logits(model, text_NE[rows], image_NE[rows], share)
        return sum(
            surprise(task, logits_NC, [known.get(task.name, "") for known in labels])
            for task, logits_NC in zip(model.tasks, of_tasks, strict=True)
        )

    costs = {share: cost(share) for share in (trained_with, *IMAGE_SHARES)}
    best = min(costs, key=costs.__getitem__)
    is_worth_it = costs[best] < (1 - WORTH_A_CHANGE) * costs[trained_with]
    return best if is_worth_it else trained_with


def calibrated(
    model: ProductClassifier, examples: Sequence[Example], products: Sequence[Product]
) -> Calibrations:
    """Calibrate every task for whatever may be shown of a product.

    What is shown of a tuning product counts as it is and, with the rest hidden, for its parts. A
    network that sees nothing of a product never answers.

    Parameters
    ----------
    examples, products
        The tuning products, in the same order.
    """
    text_NE, image_NE = sides(model, examples)
    nothing_NE = torch.zeros_like(text_NE)
    shown = {
        Shown.BOTH: (text_NE, image_NE),
        Shown.IMAGES: (nothing_NE, image_NE),
        Shown.TEXT: (text_NE, nothing_NE),
    }
    found = {kind: _of(kind, model, *both, products) for kind, both in shown.items()}
    return {**uncalibrated(model.tasks), **found}


def _of(
    kind: Shown,
    model: ProductClassifier,
    text_NE: torch.Tensor,
    image_NE: torch.Tensor,
    products: Sequence[Product],
) -> tuple[Calibration, ...]:
    rows = np.flatnonzero(shown_of(text_NE, image_NE) == kind).tolist()
    of_tasks = _logits(model, text_NE[rows], image_NE[rows])
    return calibrate(model.tasks, of_tasks, [products[n].labels for n in rows])


@torch.inference_mode()
def _logits(
    model: ProductClassifier,
    text_NE: torch.Tensor,
    image_NE: torch.Tensor,
    share: float | None = None,
) -> list[np.ndarray]:
    given = None if share is None else torch.tensor(share, device=text_NE.device)
    return by_task(model, model.join(text_NE, image_NE, given))

"""What the tuning products decide about a fitted network.

That is what its images count beside the text, how sure it is, and when it abstains.
"""

from collections.abc import Sequence

import torch

from training.classifier.batches import Example, without_images, without_text
from training.classifier.calibration import (
    Calibration,
    Calibrations,
    Shown,
    calibrate,
    surprise,
)
from training.classifier.catalogue import Product
from training.classifier.model import ProductClassifier
from training.classifier.prediction import logits, shown_of, sides

IMAGE_SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
WORTH_A_CHANGE = 0.02
"""By what share another image share must make labels less surprising to replace the trained one."""
HIDINGS = {
    Shown.BOTH: lambda example: example,
    Shown.IMAGES: without_text,
    Shown.TEXT: without_images,
}


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
    rows = [n for n, example in enumerate(examples) if shown_of(example) is Shown.BOTH]
    if not rows:
        return trained_with
    text_NE, image_NE = sides(model, [examples[n] for n in rows])
    labels = [products[n].labels for n in rows]

    def cost(share: float) -> float:
        with torch.inference_mode():
            output = model.join(text_NE, image_NE, torch.tensor(share, device=text_NE.device))
        return sum(
            surprise(task, of_task.cpu().numpy(), [known.get(task.name, "") for known in labels])
            for task, of_task in zip(model.tasks, model.of_tasks(output.logits_BS), strict=True)
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
    return {shown: _of(shown, model, examples, products) for shown in Shown}


def _of(
    shown: Shown,
    model: ProductClassifier,
    examples: Sequence[Example],
    products: Sequence[Product],
) -> tuple[Calibration, ...]:
    hide = HIDINGS.get(shown)
    hidden = [hide(example) for example in examples] if hide else []
    rows = [n for n, example in enumerate(hidden) if shown_of(example) is shown]
    if not rows:
        return tuple(Calibration() for _ in model.tasks)
    of_tasks = logits(model, [hidden[n] for n in rows])
    return calibrate(model.tasks, of_tasks, [products[n].labels for n in rows])

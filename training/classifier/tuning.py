"""What the tuning products decide about a fitted network: how sure it is, and when it abstains."""

from collections.abc import Sequence

from training.classifier.batches import Example, without_images, without_text
from training.classifier.calibration import Calibration, Calibrations, Shown, calibrate
from training.classifier.catalogue import Product
from training.classifier.model import ProductClassifier
from training.classifier.prediction import logits, shown_of

HIDINGS = {
    Shown.BOTH: lambda example: example,
    Shown.IMAGES: without_text,
    Shown.TEXT: without_images,
}


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

"""What the tuning products decide about a fitted network.

That is what its images count beside the text, how sure it is, and when it abstains.
"""

from collections.abc import Mapping, Sequence

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
WORTH_ITS_OWN = 0.05
"""The same for one task alone, where fewer labels decide."""


def set_image_shares(
    model: ProductClassifier, examples: Sequence[Example], products: Sequence[Product]
) -> None:
    """Decide what images count beside a text of 1: in embeddings, and for each task.

    A network knows by heart what its training products look like, so it cannot learn from them what
    images are worth on others. The share that it was trained with stays unless another one makes
    the labels of tuning products that have both clearly less surprising, each share at temperatures
    of its own. A task keeps to the embedding's share unless another one serves it clearly better:
    of a colour a photograph may tell all, of a fabric a text.

    Parameters
    ----------
    examples, products
        The tuning products, in the same order.
    """
    text_NE, image_NE = sides(model, examples)
    rows = np.flatnonzero(shown_of(text_NE, image_NE) == Shown.BOTH).tolist()
    if not rows:
        return
    labels = [products[n].labels for n in rows]
    shares = (model.config.image_share, *IMAGE_SHARES)
    cost_FK = np.array(
        [_surprises(model, text_NE[rows], image_NE[rows], labels, share) for share in shares]
    )
    chosen = _better(cost_FK.sum(1), 0, WORTH_A_CHANGE)
    of_tasks = [_better(cost_F, chosen, WORTH_ITS_OWN) for cost_F in cost_FK.T]
    model.image_share.fill_(shares[chosen])
    model.task_share_K.copy_(torch.tensor([shares[f] for f in of_tasks]))


def _better(cost_F: np.ndarray, present: int, worth: float) -> int:
    """Return the cheapest of F choices if it is worth a change, else the present one."""
    best = int(cost_F.argmin())
    return best if cost_F[best] < (1 - worth) * cost_F[present] else present


@torch.inference_mode()
def _surprises(
    model: ProductClassifier,
    text_NE: torch.Tensor,
    image_NE: torch.Tensor,
    labels: Sequence[Mapping[str, str]],
    share: float,
) -> list[float]:
    """Return how surprising each task's labels are with an image share, nats a labelled product."""
    given = torch.tensor(share, device=text_NE.device)
    of_tasks = by_task(model, model.join(text_NE, image_NE, given))
    return [
        surprise(task, logits_NC, [known.get(task.name, "") for known in labels])
        for task, logits_NC in zip(model.tasks, of_tasks, strict=True)
    ]


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
    found = {
        shown: _of(shown, model, text_NE * shown.has_text, image_NE * shown.has_images, products)
        for shown in (Shown.BOTH, Shown.IMAGES, Shown.TEXT)
    }
    return {**uncalibrated(model.tasks), **found}


def _of(
    kind: Shown,
    model: ProductClassifier,
    text_NE: torch.Tensor,
    image_NE: torch.Tensor,
    products: Sequence[Product],
) -> tuple[Calibration, ...]:
    rows = np.flatnonzero(shown_of(text_NE, image_NE) == kind).tolist()
    with torch.inference_mode():
        of_tasks = by_task(model, model.answer(text_NE[rows], image_NE[rows]))
    return calibrate(model.tasks, of_tasks, [products[n].labels for n in rows])

"""From products to tensors: what is encoded once, and what is drawn anew in each step.

V views (photographs) of all products of the batch together, B products, T n-grams of all texts
together, L known answers of all products together; H = W = the image size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch

from training.classifier.calibration import Shown
from training.classifier.catalogue import Product, Task, label_numbers
from training.classifier.config import ClassifierConfig
from training.classifier.images import ImageFile
from training.classifier.sentences import opened
from training.classifier.text import buckets

Pixels = Callable[[ImageFile], np.ndarray | None]
"""Gives an image as uint8 (H, W, 3), or None if it cannot be used."""


@dataclass(frozen=True)
class Example:
    """One product, ready to be batched.

    Parameters
    ----------
    views
        uint8 (H, W, 3) each; any number, none included.
    buckets
        int64 (n,), hash buckets that the text fills, each once; empty without text.
    labels
        int64 (n, 2), the known answers: number of the task, number of the class.
    sentence
        float32 (W,), the text's vector by a pretrained encoder, zeros without text; W is 0 where
        the text is learnt from its n-grams.
    """

    views: tuple[np.ndarray, ...]
    buckets: np.ndarray
    labels: np.ndarray
    sentence: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))


@dataclass(frozen=True)
class Batch:
    """B products; views, n-grams and answers lie flat, so any number of them costs no padding.

    Parameters
    ----------
    pixels_VHWC
        uint8.
    view_owner_V
        int64, the row of the batch that a view belongs to.
    buckets_T
        int64.
    text_start_B
        int64, where the row's n-grams begin in `buckets_T`.
    label_L3
        int64, the known answers: row of the batch, number of the task, number of the class.
    sentence_BW
        float32; a row of zeros is a product without text.
    share_L
        float32, one over the number of answers that the product has to the same task, so that the
        sum over a task counts the products that have an answer.
    """

    pixels_VHWC: torch.Tensor
    view_owner_V: torch.Tensor
    buckets_T: torch.Tensor
    text_start_B: torch.Tensor
    label_L3: torch.Tensor
    share_L: torch.Tensor
    sentence_BW: torch.Tensor

    def __len__(self) -> int:
        return len(self.text_start_B)

    def pinned(self) -> "Batch":
        """Return the batch in memory that a GPU reads by itself, while the program goes on."""
        return Batch(*(getattr(self, f.name).pin_memory() for f in fields(self)))

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        return Batch(*(getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)))


def encode(
    products: Sequence[Product], tasks: tuple[Task, ...], config: ClassifierConfig, pixels: Pixels
) -> list[Example]:
    """Turn products into arrays; images that cannot be used are left out."""
    examples = [_encoded(product, tasks, config, pixels) for product in products]
    if not config.text_pretrained:
        return examples
    sentence_NW = opened(config.text_pretrained)([product.text for product in products])
    return [
        replace(example, sentence=sentence)
        for example, sentence in zip(examples, sentence_NW, strict=True)
    ]


def _encoded(
    product: Product, tasks: tuple[Task, ...], config: ClassifierConfig, pixels: Pixels
) -> Example:
    views = (pixels(image) for image in product.images)
    words = "" if config.text_pretrained else product.text
    return Example(
        views=tuple(view for view in views if view is not None),
        buckets=buckets(words, config.text_buckets),
        labels=label_numbers(product, tasks),
    )


def collate(examples: Sequence[Example], image_size: int) -> Batch:
    """Put examples into one batch, in their order."""
    views = [view for example in examples for view in example.views]
    owners = [row for row, example in enumerate(examples) for _ in example.views]
    lengths = [0, *(len(example.buckets) for example in examples)]
    nothing = np.empty((0, image_size, image_size, 3), np.uint8)
    labels = _labels(examples)
    return Batch(
        pixels_VHWC=torch.from_numpy(np.stack(views) if views else nothing),
        view_owner_V=torch.tensor(owners, dtype=torch.int64),
        buckets_T=torch.from_numpy(np.concatenate([example.buckets for example in examples])),
        text_start_B=torch.from_numpy(np.cumsum(lengths[:-1], dtype=np.int64)),
        label_L3=torch.from_numpy(labels),
        share_L=torch.from_numpy(_shares(labels)),
        sentence_BW=torch.from_numpy(np.stack([example.sentence for example in examples])),
    )


def _labels(examples: Sequence[Example]) -> np.ndarray:
    """Return int64 (L, 3): row, task, class."""
    rows = np.repeat(np.arange(len(examples)), [len(example.labels) for example in examples])
    return np.column_stack([rows, np.concatenate([example.labels for example in examples])])


def _shares(label_L3: np.ndarray) -> np.ndarray:
    """Return float32 (L,): one over the number of answers of the same row to the same task."""
    row_L, task_L, _ = label_L3.T
    question_L = row_L * (task_L.max(initial=0) + 1) + task_L
    return (1 / np.bincount(question_L)[question_L]).astype(np.float32)


def without_images(example: Example) -> Example:
    """Return the example as if the product had no photograph."""
    return replace(example, views=())


def without_text(example: Example) -> Example:
    """Return the example as if nothing had been written about the product."""
    return replace(example, buckets=example.buckets[:0], sentence=np.zeros_like(example.sentence))


def as_shown(example: Example, shown: Shown) -> Example:
    """Return the example with the rest of the product hidden."""
    example = example if shown.has_images else without_images(example)
    return example if shown.has_text else without_text(example)


def disturbed(example: Example, config: ClassifierConfig, rng: np.random.Generator) -> Example:
    """Return what one training step sees: few views, a little aside, and mirrored or not."""
    shown = min(len(example.views), config.views_in_training)
    chosen = rng.permutation(len(example.views))[:shown]
    most = round(config.image_shift * config.image_size)
    views = (_moved(example.views[i], *rng.integers(-most, most + 1, 2)) for i in chosen)
    return replace(example, views=tuple(v[:, ::-1] if rng.random() < 0.5 else v for v in views))


def _moved(view: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return a view moved by so many pixels; its edge goes on where it left."""
    rows = np.clip(np.arange(len(view)) - down, 0, len(view) - 1)
    columns = np.clip(np.arange(view.shape[1]) - right, 0, view.shape[1] - 1)
    return view[rows[:, None], columns]

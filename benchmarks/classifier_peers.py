"""What the classifier's training is held against: the same network in the loop anybody would write.

A torch DataLoader opens and decodes each photograph every time it is shown; the network computes in
float32, and its memory is laid out as torch does by itself.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.ranker_peers import synchronize
from training.classifier.batches import Batch, Example, collate, disturbed
from training.classifier.catalogue import Product, Task, label_numbers
from training.classifier.config import ClassifierConfig
from training.classifier.fitting import Fit
from training.classifier.model import ProductClassifier, new_encoder
from training.classifier.text import buckets


class Photographs(Dataset[Example]):
    """Products whose photographs are decoded when they are asked for."""

    def __init__(
        self, products: Sequence[Product], tasks: tuple[Task, ...], config: ClassifierConfig
    ) -> None:
        self.products, self.tasks, self.config = products, tasks, config

    def __len__(self) -> int:
        return len(self.products)

    def __getitem__(self, number: int) -> Example:
        product, rng = self.products[number], np.random.default_rng(number)
        shown = rng.permutation(len(product.images))[: self.config.views_in_training]
        size = (self.config.image_size, self.config.image_size)
        views = []
        for i in shown:
            with Image.open(product.images[i].path) as image:
                views.append(np.asarray(image.convert("RGB").resize(size)))
        words = buckets(product.text, self.config.text_buckets)
        whole = Example(tuple(views), words, label_numbers(product, self.tasks))
        return disturbed(whole, self.config, rng)


class PlainLoop:
    """The product's network and steps, in float32, over a loader that knows no store."""

    def __init__(
        self,
        products: Sequence[Product],
        tasks: tuple[Task, ...],
        config: ClassifierConfig,
        device: torch.device,
        workers: int,
    ) -> None:
        torch.manual_seed(1)
        photographs = Photographs(products, tasks, config)
        self.device = device
        plain = replace(config, epochs=100, patience=0, bfloat16=False, compiled=False)
        model = ProductClassifier(plain, tasks, new_encoder(plain)).to(device)
        # The examples only tell it how many steps an epoch has.
        self.school = Fit(model, [photographs[0]] * len(products), [photographs[0]], seed=1)
        model.train().encoder.to(memory_format=torch.contiguous_format)
        self.loader: DataLoader[Batch] = DataLoader(
            photographs,
            batch_size=config.batch_size,
            shuffle=True,
            num_workers=workers,
            collate_fn=lambda some: collate(some, config.image_size),
        )

    def rate(self) -> float:
        """Go through all products once; return images a second."""
        synchronize(self.device)
        begun, views = time.perf_counter(), 0
        for batch in self.loader:
            views += len(batch.view_owner_V)
            self.school.step(np.arange(len(batch)), batch.to(self.device))
        synchronize(self.device)
        return views / (time.perf_counter() - begun)

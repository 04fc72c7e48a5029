"""What the classifier's training is held against: the same network in the loop anybody would write.

A torch DataLoader opens and decodes each photograph every time it is shown; the loop computes in
float32 and asks for nothing that torch does not do by itself.
"""

import time
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.ranker_peers import synchronize
from training.classifier.batches import Batch, Example, collate, disturbed
from training.classifier.catalogue import Product, Task, label_numbers
from training.classifier.config import ClassifierConfig
from training.classifier.losses import TaskLoss, TaskWeights
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
    """A network, a loss and an optimiser, as in a tutorial."""

    def __init__(
        self,
        products: Sequence[Product],
        tasks: tuple[Task, ...],
        config: ClassifierConfig,
        device: torch.device,
        workers: int,
    ) -> None:
        torch.manual_seed(1)
        self.device = device
        self.model = ProductClassifier(config, tasks, new_encoder(config)).to(device).train()
        self.loss, self.weights = TaskLoss(tasks).to(device), TaskWeights(tasks, config).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=config.learning_rate)
        self.loader: DataLoader[Example] = DataLoader(
            Photographs(products, tasks, config),
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
            views += self._step(batch)
        synchronize(self.device)
        return views / (time.perf_counter() - begun)

    def _step(self, batch: Batch) -> int:
        on_device = batch.to(self.device)
        loss = self.weights(*self.loss(self.model(on_device).logits_BS, on_device))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return len(batch.view_owner_V)

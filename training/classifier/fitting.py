"""The training loop: from encoded products to a fitted network and its curves.

The n-grams' vectors learn by plain gradient descent, all else by AdamW. Adam moves a parameter by
about the learning rate whatever its gradient, so a word that was seen once would move as far as one
seen a thousand times, and the network would learn the training products by heart (training/LOG.md).
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from training.checkpoint import Checkpoint
from training.classifier.batches import Batch, Example, collate, disturbed
from training.classifier.catalogue import Task
from training.classifier.config import ClassifierConfig
from training.classifier.contrast import Companionship, contrast_loss
from training.classifier.losses import TaskLoss, TaskWeights
from training.classifier.model import ProductClassifier, TextEncoder, new_encoder
from training.classifier.plateau import Plateau
from training.classifier.prediction import BATCH_SIZE, chunks
from training.device import has_fast_bfloat16
from vitrine.errors import DegenerateModelError

LONGEST_GRADIENT = 5.0
SMALLEST_FALL = 0.001
"""Share of the first epoch's loss that the last one must lie below it."""
WARM_UP_SHARE = 0.2

Curves = dict[str, list[float]]


def fit(
    config: ClassifierConfig,
    tasks: tuple[Task, ...],
    examples: Sequence[Example],
    tuning: Sequence[Example],
    device: torch.device,
    seed: int,
    kept: Checkpoint | None = None,
    say: Callable[[str], object] = lambda _: None,
    companionship: Companionship | None = None,
) -> tuple[ProductClassifier, Curves]:
    """Train a new network on `examples`; return it ready to predict, and its learning curves.

    The curves have one value an epoch: `loss`, all that is paid in training; `loss/<task>`, nats,
    from the whole product; `tuning_loss`, of the tasks, on other products, not a number without
    any; and where products are known to go together `contrast_loss`, which is 1 at random.

    Parameters
    ----------
    kept
        Holds the state after each epoch, so that a killed run goes on from there. It must belong to
        these arguments, and the caller removes it when what the network is needed for is done.
    say
        Takes a line of progress an epoch.
    companionship
        Which of `examples`, in their order, go together; where none do the labels alone count.

    Raises
    ------
    DegenerateModelError
        If the loss is no number, or does not fall.
    """
    torch.manual_seed(seed)
    model = ProductClassifier(config, tasks, new_encoder(config))
    if isinstance(model.text, TextEncoder):
        model.text.learn_rarity([example.buckets for example in examples])
    model = model.to(device)
    curves = Fit(model, examples, tuning, seed, companionship).run(kept, say)
    return model.eval(), curves


class Fit:
    """A network in training: all that changes from epoch to epoch, and how it changes.

    Training goes in stages, each with a cycle of learning rates of its own. An encoder from scratch
    learns as a whole, in one stage. Of a pretrained one nothing learns at first; each further stage
    thaws one more part of it from the top, and begins with the weights that had the lowest tuning
    loss in the stage before.
    """

    _plateau: Plateau
    _optimizers: list[torch.optim.Optimizer]
    _schedules: list[torch.optim.lr_scheduler.OneCycleLR]

    def __init__(
        self,
        model: ProductClassifier,
        examples: Sequence[Example],
        tuning: Sequence[Example],
        seed: int,
        companionship: Companionship | None = None,
    ) -> None:
        self.model, self.config = model, model.config
        self.examples, self.tuning = examples, tuning
        self.companionship = companionship if self.config.contrast_weight else None
        self.device = next(model.parameters()).device
        self.task_loss = TaskLoss(model.tasks).to(self.device)
        self.weights = TaskWeights(model.tasks, self.config).to(self.device)
        names = ["loss", "tuning_loss", *(f"loss/{task.name}" for task in model.tasks)]
        if self.companionship:
            names.append("contrast_loss")
        self.curves: Curves = {name: [] for name in names}
        enough = math.ceil(self.config.fewest_steps / self._step_count())
        self.epochs = max(self.config.epochs, enough)
        self.is_over = False
        self._best: dict[str, torch.Tensor] | None = None
        self._rng = np.random.default_rng(seed)
        self._suit_the_device()
        self._begin(0 if self.config.pretrained else len(model.encoder_parts))

    def run(
        self, kept: Checkpoint | None = None, say: Callable[[str], object] = lambda _: None
    ) -> Curves:
        """Train all epochs that are not done yet, and return the losses after each.

        Raises
        ------
        DegenerateModelError
            If the loss is no number, or does not fall.
        """
        if kept is not None and (state := kept.read(self.device)) is not None:
            self.restore(state)
            say(f"going on after epoch {len(self.curves['loss'])}, which a killed run had reached")
        while not self.is_over:
            begun = time.monotonic()
            views = self.epoch()
            progress = self._progress(views, time.monotonic() - begun)
            self.go_on()
            if kept is not None:
                kept.write(self.state())
            say(progress)
        _refuse_stuck(self.curves["loss"])
        return self.curves

    def epoch(self) -> int:
        """Go through all examples once; return how many views were seen."""
        self.model.train()
        self.model.thaw(self.stage)
        views, steps = 0, []
        for rows, batch in self._batches():
            views += len(batch.view_owner_V)
            steps.append(self.step(rows, batch))
        loss, *parts = torch.stack(steps).mean(0).tolist()
        _refuse_nan(loss, len(self.curves["loss"]) + 1)
        values = (loss, self.tuning_loss(), *parts)
        for curve, value in zip(self.curves.values(), values, strict=True):
            curve.append(value)
        # One cycle to its end anneals the weights; of a stage that may end before, the best count.
        if self._plateau.see(values[1]) and self.config.patience:
            self._best = {name: v.clone() for name, v in self.model.state_dict().items()}
        return views

    def step(self, rows_B: np.ndarray, batch: Batch) -> torch.Tensor:
        """Learn from a batch of the examples `rows_B`; return what it cost.

        That is the weighted sum, each task's loss, and the contrastive one where there is any.
        """
        loss, loss_K, embedding_BE = self._losses(batch)
        parts = [loss_K.detach()]
        if self.companionship:
            weight_BB, is_known_B = self.companionship.among(rows_B)
            told = weight_BB.to(self.device), is_known_B.to(self.device)
            contrast = contrast_loss(embedding_BE, *told, self.config.contrast_temperature)
            loss = loss + self.config.contrast_weight * contrast
            parts.append(contrast.detach()[None])
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._others, LONGEST_GRADIENT)
        for optimizer, schedule in zip(self._optimizers, self._schedules, strict=True):
            optimizer.step()
            schedule.step()
        return torch.cat([loss.detach()[None], *parts])

    @torch.inference_mode()
    def tuning_loss(self) -> float:
        """Return the weighted loss of the tuning products; not a number if there are none."""
        if not self.tuning:
            return math.nan
        self.model.eval()
        sums, counts = [], []
        for some in chunks(self.tuning, BATCH_SIZE):
            batch = self._on_device(collate(some, self.config.image_size))
            with self._autocast:
                output = self.model(batch)
            loss_K, count_K = self.task_loss(output.logits_BS, batch)
            sums.append(loss_K * count_K)
            counts.append(count_K)
        count_K = torch.stack(counts).sum(0)
        return float(self.weights(torch.stack(sums).sum(0) / count_K.clamp(min=1), count_K))

    def state(self) -> dict[str, Any]:
        """Return all that the next epochs depend on."""
        on_gpu = self.device.type == "cuda"
        return {
            "model": self.model.state_dict(),
            "weights": self.weights.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "schedules": [schedule.state_dict() for schedule in self._schedules],
            "stage": self.stage,
            "plateau": asdict(self._plateau),
            "best": self._best,
            "curves": self.curves,
            "is_over": self.is_over,
            "torch_generator": torch.get_rng_state(),
            "cuda_generator": torch.cuda.get_rng_state(self.device) if on_gpu else None,
            "generator": self._rng.bit_generator.state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was asked for."""
        self._begin(state["stage"])
        self.model.load_state_dict(state["model"])
        self.weights.load_state_dict(state["weights"])
        for optimizer, of_one in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(of_one)
        for schedule, of_one in zip(self._schedules, state["schedules"], strict=True):
            schedule.load_state_dict(of_one)
        self._plateau = Plateau(**state["plateau"])
        self._best, self.curves, self.is_over = state["best"], state["curves"], state["is_over"]
        torch.set_rng_state(state["torch_generator"].cpu())
        if state["cuda_generator"] is not None:
            torch.cuda.set_rng_state(state["cuda_generator"].cpu(), self.device)
        self._rng.bit_generator.state = state["generator"]

    def _begin(self, stage: int) -> None:
        """Let so many parts of the encoder learn, with an optimiser and a schedule of their own."""
        config = self.config
        self.stage = stage
        self.model.thaw(stage)
        if self.config.compiled and self.device.type == "cuda":
            torch.compiler.reset()  # what was compiled for the stage before
        self._plateau = Plateau(config.patience, config.min_delta, self.epochs)
        self._best = None
        encoder = [p for p in self.model.encoder.parameters() if p.requires_grad]
        ngrams = [p for p in self.model.text.parameters() if p.dim() == 2]
        apart = {id(p) for p in (*self.model.encoder.parameters(), *ngrams)}
        others = [p for p in self.model.parameters() if id(p) not in apart]
        others += self.weights.parameters()
        self._others = encoder + others
        groups = [{"params": encoder}, {"params": others}]
        adam = torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)
        self._optimizers = [adam]
        self._schedules = [
            self._schedule(adam, [config.encoder_learning_rate, config.learning_rate])
        ]
        if ngrams:
            descent = torch.optim.SGD(ngrams)
            self._optimizers.append(descent)
            self._schedules.append(self._schedule(descent, [config.ngram_learning_rate]))

    def _schedule(
        self, optimizer: torch.optim.Optimizer, rates: list[float]
    ) -> torch.optim.lr_scheduler.OneCycleLR:
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=rates,
            total_steps=self.epochs * self._step_count(),
            pct_start=WARM_UP_SHARE,
            cycle_momentum="betas" in optimizer.defaults,
        )

    def go_on(self) -> None:
        """Go on to the next stage, or end, if this one is over; with its best weights."""
        if not self._plateau.is_over:
            return
        if self._best is not None:
            self.model.load_state_dict(self._best)
        if self.stage < len(self.model.encoder_parts):
            self._begin(self.stage + 1)
        else:
            self.is_over, self._best = True, None

    def _losses(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the labels' loss, each task's from the whole product, and the embeddings.

        The heads learn from the whole product, from its text alone and from its images alone, so
        that either is worth what it can be, and a product that lacks one is nothing new.
        """
        with self._autocast:
            text_BE, image_BE = self.model.sides(batch)
            nothing_BE = torch.zeros_like(text_BE)
            whole = self.model.join(text_BE, image_BE)
            of_text = self.model.join(text_BE, nothing_BE)
            of_images = self.model.join(nothing_BE, image_BE)
        loss_K, count_K = self.task_loss(whole.logits_BS, batch)
        costs = [
            self.weights(loss_K, count_K),
            self.weights(*self.task_loss(of_text.logits_BS, batch, _rows_with(text_BE))),
            self.weights(*self.task_loss(of_images.logits_BS, batch, _rows_with(image_BE))),
        ]
        loss = sum(w * cost for w, cost in zip(self.config.modality_weights, costs, strict=True))
        return loss, loss_K, whole.embedding_BE

    def _batches(self) -> Iterator[tuple[np.ndarray, Batch]]:
        """Give all examples once, shuffled, in batches of nearly the same size, with their rows.

        Where products go together the order brings them into the same batch. Only their loss waits
        for a GPU; without it the next batch is made while the GPU computes.
        """
        order = self._rng.permutation(len(self.examples))
        if self.companionship:
            order = self.companionship.arranged(order, self._rng)
        for rows in np.array_split(order, self._step_count()):
            some = [disturbed(self.examples[i], self.config, self._rng) for i in rows]
            yield rows, self._on_device(collate(some, self.config.image_size))

    def _step_count(self) -> int:
        return math.ceil(len(self.examples) / self.config.batch_size)

    def _on_device(self, batch: Batch) -> Batch:
        return batch.pinned().to(self.device) if self.device.type == "cuda" else batch

    def _suit_the_device(self) -> None:
        """Choose numbers, memory layout and compilation; on a CPU the last two do not pay."""
        is_half = self.config.bfloat16 and has_fast_bfloat16(self.device)
        self._autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=is_half)
        if self.device.type == "cuda":
            self.model.encoder.to(memory_format=torch.channels_last)
            if self.config.compiled:
                self.model.encoder.compile(dynamic=True)

    def _progress(self, views: int, seconds: float) -> str:
        plateau, config = self._plateau, self.config
        bound = "at most " if config.patience else ""
        minutes = 0 if plateau.is_over else (self.epochs - plateau.epochs) * seconds / 60
        place = f"epoch {plateau.epochs} of {bound}{self.epochs}"
        if config.pretrained:
            place = f"stage {self.stage} of {len(self.model.encoder_parts)}, {place}"
        others = f", on other products {self.curves['tuning_loss'][-1]:.4f}" if self.tuning else ""
        return (
            f"{place}: loss {self.curves['loss'][-1]:.4f}{others}, {views / seconds:,.0f} images/s,"
            f" {bound}{minutes:.0f} minutes left{' of the stage' if config.pretrained else ''}"
        )


def _rows_with(side_BE: torch.Tensor) -> torch.Tensor:
    """Return 1 for each product that has a side of the embedding, else 0; float32 (B,)."""
    return side_BE.detach().any(1).float()


def _refuse_nan(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise DegenerateModelError(
            f"classifier: the loss of epoch {epoch} is {loss}; try a lower learning rate"
        )


def _refuse_stuck(losses: list[float]) -> None:
    if len(losses) > 1 and losses[-1] > losses[0] * (1 - SMALLEST_FALL):
        raise DegenerateModelError(
            f"classifier: the loss did not fall ({losses[0]:.4f} to {losses[-1]:.4f});"
            " look at the labels, and at the learning rate"
        )

"""One training run, straight down: catalogue, decoding, fit, save, evaluate, register, publish."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from training.checkpoint import Checkpoint
from training.classifier import embeddings, files, photographs
from training.classifier.batches import Example, encode
from training.classifier.calibration import Shown
from training.classifier.catalogue import (
    Part,
    Product,
    Task,
    data_interval,
    find_tasks,
    part_of,
    read_catalogue,
)
from training.classifier.checkpoint import digest
from training.classifier.companions import read_companions
from training.classifier.config import ClassifierConfig
from training.classifier.contrast import Companionship
from training.classifier.evaluation import MAJORITY, METRIC, PREFIXES, evaluate, named, score_tasks
from training.classifier.fitting import Curves, fit
from training.classifier.labelling import Decoder, label
from training.classifier.model import ProductClassifier
from training.classifier.prediction import predict
from training.classifier.sentences import opened
from training.classifier.serving import NAME
from training.classifier.tuning import calibrated, set_image_shares
from training.device import prepare
from training.evaluation.gate import judge
from training.promotion import Promotion
from training.registry import ModelVersion, Registry, Trained
from vitrine.errors import BadInputError, NotPublishedError, StageSkipped
from vitrine.interval import Interval, format_instant
from vitrine.paths import Paths, stamp
from vitrine.settings import Settings

MARGIN = 0.02
"""How much of the champion's score a challenger may fall short of, by the chance of a retrain."""


@dataclass(frozen=True)
class Report:
    """What a run did: the version it made, how good that is, and what became of it."""

    version: ModelVersion
    metrics: dict[str, float]
    reason: str
    is_champion: bool
    refused_images: Counter[str]
    embeddings: Path | None
    asks_a_person: dict[str, list[str]]
    """What is shown of a product -> the tasks that the version never answers then."""

    def lines(self) -> list[str]:
        """Say it to a person."""
        m, refused = self.metrics, sum(self.refused_images.values())
        told = {shown.value: prefix for shown, prefix in PREFIXES.items()}
        told["majority class"] = MAJORITY
        return [
            f"classifier version {self.version.version}, {refused} images refused",
            *(f"  {name}: {_shown(m, prefix)}" for name, prefix in told.items()),
            *(
                f"  from {shown} never answers {', '.join(tasks)}"
                for shown, tasks in self.asks_a_person.items()
                if tasks
            ),
            f"{'champion' if self.is_champion else 'not promoted'}: {self.reason}",
            f"product embeddings: {self.embeddings or 'not published'}",
        ]


@dataclass(frozen=True)
class Catalogue:
    """The products known at an instant, apart by their part in training, and decoded images."""

    products: list[Product]
    trained_on: list[Product]
    tuning: list[Product]
    held_out: list[Product]
    tasks: tuple[Task, ...]
    known: Interval
    paths: Paths

    @classmethod
    def read(cls, paths: Paths, as_of: datetime) -> "Catalogue":
        """Read the lake, and split the labelled products.

        Raises
        ------
        NotPublishedError
            If there are no labelled products to learn from or to judge by.
        """
        products, known = read_catalogue(paths, as_of), data_interval(paths, as_of)
        labelled = [product for product in products if product.labels]
        trained_on, tuning, held_out = (
            [product for product in labelled if part_of(product.product_id) is part]
            for part in (Part.TRAINED_ON, Part.TUNING, Part.HELD_OUT)
        )
        tasks = find_tasks([*trained_on, *tuning])
        judged = (tuning, held_out)
        if known is None or not all(any(_answers(p, tasks) for p in part) for part in judged):
            raise NotPublishedError(
                f"classifier: {len(labelled)} labelled products were received before"
                f" {format_instant(as_of)}, too few to train and judge a model;"
                " land more with `vitrine land --start … --end …`"
            )
        return cls(products, trained_on, tuning, held_out, tasks, known, paths)

    def decode(self, size: int, say: Callable[[str], object] = lambda line: None) -> Counter[str]:
        """Decode each image at a size unless that was done before; count the refused by reason.

        They are published, too; see `photographs`.
        """
        refused = photographs.decode_all(self.paths, self.known.end, size, say)
        return Counter(refusal.reason for refusal in refused.values())

    def examples(
        self, products: Sequence[Product], tasks: tuple[Task, ...], config: ClassifierConfig
    ) -> list[Example]:
        """Encode products for a configuration whose images were decoded."""
        store = photographs.store_of(self.paths, config.image_size)
        return encode(products, tasks, config, store.get)

    def companionship(self) -> Companionship:
        """Read which products the same customers met: those to train on, then those to tune by."""
        products = [*self.trained_on, *self.tuning]
        ids = [product.product_id for product in products]
        categories = np.array([product.category for product in products])
        return Companionship(read_companions(self.paths, self.known.end, ids), categories)


def train(
    settings: Settings,
    paths: Paths,
    as_of: datetime,
    config: ClassifierConfig,
    say: Callable[[str], object] = lambda _: None,
) -> Report:
    """Train on what was received before `as_of`, register, judge, and publish the embeddings.

    A run that was killed goes on after its last whole epoch when it is started again; `say` takes
    lines of progress.

    Raises
    ------
    NotPublishedError
        If there are too few labelled products.
    DegenerateModelError
        If the training goes wrong; then nothing is registered.
    """
    device = prepare(settings)
    if config.text_pretrained:
        opened(config.text_pretrained).to(device)
    catalogue = Catalogue.read(paths, as_of)
    refused = catalogue.decode(config.image_size, say)
    held_out = catalogue.examples(catalogue.held_out, catalogue.tasks, config)
    checkpoints = paths.staging / "checkpoints" / f"{NAME}-{stamp(as_of)}"
    together = catalogue.companionship()
    model, curves = _learnt(catalogue, together, config, settings, checkpoints, say)
    registry = Registry(settings, paths)
    paths.staging.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.staging, prefix="classifier-") as folder:
        files.save(model, Path(folder))
        known = [*catalogue.trained_on, *catalogue.tuning]
        metrics = evaluate(model, known, catalogue.held_out, held_out)
        champion = _champion_score(registry, catalogue, device, say)
        version = registry.register(
            NAME,
            Trained(
                folder=Path(folder),
                entry=Path(__file__).with_name("entry.py"),
                params=_params(config, catalogue, refused, settings, together)
                | {"image_shares_tuned": _shares(model)},
                metrics=metrics if champion is None else metrics | {f"champion/{METRIC}": champion},
                curves=curves,
                data=catalogue.known,
                **_examples_of_use(model, catalogue.held_out),
            ),
        )
    decision = judge(
        METRIC, metrics[METRIC], metrics[f"{MAJORITY}{METRIC}"], champion, margin=MARGIN
    )
    entry = Promotion.of(registry, paths).promote(version, decision)
    shutil.rmtree(checkpoints, ignore_errors=True)
    published = _embedded(settings, paths, as_of, say)
    silent = {
        shown.value: [t.name for t, c in zip(model.tasks, of_tasks, strict=True) if c.is_silent]
        for shown, of_tasks in model.calibrations.items()
        if shown is not Shown.NOTHING
    }
    return Report(version, metrics, entry.reason, entry.is_promoted, refused, published, silent)


def _learnt(
    catalogue: Catalogue,
    together: Companionship,
    config: ClassifierConfig,
    settings: Settings,
    checkpoints: Path,
    say: Callable[[str], object],
) -> tuple[ProductClassifier, Curves]:
    """Fit a network, tune it, and fit one once more with the tuning products among the others.

    What they decided about the first network holds for the second one, which has seen a little
    more. Where they decide how long a stage lasts (`patience`) the first network stays.
    """
    tasks, device, seed = catalogue.tasks, prepare(settings), settings.seed
    key = digest(config, seed, tasks, catalogue.products, catalogue.known)
    trained_on = catalogue.examples(catalogue.trained_on, tasks, config)
    tuning = catalogue.examples(catalogue.tuning, tasks, config)

    def fitted(
        name: str, examples: list[Example], judges: list[Example]
    ) -> tuple[ProductClassifier, Curves]:
        kept = Checkpoint.of(checkpoints, f"{key}-{name}")
        among = together.first(len(examples))
        return fit(config, tasks, examples, judges, device, seed, kept, say, among)

    first, curves = fitted("first", trained_on, tuning)
    set_image_shares(first, tuning, catalogue.tuning)
    say(f"beside 1 for the text images count {_shares(first)}")
    first.calibrations = calibrated(first, tuning, catalogue.tuning)
    if config.patience:
        return first, curves
    say(f"once more, with the {len(tuning):,} products that it was tuned by")
    model, again = fitted("again", [*trained_on, *tuning], [])
    model.image_share.copy_(first.image_share)
    model.task_share_K.copy_(first.task_share_K)
    model.calibrations = first.calibrations
    return model, curves | {"again/loss": again["loss"]}


def _embedded(
    settings: Settings, paths: Paths, as_of: datetime, say: Callable[[str], object]
) -> Path | None:
    """Publish the catalogue as the champion sees it; None for a question about the past."""
    try:
        return embeddings.embed(settings, paths, as_of, say).folder
    except StageSkipped as reason:
        say(str(reason))
        return None


def _champion_score(
    registry: Registry, catalogue: Catalogue, device: torch.device, say: Callable[[str], object]
) -> float | None:
    """Judge the champion on today's hold-out, which it has not seen either.

    One that an earlier version of the product saved cannot be judged any more, and gives way.
    """
    champion = registry.champion(NAME)
    if champion is None:
        return None
    try:
        model = files.load(registry.folder(champion), device)
    except BadInputError as reason:
        say(f"classifier version {champion.version} is not compared: {reason}")
        return None
    catalogue.decode(model.config.image_size)
    examples = catalogue.examples(catalogue.held_out, model.tasks, model.config)
    labels = predict(model, examples).labels(model)
    return named(score_tasks(catalogue.tasks, catalogue.held_out, labels))[METRIC]


def _shares(model: ProductClassifier) -> str:
    """Say what images count in embeddings, and for the tasks where that is another share."""
    named = zip(model.tasks, model.task_share_K.tolist(), strict=True)
    own = [f"{task.name} {share:g}" for task, share in named if share != float(model.image_share)]
    return ", ".join([f"{float(model.image_share):g}", *own])


def _params(
    config: ClassifierConfig,
    catalogue: Catalogue,
    refused: Counter[str],
    settings: Settings,
    companionship: Companionship,
) -> dict[str, object]:
    return config.to_json() | {
        "seed": settings.seed,
        "products_trained_on": len(catalogue.trained_on),
        "products_tuning": len(catalogue.tuning),
        "products_held_out": len(catalogue.held_out),
        "product_pairs": companionship.weight_NN.nnz // 2,
        "images_refused": json.dumps(dict(sorted(refused.items()))),
        "classes_per_task": json.dumps({t.name: len(t.classes) for t in catalogue.tasks}),
    }


def _examples_of_use(
    model: ProductClassifier, products: Sequence[Product]
) -> dict[str, pd.DataFrame]:
    """Return a few requests with their answers, from which MLflow reads the signature."""
    some = [product for product in products if product.images][:2] or list(products[:2])
    requests = pd.DataFrame(
        {
            "product_id": [product.product_id for product in some],
            "text": [product.text for product in some],
            "images": [[str(image.path) for image in product.images] for product in some],
        }
    )
    answers = label(model, some, Decoder(model.config.image_size)).to_pandas()
    return {"example_inputs": requests, "example_outputs": answers}


def _answers(product: Product, tasks: tuple[Task, ...]) -> bool:
    return any(task.name in product.labels for task in tasks)


def _shown(metrics: dict[str, float], prefix: str) -> str:
    accuracy, macro_f1 = metrics[f"{prefix}accuracy"], metrics[f"{prefix}macro_f1"]
    return f"accuracy {accuracy:.4f}, macro-F1 {macro_f1:.4f}"

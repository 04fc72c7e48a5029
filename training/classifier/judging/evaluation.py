"""One evaluation, straight down: model, held-out products, answers of all subjects, figures."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from training.classifier import files, serving
from training.classifier.catalogue import Product
from training.classifier.judging import mistakes, scores
from training.classifier.judging.subjects import (
    CLASSIFIER,
    Judged,
    classifier_subjects,
    other_subjects,
    thresholds,
)
from training.classifier.metrics import Reliability, reliability
from training.classifier.training import Catalogue
from training.device import prepare
from training.registry import ModelVersion, Registry
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.interval import format_instant
from vitrine.paths import Paths
from vitrine.settings import Settings


@dataclass(frozen=True)
class Evaluation:
    """What was found out about a version of the classifier as of an instant.

    Parameters
    ----------
    scores
        As `training.classifier.judging.scores.table` has them.
    mistakes
        As `training.classifier.judging.mistakes.mistakes` has them, of the classifier alone.
    reliability
        Task -> how often its answers of like confidence are right.
    held_out
        The products that it was judged on, by id.
    learnt_count
        How many products its peers learnt from.
    """

    as_of: datetime
    version: ModelVersion
    is_champion: bool
    scores: pd.DataFrame
    mistakes: pd.DataFrame
    reliability: dict[str, Reliability]
    held_out: dict[str, Product]
    learnt_count: int

    @property
    def name(self) -> str:
        """What a reader calls the version."""
        return f"{CLASSIFIER} {self.version.version}"


def evaluate(
    settings: Settings,
    paths: Paths,
    as_of: datetime,
    number: int | None,
    tell: Callable[[str], None],
) -> Evaluation:
    """Judge a version, the champion by default, on the products held out as of an instant.

    Raises
    ------
    BadArgumentError
        If there is no version of that number, or the version knows what was received later.
    NotPublishedError
        If there is no champion, or no held-out product that it can be judged by.
    """
    registry = Registry(settings, paths)
    champion = registry.champion(serving.NAME)
    version = _version(registry, number, champion, paths)
    if version.data.end > as_of:
        raise BadArgumentError(
            f"classifier version {version.version} knows what was received until"
            f" {format_instant(version.data.end)}; ask for that --as-of or a later one"
            " (or another --version)"
        )
    model = files.load(registry.folder(version), prepare(settings))
    catalogue = Catalogue.read(paths, as_of)
    catalogue.decode(model.config.image_size)
    tell(f"classifier version {version.version} answers about {len(catalogue.held_out):,} products")
    examples = catalogue.examples(catalogue.held_out, model.tasks, model.config)
    judged = classifier_subjects(model, catalogue.held_out, examples, settings.seed)
    _require_labels(judged[CLASSIFIER], version)
    tell(f"its peers learn {len(model.tasks)} tasks from the text of all other products")
    judged |= other_subjects(
        model.tasks, catalogue.trained_on, catalogue.tuning, catalogue.held_out
    )
    return Evaluation(
        as_of=as_of,
        version=version,
        is_champion=champion is not None and champion.version == version.version,
        scores=scores.table(judged, thresholds(model), len(catalogue.held_out), settings.seed),
        mistakes=mistakes.mistakes(judged[CLASSIFIER], catalogue.held_out),
        reliability={
            task: reliability(answers.confidence_A, answers.is_right_A)
            for task, answers in judged[CLASSIFIER].items()
            if len(answers)
        },
        held_out={product.product_id: product for product in catalogue.held_out},
        learnt_count=len(catalogue.trained_on) + len(catalogue.tuning),
    )


def _version(
    registry: Registry, number: int | None, champion: ModelVersion | None, paths: Paths
) -> ModelVersion:
    versions = {version.version: version for version in registry.versions(serving.NAME)}
    if number is None and champion is not None:
        return champion
    if number in versions:
        return versions[number]
    if not versions or number is None:
        raise NotPublishedError(
            f"no classifier {'is in service' if versions else 'was trained'} under {paths.home};"
            " train one with `vitrine train classifier --as-of …`"
            + (", or judge a refused one with --version" if versions else "")
        )
    raise BadArgumentError(
        f"there is no version {number} of the classifier; there are {', '.join(map(str, versions))}"
    )


def _require_labels(judged: Judged, version: ModelVersion) -> None:
    if not any(len(answers) for answers in judged.values()):
        raise NotPublishedError(
            f"no held-out product carries a label that classifier version {version.version} knows;"
            " train one with `vitrine train classifier --as-of …`"
        )

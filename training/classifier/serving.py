"""The champion, loaded to answer."""

from training.classifier import files
from training.classifier.model import ProductClassifier
from training.device import prepare
from training.registry import ModelVersion, Registry
from vitrine.errors import NotPublishedError
from vitrine.paths import Paths
from vitrine.settings import Settings

NAME = "classifier"


def champion(settings: Settings, paths: Paths) -> tuple[ModelVersion, ProductClassifier]:
    """Load the version that serves.

    Raises
    ------
    NotPublishedError
        If no classifier has passed the gate yet.
    """
    registry = Registry(settings, paths)
    version = registry.champion(NAME)
    if version is None:
        raise NotPublishedError(
            f"no classifier is in service under {paths.home};"
            " train one with `vitrine train classifier --as-of …`"
        )
    return version, files.load(registry.folder(version), prepare(settings))

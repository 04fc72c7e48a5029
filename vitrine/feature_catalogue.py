"""The features: read from the YAML beside each dbt model, which defines each of them once.

The ranker's inputs, the expectations and the data dictionary all come from here.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vitrine.errors import BadArgumentError
from vitrine.settings import REPOSITORY

MODELS = REPOSITORY / "dbt_project" / "models"
BLOCKS = (
    "context",
    "customer",
    "customer_activity",
    "campaign",
    "campaign_performance",
    "cluster",
    "pair",
)


@dataclass(frozen=True)
class Feature:
    """One column of a feature function.

    `kind` is numeric (double, never null) or categorical (text, never null); `fill` is the value
    where nothing is known, which the SQL itself returns; `unit` is None for a categorical one.
    """

    name: str
    block: str
    kind: str
    fill: float | str
    unit: str | None
    description: str


@dataclass(frozen=True)
class FeatureModel:
    """One feature function: `<database>.features.<name>('<spine>')`."""

    name: str
    database: str
    spine: tuple[str, ...]
    features: tuple[Feature, ...]

    @property
    def function(self) -> str:
        """The qualified name to call it by."""
        return f"{self.database}.features.{self.name}"


def feature_columns(model: str) -> list[Feature]:
    """Return a feature function's features, in the order of its columns; the keys are left out.

    Raises
    ------
    BadArgumentError
        If there is no such function.
    """
    return list(feature_model(model).features)


def feature_model(name: str) -> FeatureModel:
    """Look a feature function up by its name, such as `feat_customer`.

    Raises
    ------
    BadArgumentError
        If there is no such function.
    """
    known = {model.name: model for model in feature_models()}
    if name not in known:
        raise BadArgumentError(f"no feature function '{name}'; known: {', '.join(known)}")
    return known[name]


@cache
def feature_models() -> tuple[FeatureModel, ...]:
    """Return all feature functions, by database and name."""
    files = sorted(MODELS.glob("*/features/feat_*.yml"))
    return tuple(_read(file) for file in files)


def _read(file: Path) -> FeatureModel:
    import yaml

    (model,) = yaml.safe_load(file.read_text())["models"]
    columns = [column for column in model["columns"] if "config" in column]
    return FeatureModel(
        name=model["name"],
        database=file.parent.parent.name,
        spine=tuple(model["config"]["meta"]["spine"]),
        features=tuple(_feature(column) for column in columns),
    )


def _feature(column: dict[str, Any]) -> Feature:
    meta = column["config"]["meta"]
    return Feature(
        name=column["name"],
        block=meta["block"],
        kind=meta["kind"],
        fill=meta["fill"],
        unit=meta.get("unit"),
        description=column["description"],
    )

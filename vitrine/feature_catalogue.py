"""The features: read from the YAML beside each dbt model, which defines each of them once.

The ranker's inputs, the expectations and the data dictionary all come from here.
"""

from collections.abc import Collection
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
    "customer_group",
    "customer_sector",
    "campaign",
    "campaign_performance",
    "cluster",
    "pair",
    "product",
)
KINDS = ("numeric", "boolean", "categorical")
FRESHNESS = ("day", "window", "catalogue")
SIDES = ("customer", "campaign", "pair", "cluster")


@dataclass(frozen=True)
class Feature:
    """One column of a feature function.

    `kind` is numeric (double), boolean or categorical (text), none of them ever null; `fill` is the
    value where nothing is known, which the SQL itself returns; only a numeric one has a `unit`.
    `freshness` says when news reach it: with the receipt of a catalogue row, of a 15-minute window
    or of a UTC day (and the delay of its run). `needs` are the contract tables without which it
    always holds its fill; of `orders or events` one is enough.
    """

    name: str
    block: str
    kind: str
    fill: float | bool | str
    unit: str | None
    freshness: str
    needs: tuple[str, ...]
    description: str

    def is_provided(self, tables: Collection[str]) -> bool:
        """Say whether a shop that has these contract tables gives the feature a meaning."""
        return all(set(need.split(" or ")) & set(tables) for need in self.needs)


@dataclass(frozen=True)
class FeatureModel:
    """One feature function: `<database>.features.<name>('<spine>')`.

    `side` is the side of the ranker that it feeds, or None where it feeds none.
    """

    name: str
    database: str
    spine: tuple[str, ...]
    side: str | None
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


def ranker_models(side: str) -> tuple[FeatureModel, ...]:
    """Return the functions that feed one side of the ranker.

    Raises
    ------
    BadArgumentError
        If there is no such side.
    """
    if side not in SIDES:
        raise BadArgumentError(f"the ranker has no side '{side}'; it has {', '.join(SIDES)}")
    return tuple(model for model in feature_models() if model.side == side)


def ranker_features() -> tuple[Feature, ...]:
    """Return all inputs of the ranker, side by side."""
    return tuple(f for side in SIDES for model in ranker_models(side) for f in model.features)


@cache
def feature_models() -> tuple[FeatureModel, ...]:
    """Return all functions with features, by database and name."""
    read = (_read(file) for file in sorted(MODELS.glob("*/features/*.yml")))
    return tuple(model for model in read if model.features)


def _read(file: Path) -> FeatureModel:
    import yaml

    (model,) = yaml.safe_load(file.read_text())["models"]
    meta = model.get("config", {}).get("meta", {})
    columns = [column for column in model["columns"] if "config" in column]
    return FeatureModel(
        name=model["name"],
        database=file.parent.parent.name,
        spine=tuple(meta.get("spine", ())),
        side=meta.get("side"),
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
        freshness=meta["freshness"],
        needs=tuple(meta["needs"]),
        description=column["description"],
    )

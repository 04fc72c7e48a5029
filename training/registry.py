"""The model registry: what was trained on which data, how good it was, and which one serves.

The only module that imports MLflow. By default everything lies under `Paths.mlflow` (SQLite and
files, no server needed); `Settings.mlflow_tracking_uri` points the same code at a server. A model
is a folder of safetensors and JSON files plus one small Python file that MLflow runs to load it,
so nothing is ever pickled or unpickled.
"""

import hashlib
import json
import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from training.evaluation.gate import Decision
from vitrine.errors import BadInputError
from vitrine.interval import Interval, format_instant, parse_instant
from vitrine.paths import Paths
from vitrine.publish import alone, atomic_file
from vitrine.settings import REPOSITORY, Settings

if TYPE_CHECKING:
    import pandas as pd

CHAMPION, CHALLENGER = "champion", "challenger"
MODEL_FILES = (".safetensors", ".json", ".txt")
REQUIREMENTS = [
    "torch==2.13.0",
    "transformers",
    "safetensors",
    "numpy",
    "pandas",
    "psutil",
    "pyarrow",
    "pillow",
    "pydantic",
    "lightgbm",
]


@dataclass(frozen=True)
class ModelVersion:
    """One registered version; `data` is the interval of the facts that it was fitted to."""

    name: str
    version: int
    run_id: str
    data: Interval
    metrics: dict[str, float]
    is_passed: bool
    """Whether the gate let it through; a refused version serves nobody."""
    files_sha256: str
    """Digest of its model files: equal fits have equal ones."""


@dataclass(frozen=True)
class Trained:
    """What a training run hands over for registration.

    Parameters
    ----------
    folder
        Model files, safetensors and JSON alone, already saved and evaluated.
    entry
        A Python file that ends in `registry.serve(load)`; see `serve`.
    params, metrics
        One value each; metric names as in the leaderboard, baselines with their own prefix.
    curves
        Name -> one value an epoch.
    data
        Interval of the facts that the model was fitted to; its end is what as-of rules look at.
    example_inputs, example_outputs
        A few rows that go into `predict` and what comes out: MLflow's signature is read from them.
    """

    folder: Path
    entry: Path
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    curves: Mapping[str, Sequence[float]]
    data: Interval
    example_inputs: "pd.DataFrame"
    example_outputs: "pd.DataFrame"


@dataclass(frozen=True)
class Comparison:
    """What an evaluation hands over for the record: several models on the same weeks.

    Parameters
    ----------
    digest
        Hash of what was found: the same comparison is logged once.
    data
        The weeks that the models were judged on.
    models
        Model -> metric -> one value a step: a week, or an epoch of a loss.
    folder
        Tables, page and pictures.
    """

    name: str
    digest: str
    data: Interval
    models: Mapping[str, Mapping[str, Sequence[float]]]
    folder: Path


class Registry:
    """Register, find and load model versions of one installation."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        self._root = paths.mlflow
        self._cache = paths.staging / "models"
        self._is_local = not settings.mlflow_tracking_uri
        self.uri = settings.mlflow_tracking_uri or f"sqlite:///{paths.mlflow / 'mlflow.db'}"
        self._shop = settings.source

    def register(self, name: str, trained: Trained, is_candidate: bool = True) -> ModelVersion:
        """Log a training run and register its model as a new version, aliased `challenger`.

        A model that only answers a question about the past is no candidate and gets no alias.

        Raises
        ------
        BadInputError
            If the model's folder holds anything but safetensors, JSON and text files.
        """
        _refuse_foreign_files(trained.folder)
        mlflow = self._connected()
        with mlflow.start_run(experiment_id=self._experiment(name)) as run:
            mlflow.log_params(dict(trained.params))
            mlflow.log_metrics({key: float(value) for key, value in trained.metrics.items()})
            self._log_curves(trained.curves)
            mlflow.set_tags(_tags(trained.data) | {"shop": self._shop})
            logged = self._log_model(name, trained)
        client = self._client()
        _ensure_registered(client, name)
        version = client.create_model_version(
            name,
            logged.model_uri,
            run_id=run.info.run_id,
            tags=_tags(trained.data) | {"files_sha256": _digest(trained.folder)},
        )
        if is_candidate:
            client.set_registered_model_alias(name, CHALLENGER, version.version)
        return self.version(name, int(version.version))

    def log_comparison(self, experiment: str, comparison: Comparison) -> None:
        """Log a run for the comparison, with its files, and one below it for each model."""
        mlflow, identity = self._connected(), self._experiment(experiment)
        known = f"tags.comparison = '{comparison.digest}'"
        if mlflow.search_runs([identity], known, max_results=1, output_format="list"):
            return
        tags = _tags(comparison.data) | {"shop": self._shop}
        with mlflow.start_run(experiment_id=identity, run_name=comparison.name, tags=tags):
            mlflow.log_artifacts(str(comparison.folder))
            for model, series in comparison.models.items():
                with mlflow.start_run(
                    experiment_id=identity,
                    run_name=model,
                    nested=True,
                    tags=tags | {"model": model},
                ):
                    _log_steps(mlflow, series)
            # The last of all: what was interrupted is logged again.
            mlflow.set_tag("comparison", comparison.digest)

    def log_figures(self, version: ModelVersion, figures: Mapping[str, float]) -> None:
        """Log what was found out about a version later, beside what its training logged."""
        self._connected().log_metrics(dict(figures), run_id=version.run_id)

    def crown(self, name: str, number: int) -> None:
        """Let a version serve; who may is decided in `training.promotion`."""
        self._client().set_registered_model_alias(name, CHAMPION, str(number))

    def note(self, name: str, number: int, decision: Decision) -> None:
        """Write a decision to a version, and move no alias."""
        client = self._client()
        client.set_model_version_tag(name, str(number), "gate", json.dumps(decision.is_passed))
        client.set_model_version_tag(name, str(number), "gate_reason", decision.reason)

    def champion(self, name: str) -> ModelVersion | None:
        """Return the version that serves, or None while none passed the gate."""
        return self._by_alias(name, CHAMPION)

    def challenger(self, name: str) -> ModelVersion | None:
        """Return the version that was registered last, or None."""
        return self._by_alias(name, CHALLENGER)

    def newest(self, name: str, at: datetime) -> ModelVersion | None:
        """Return the passed version with the newest data that ended no later than `at`, or None."""
        known = (v for v in self.versions(name) if v.is_passed and v.data.end <= at)
        return max(known, key=lambda v: (v.data.end, v.version), default=None)

    def versions(self, name: str) -> list[ModelVersion]:
        """List all versions of a model, oldest first."""
        found = self._client().search_model_versions(f"name='{name}'")
        return sorted((self._read(v) for v in found), key=lambda v: v.version)

    def version(self, name: str, number: int) -> ModelVersion:
        """Look one version up."""
        return self._read(self._client().get_model_version(name, str(number)))

    def folder(self, version: ModelVersion) -> Path:
        """Return a folder with the version's model files; a remote one is copied once."""
        mlflow = self._connected()
        target = self._cache / version.name / str(version.version) / version.run_id
        source = f"models:/{version.name}/{version.version}"
        if self._is_local:
            root = Path(mlflow.artifacts.download_artifacts(artifact_uri=source))
        else:
            target.mkdir(parents=True, exist_ok=True)
            root = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=target))
        return next(root.glob("artifacts/*"))

    def load(self, version: ModelVersion) -> Any:
        """Load a version through MLflow alone, as a model server does; has `.predict(frame)`."""
        mlflow = self._connected()
        # MLflow puts the model's copy of our code first: processes started later would run that.
        path = sys.path.copy()
        try:
            return mlflow.pyfunc.load_model(f"models:/{version.name}/{version.version}")
        finally:
            sys.path[:] = path

    def _log_model(self, name: str, trained: Trained) -> Any:
        import mlflow
        from mlflow.models import infer_signature

        with _advice_about_schemas_silenced():
            return mlflow.pyfunc.log_model(
                name=name,
                python_model=str(trained.entry),
                artifacts={"model": str(trained.folder)},
                code_paths=[str(REPOSITORY / "training"), str(REPOSITORY / "vitrine")],
                signature=infer_signature(trained.example_inputs, trained.example_outputs),
                pip_requirements=REQUIREMENTS,
            )

    def _log_curves(self, curves: Mapping[str, Sequence[float]]) -> None:
        import mlflow

        for name, values in curves.items():
            for epoch, value in enumerate(values, start=1):
                mlflow.log_metric(name, float(value), step=epoch)
        if curves:
            mlflow.log_figure(_drawn(curves), "learning_curves.png")

    def _experiment(self, name: str) -> str:
        import mlflow

        found = mlflow.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = (self._root / "artifacts" / name).as_uri() if self._is_local else None
        identity = mlflow.create_experiment(name, artifact_location=location)
        return str(identity)

    def _connected(self) -> ModuleType:
        mlflow = _mlflow()
        self._ensure_tables(mlflow)
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        return mlflow

    def _ensure_tables(self, mlflow: ModuleType) -> None:
        """Let the SQLite tables appear at once: MLflow cannot go on from a half migrated file."""
        file = self._root / "mlflow.db"
        with self._only_one_sets_up():
            if self._is_local and not file.exists():
                with atomic_file(file) as temporary:
                    mlflow.MlflowClient(f"sqlite:///{temporary}", f"sqlite:///{temporary}")

    def _client(self) -> Any:
        mlflow = self._connected()
        with self._only_one_sets_up():
            return mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    @contextmanager
    def _only_one_sets_up(self) -> Iterator[None]:
        """Let one process at a time create the SQLite tables; a server looks after its own."""
        if not self._is_local:
            yield
            return
        self._root.mkdir(parents=True, exist_ok=True)
        with alone(self._root):
            yield

    def _by_alias(self, name: str, alias: str) -> ModelVersion | None:
        # Making MLflow's tables takes ten seconds, and in a fresh home there is nothing to find.
        if self._is_local and not (self._root / "mlflow.db").exists():
            return None
        from mlflow.exceptions import MlflowException

        try:
            return self._read(self._client().get_model_version_by_alias(name, alias))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def _read(self, found: Any) -> ModelVersion:
        run = self._client().get_run(found.run_id)
        return ModelVersion(
            name=found.name,
            version=int(found.version),
            run_id=found.run_id,
            data=Interval(
                parse_instant(found.tags["data_start"]), parse_instant(found.tags["data_end"])
            ),
            metrics=dict(run.data.metrics),
            is_passed=json.loads(found.tags.get("gate", "false")),
            files_sha256=found.tags.get("files_sha256", f"of version {found.version}"),
        )


def _log_steps(mlflow: ModuleType, series: Mapping[str, Sequence[float]]) -> None:
    """Log each step's values together, far fewer calls than one a value, and no NaN."""
    for step in range(max(map(len, series.values()), default=0)):
        at = {name: float(values[step]) for name, values in series.items() if step < len(values)}
        known = {name: value for name, value in at.items() if not math.isnan(value)}
        mlflow.log_metrics(known, step=step + 1)


def serve(load: "Callable[[Path], Callable[[pd.DataFrame], pd.DataFrame]]") -> None:
    """End a model's entry file: say how its folder becomes a function from rows to rows.

    The file holds nothing else, for MLflow runs it whenever it loads the model:

        from training import registry
        from training.ranker.files import predictor

        registry.serve(predictor)
    """
    mlflow = _mlflow()

    def load_context(self: Any, context: Any) -> None:
        self.answer = load(Path(context.artifacts["model"]))

    # Without type hints: MLflow would read a schema of its own from them, beside the signature.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        return self.answer(model_input)

    with _advice_about_schemas_silenced():
        shape = {"load_context": load_context, "predict": predict}
        mlflow.models.set_model(type("Served", (mlflow.pyfunc.PythonModel,), shape)())


@contextmanager
def _advice_about_schemas_silenced() -> Iterator[None]:
    """MLflow advises to store example rows for its signature; those are customers' data.

    Recorded and dropped, since it sets filters of its own on the way.
    """
    with warnings.catch_warnings(record=True):
        yield


def _mlflow() -> ModuleType:
    """Import MLflow with its telemetry off and unpickling forbidden."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow
    import mlflow.pyfunc

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return mlflow


def _ensure_registered(client: Any, name: str) -> None:
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _tags(data: Interval) -> dict[str, str]:
    return {"data_start": format_instant(data.start), "data_end": format_instant(data.end)}


def _refuse_foreign_files(folder: Path) -> None:
    foreign = [f for f in folder.rglob("*") if f.is_file() and f.suffix not in MODEL_FILES]
    if foreign or not folder.is_dir():
        raise BadInputError(
            f"{foreign[0] if foreign else folder} is no model file;"
            f" a model folder holds {', '.join(MODEL_FILES)} alone, never a pickle"
        )


def _drawn(curves: Mapping[str, Sequence[float]]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, values in curves.items():
        axes.plot(range(1, len(values) + 1), values, marker="o", label=name)
    axes.set_xlabel("epoch")
    axes.legend()
    return figure

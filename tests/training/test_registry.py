import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from training.evaluation.gate import Decision
from training.registry import Comparison, Registry, Trained
from vitrine.errors import BadInputError
from vitrine.interval import Interval
from vitrine.paths import Paths
from vitrine.settings import load_settings

ENTRY = """
import json

from training import registry


def load(folder):
    bias = json.loads((folder / "bias.json").read_text())
    return lambda rows: rows[["x"]] + bias


registry.serve(load)
"""
FIRST_QUESTION = """
from training.registry import Registry
from vitrine.installation import Installation

installation = Installation.load()
Registry(installation.settings, installation.paths).versions("ranker")
"""
PASSED = Decision(True, "better")
ROWS = pd.DataFrame({"x": [1.0, 2.0]})


@pytest.fixture(scope="module")
def registry(tmp_path_factory) -> Registry:
    home = tmp_path_factory.mktemp("home")
    settings = load_settings({"VITRINE_HOME": str(home)})
    return Registry(settings, Paths.of(settings))


def trained(folder: Path, end: str, bias: float = 2.0) -> Trained:
    model = folder / "model"
    model.mkdir()
    (model / "bias.json").write_text(str(bias))
    entry = folder / "served.py"
    entry.write_text(ENTRY)
    return Trained(
        folder=model,
        entry=entry,
        params={"epochs": 2},
        metrics={"map_at_12": 0.3},
        curves={"train_loss": [1.0, 0.5]},
        data=Interval.parse("2011-01-01", end),
        example_inputs=ROWS,
        example_outputs=ROWS,
    )


def test_a_name_without_versions_has_no_champion(registry):
    assert registry.champion("nobody") is None
    assert registry.versions("nobody") == []


def test_a_version_keeps_its_data_interval_metrics_and_files(registry, tmp_path):
    version = registry.register("keeps", trained(tmp_path, "2011-02-01"))
    assert version.data == Interval.parse("2011-01-01", "2011-02-01")
    assert version.metrics["map_at_12"] == 0.3
    assert version.metrics["train_loss"] == 0.5
    assert (registry.folder(version) / "bias.json").read_text() == "2.0"
    assert registry.challenger("keeps") == version
    assert registry.champion("keeps") is None


def test_equal_fits_have_equal_digests(registry, tmp_path):
    digests = []
    for place, bias in enumerate((2.0, 2.0, 3.0)):
        folder = tmp_path / str(place)
        folder.mkdir()
        given = trained(folder, "2011-02-01", bias)
        digests.append(registry.register("equal", given).files_sha256)
    assert digests[0] == digests[1] != digests[2]


def test_a_version_loads_through_mlflow_alone(registry, tmp_path):
    version = registry.register("loads", trained(tmp_path, "2011-02-01", bias=10.0))
    path = sys.path.copy()
    assert registry.load(version).predict(ROWS)["x"].tolist() == [11.0, 12.0]
    assert sys.path == path


def test_an_answer_about_the_past_takes_no_alias(registry, tmp_path):
    version = registry.register("asked", trained(tmp_path, "2011-02-01"), is_candidate=False)
    registry.note("asked", version.version, PASSED)
    assert registry.challenger("asked") is None
    assert registry.champion("asked") is None
    found = registry.newest("asked", version.data.end)
    assert found is not None
    assert found.version == version.version


def test_a_pickle_is_refused(registry, tmp_path):
    wrong = trained(tmp_path, "2011-02-01")
    (wrong.folder / "weights.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(BadInputError, match="never a pickle"):
        registry.register("pickle", wrong)


def test_half_made_tables_are_not_left_to_the_next_process(tmp_path):
    settings = load_settings({"VITRINE_HOME": str(tmp_path)})
    folder = Paths.of(settings).mlflow
    process = subprocess.Popen(
        [sys.executable, "-c", FIRST_QUESTION], env=os.environ | {"VITRINE_HOME": str(tmp_path)}
    )
    while not any(file.stat().st_size for file in folder.glob("*.db")):
        assert process.poll() is None
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "mlflow.db").exists()
    assert Registry(settings, Paths.of(settings)).versions("ranker") == []
    assert [file.name for file in folder.glob("*.db")] == ["mlflow.db"]


def test_a_fresh_home_is_known_to_have_no_champion_without_making_tables(tmp_path):
    settings = load_settings({"VITRINE_HOME": str(tmp_path)})
    assert Registry(settings, Paths.of(settings)).champion("ranker") is None
    assert not Paths.of(settings).mlflow.exists()


def test_a_comparison_is_a_run_with_one_below_for_each_model_and_is_logged_once(registry, tmp_path):
    import mlflow

    (tmp_path / "leaderboard.md").write_text("# Leaderboard\n")
    comparison = Comparison(
        name="20110201T0000",
        digest="abc",
        data=Interval.parse("2011-01-18", "2011-02-01"),
        models={
            "als": {
                "map_at_12": [0.1, 0.2],
                "needed_for_90_percent": [float("nan"), 40.0],
                "all weeks/all/map_at_12": [0.15],
            },
            "ease": {},
        },
        folder=tmp_path,
    )
    for _ in range(2):
        registry.log_comparison("evaluation", comparison)
    identity = mlflow.get_experiment_by_name("evaluation").experiment_id
    runs = mlflow.search_runs([identity], output_format="list")
    assert sorted(run.info.run_name for run in runs) == ["20110201T0000", "als", "ease"]
    whole, als = (
        next(run for run in runs if run.info.run_name == name) for name in ("20110201T0000", "als")
    )
    assert als.data.tags["mlflow.parentRunId"] == whole.info.run_id

    def steps(metric):
        history = mlflow.MlflowClient().get_metric_history(als.info.run_id, metric)
        return [(each.step, each.value) for each in history]

    assert steps("map_at_12") == [(1, 0.1), (2, 0.2)]
    assert steps("needed_for_90_percent") == [(2, 40.0)]
    assert als.data.metrics["all weeks/all/map_at_12"] == 0.15
    (file,) = mlflow.artifacts.list_artifacts(run_id=whole.info.run_id)
    assert file.path == "leaderboard.md"


def test_a_ranker_is_loaded_without_warehouse_and_registry():
    """A model server has what `REQUIREMENTS` install, and no other model's library."""
    entry = "training.ranker.fitted"
    lines = f"import sys, {entry}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    printed = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, check=True
    )
    imported = set(printed.stdout.split())
    assert {"numpy", "pandas"} <= imported
    assert not imported & {"duckdb", "implicit", "mlflow", "sklearn", "airflow", "dbt", "click"}

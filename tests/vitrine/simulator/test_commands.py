from pathlib import Path

import pytest
from click.testing import CliRunner

from vitrine.errors import BadArgumentError
from vitrine.paths import Paths
from vitrine.runlog import read_runs
from vitrine.settings import Settings
from vitrine.simulator.commands import simulate


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_HOME", str(settings.home))
    monkeypatch.setenv("VITRINE_LANDING", str(settings.landing))


@pytest.mark.usefixtures("environment")
def test_a_shop_is_simulated_and_the_run_recorded(paths: Paths):
    words = ["--start", "2026-03-10", "--end", "2026-03-11", "--customers", "30"]
    result = CliRunner().invoke(simulate, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "30 customers" in result.output
    [run] = read_runs(paths)
    assert run["figures"]["events"] > 0
    assert (paths.landing / "events" / "20260310T0000-20260311T0000.csv.gz").exists()
    assert list((paths.truth / "tastes").glob("*.parquet"))


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    "words",
    [
        ["--start", "2026-03-10", "--end", "soon"],
        ["--start", "2026-03-10", "--end", "2026-03-11", "--customers", "5"],
        ["--start", "2026-03-10", "--end", "2026-03-11", "--every", "hour"],
    ],
)
def test_bad_arguments_write_nothing(paths: Paths, words: list[str]):
    assert CliRunner().invoke(simulate, words).exit_code == 2
    assert not list(paths.landing.iterdir())


@pytest.mark.usefixtures("environment")
def test_another_shops_home_is_left_alone(monkeypatch: pytest.MonkeyPatch, paths: Paths):
    monkeypatch.setenv("VITRINE_SOURCE", "online_retail")
    words = ["--start", "2026-03-10", "--end", "2026-03-11"]
    result = CliRunner().invoke(simulate, words)
    assert isinstance(result.exception, BadArgumentError)
    assert not list(Path(paths.landing).iterdir())

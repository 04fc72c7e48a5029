import gzip
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.published_letters import letter, publish
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
    assert 0 < run["figures"]["events"] < run["figures"]["rows_out"]
    assert (paths.landing / "events" / "20260310T0000-20260311T0000.csv.gz").exists()
    assert list((paths.truth / "tastes").glob("*.parquet"))


RETAILER = ["--shop", "retailer", "--customers", "1000"]
DAY = ["--start", "2026-03-10", "--end", "2026-03-11"]
NEXT_DAY = ["--start", "2026-03-11", "--end", "2026-03-12"]


@pytest.mark.usefixtures("environment")
def test_a_retailer_is_simulated_and_goes_on_without_being_named_again(paths: Paths):
    result = CliRunner().invoke(simulate, [*DAY, *RETAILER], catch_exceptions=False)
    assert "1,000 customers" in result.output
    CliRunner().invoke(simulate, NEXT_DAY, catch_exceptions=False)
    assert (paths.landing / "orders" / "20260311T0000-20260312T0000.csv.gz").exists()
    assert [run["figures"]["images"] for run in read_runs(paths)] == [0, 0]
    assert not paths.truth.exists()


@pytest.mark.usefixtures("environment")
def test_published_lists_become_the_mail_of_a_shop(paths: Paths):
    CliRunner().invoke(simulate, [*DAY, "--customers", "30"], catch_exceptions=False)
    night = date(2026, 3, 11)
    publish(paths.lists, night, [letter(f"U{n:07d}", night) for n in range(30)])
    CliRunner().invoke(simulate, [*NEXT_DAY, "--lists"], catch_exceptions=False)
    for day, is_ours in (("20260310T0000-20260311", False), ("20260311T0000-20260312", True)):
        mail = gzip.decompress((paths.landing / f"email_events/{day}T0000.csv.gz").read_bytes())
        assert (b"daily-0311-U" in mail) == is_ours
        assert (b'"M2026' in mail) != is_ours


@pytest.mark.usefixtures("environment")
def test_nobody_answers_the_mail_of_a_retailer():
    result = CliRunner().invoke(simulate, [*DAY, *RETAILER, "--lists"])
    assert isinstance(result.exception, BadArgumentError)


@pytest.mark.usefixtures("environment")
def test_a_shop_stays_of_its_kind(paths: Paths):
    CliRunner().invoke(simulate, [*DAY, *RETAILER], catch_exceptions=False)
    result = CliRunner().invoke(simulate, [*NEXT_DAY, "--shop", "flash_sale"])
    assert isinstance(result.exception, BadArgumentError)
    assert "is a shop of the kind retailer, not flash_sale" in str(result.exception)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    "words",
    [
        ["--start", "2026-03-10", "--end", "soon"],
        ["--start", "2026-03-10", "--end", "2026-03-11", "--customers", "5"],
        ["--start", "2026-03-10", "--end", "2026-03-11", "--every", "hour"],
        ["--start", "2026-03-10", "--end", "2026-03-11", "--shop", "bazaar"],
    ],
)
def test_bad_arguments_write_nothing(paths: Paths, words: list[str]):
    assert CliRunner().invoke(simulate, words).exit_code == 2
    assert not list(paths.landing.iterdir())


@pytest.mark.usefixtures("environment")
def test_a_village_store_is_refused_before_anything_is_written(paths: Paths):
    result = CliRunner().invoke(simulate, [*DAY, "--shop", "retailer", "--customers", "999"])
    assert isinstance(result.exception, BadArgumentError)
    assert not list(paths.landing.iterdir())


@pytest.mark.usefixtures("environment")
def test_another_shops_home_is_left_alone(monkeypatch: pytest.MonkeyPatch, paths: Paths):
    monkeypatch.setenv("VITRINE_SOURCE", "online_retail")
    words = ["--start", "2026-03-10", "--end", "2026-03-11"]
    result = CliRunner().invoke(simulate, words)
    assert isinstance(result.exception, BadArgumentError)
    assert not list(Path(paths.landing).iterdir())

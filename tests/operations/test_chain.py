"""`vitrine run`: a DAG's stages in order, without Airflow."""

import re
from datetime import date

import pytest
from click.testing import CliRunner

from vitrine.cli import vitrine
from vitrine.errors import GateError, StageSkipped
from vitrine.interval import Interval
from vitrine.operations.chain import CHAINS, run

DAY = Interval.of_day(date(2026, 3, 1))
OPTIONS = "--start 2026-03-01T00:00:00Z --end 2026-03-02T00:00:00Z"


class Stages:
    """Takes note of the commands that it is called with; some raise."""

    def __init__(self, **errors: Exception) -> None:
        self.errors = errors
        self.called: list[str] = []
        self.said: list[str] = []

    def call(self, line: str) -> None:
        self.called.append(line)
        error = self.errors.get(line.split()[0])
        if error:
            raise error


def typed(stage: str) -> str:
    if stage == "embed --as-of {end}":
        return "embed --as-of 2026-03-02T00:00:00Z"
    return f"{stage} {OPTIONS}"


@pytest.mark.parametrize("dag", CHAINS)
def test_every_stage_is_called_in_order_and_has_a_line(dag):
    stages = Stages()
    run(dag, DAY, stages.call, stages.said.append)
    assert stages.called == [typed(stage) for stage in CHAINS[dag]]
    for stage, line in zip(CHAINS[dag], stages.said, strict=True):
        stage = stage.removesuffix(" --as-of {end}")
        assert re.fullmatch(rf"\d\d:\d\d  {stage} +succeeded +\d+\.\d s", line)


def test_what_lands_whole_days_merges_their_files_last():
    assert CHAINS["daily_features"][-1] == CHAINS["history_load"][-1] == "compact"


def test_new_products_are_embedded_before_the_day_is_published():
    stages = CHAINS["daily_features"]
    assert stages.index("embed --as-of {end}") < stages.index("publish daily")


def test_the_first_failure_stops_the_chain():
    stages = Stages(check=GateError("orders: 3 rows have no customer"))
    with pytest.raises(GateError, match="3 rows"):
        run("daily_features", DAY, stages.call, stages.said.append)
    assert [line.split()[0] for line in stages.called] == ["land", "check"]
    assert "failed" in stages.said[-1]


def test_what_a_shop_lacks_is_skipped_and_the_next_stage_decides_for_itself():
    stages = Stages(spark=StageSkipped("spark days skipped: the shop provides no orders"))
    run("daily_features", DAY, stages.call, stages.said.append)
    assert len(stages.called) == len(CHAINS["daily_features"])
    assert "spark days skipped: the shop provides no orders" in stages.said


def test_without_a_delivery_no_window_is_built():
    stages = Stages(land=StageSkipped("land skipped: nothing was delivered"))
    run("campaign_performance", DAY, stages.call, stages.said.append)
    assert [line.split()[0] for line in stages.called] == ["land"]


def test_a_failure_ends_the_command_with_the_stages_own_error(settings, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(settings.home))
    monkeypatch.setenv("VITRINE_LANDING", str(settings.landing))
    (settings.landing / "orders").mkdir()
    (settings.landing / "orders" / "yesterday.csv.gz").write_bytes(b"")
    result = CliRunner().invoke(vitrine, ["run", "daily_features", *OPTIONS.split()])
    assert "yesterday.csv.gz" in str(result.exception)
    assert re.search(r"land +failed", result.output)
    assert "check" not in result.output

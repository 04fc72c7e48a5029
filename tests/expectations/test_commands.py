"""`vitrine check` as a person types it: exit, words and the record it leaves."""

import json
import re

import pytest
from click.testing import CliRunner

from expectations.commands import check
from tests.expectations.test_deltas import put as put_delta
from tests.expectations.test_landed import DAY, GOOD, NOON, installation, put
from vitrine.errors import BadArgumentError, GateError
from vitrine.runlog import read_runs

__all__ = ["installation"]
TYPED = ["landed", "--start", "2026-03-02", "--end", "2026-03-03"]


@pytest.fixture
def home(installation, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(installation.settings.home))
    monkeypatch.setenv("VITRINE_LANDING", str(installation.settings.landing))
    for table, row in GOOD.items():
        put(installation, table, [row], DAY)
    return installation


def record(home):
    (file,) = home.paths.runs.glob("*.json")
    return json.loads(file.read_text())


def test_a_good_day_prints_where_its_pages_are(home):
    put(home, "orders", [GOOD["orders"] | {"product_id": "rug"}])
    result = CliRunner().invoke(check, TYPED, catch_exceptions=False)
    assert result.exit_code == 0
    assert "warning: landed.orders" in result.output
    assert re.search(r"is open: .*orders 1, .* keep \d+ of \d+ rules; pages", result.output)
    assert "index.html" in result.output
    assert record(home)["figures"] == {"rows_in": len(GOOD), "failed": 0, "warned": 1}


def test_a_bad_day_raises_with_the_rows(home):
    put(home, "orders", [GOOD["orders"] | {"quantity": 0}])
    with pytest.raises(GateError, match=r"(?s)gate landed is shut.*quantity.*order_id=o1"):
        CliRunner().invoke(check, TYPED, catch_exceptions=False)
    assert record(home)["outcome"] == "failed"
    assert record(home)["figures"]["failed"] == 1


def test_several_suites_in_one_call_leave_pages_and_records_of_their_own(home):
    sold = {"order_count": 1, "unit_count": 1, "turnover": 9.5, "impression_count": 1}
    window = {"window_start_at": NOON, "received_window_start_at": NOON}
    row = {"campaign_id": "sale", "demographic_cluster": "unknown", **window, **sold}
    put_delta(home, "campaign_windows", [row], DAY)
    typed = ["landed", "deltas", *TYPED[1:], "--database", "intraday"]
    result = CliRunner().invoke(check, typed, catch_exceptions=False)
    assert result.exit_code == 0
    pages = {folder.parent.name for folder in home.paths.data_docs.glob("*/current")}
    assert pages == {"landed_intraday", "deltas_intraday"}
    stages = [run["stage"] for run in read_runs(home.paths)]
    assert stages == ["check landed intraday", "check deltas intraday"]


@pytest.mark.parametrize(
    "typed",
    [
        ["landed", "--as-of", "2026-03-03"],
        ["lists", *TYPED[1:]],
        ["landed", "lists", *TYPED[1:], "--as-of", "2026-03-03"],
        ["landed", "--start", "2026-03-02"],
    ],
)
def test_suites_of_intervals_and_of_instants_are_told_apart(home, typed):
    with pytest.raises(BadArgumentError, match="need --start and --end"):
        CliRunner().invoke(check, typed, catch_exceptions=False)

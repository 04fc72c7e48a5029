import json

import pytest

from vitrine import lake, runlog
from vitrine.contracts import TABLES
from vitrine.errors import GateError
from vitrine.installation import Installation
from vitrine.interval import Interval, parse_instant
from vitrine.operations import costs, status
from vitrine.publish import new_version

DAY = Interval.parse("2026-03-01", "2026-03-02")


def record(paths, stage, fails=False):
    with runlog.record(paths, stage, DAY) as run:
        run.note(rows=3)
        if fails:
            raise GateError("turnover is negative in 2 rows")


def failing(paths, stage):
    with pytest.raises(GateError):
        record(paths, stage, fails=True)


def test_an_empty_home_says_so(settings):
    text = status.report(Installation(settings))
    assert "nothing has landed yet" in text
    assert "daily warehouse     not yet" in text
    assert "make up" in text


def test_ages_are_counted_from_the_newest_data(settings, paths):
    lake.write_partition(
        paths.lake, "orders", Interval.parse("2026-03-03", "2026-03-04"), TABLES["orders"].empty()
    )
    with new_version(paths.scores, "20260302T0330") as folder:
        manifest = {"model": "ranker", "version": 4}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    text = status.report(Installation(settings))
    assert "data received up to 2026-03-04T00:00:00Z" in text
    assert "as of 2026-03-02T03:30:00Z, 44 h behind the newest data, by ranker version 4" in text


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ("2026-03-04", "up to the newest data"),
        ("2026-03-03T23:45", "15 min behind the newest data"),
        ("2026-03-01", "3 days behind the newest data"),
    ],
)
def test_ages_are_said_in_words(instant, said):
    assert status.age(parse_instant(instant), parse_instant("2026-03-04")) == said


def test_a_failure_is_broken_until_the_same_work_succeeds(paths):
    failing(paths, "check landed")
    record(paths, "land")
    assert list(status.broken(runlog.read_runs(paths))) == [
        (
            "check landed [2026-03-01T00:00:00Z, 2026-03-02T00:00:00Z):"
            " GateError: turnover is negative in 2 rows"
        )
    ]
    record(paths, "check landed")
    assert list(status.broken(runlog.read_runs(paths))) == []


def test_raw_rows_add_up_in_the_report(paths):
    paths.books.mkdir(parents=True)
    files = [
        {
            "file": "a.csv",
            "row_count": 5,
            "accepted_count": 3,
            "quarantined": [{"reason": "late", "row_count": 2}],
        },
        {"file": "b.csv", "row_count": 1, "accepted_count": 1, "quarantined": []},
    ]
    (paths.books / "one.json").write_text(json.dumps({"files": files}))
    assert status.landed_rows(paths) == "raw rows in 6 = accepted 4 + quarantined 2 (late 2)"


def test_costs_are_summed_by_stage(paths):
    record(paths, "land")
    record(paths, "land")
    lines = costs.table(runlog.read_runs(paths)).splitlines()
    assert len(lines) == 2
    assert lines[1].split()[:2] == ["land", "2"]


def test_a_model_stands_above_its_baselines(paths):
    with runlog.record(paths, "train ranker", DAY) as run:
        run.note(map_at_12=0.5, version=3, popularity_map_at_12=0.25, hits=1)
    lines = costs.comparison(runlog.read_runs(paths), "train ranker").splitlines()
    assert [line.split() for line in lines] == [
        ["train", "ranker", "map_at_12"],
        ["the", "model", "0.5000"],
        ["popularity", "0.2500"],
    ]
    assert costs.comparison([], "train ranker").split() == ["train", "ranker", "not", "run"]


def test_a_warehouse_on_another_disk_is_reported(settings, paths, tmp_path):
    (tmp_path / "disk" / "versions").mkdir(parents=True)
    paths.home.mkdir()
    paths.warehouse.symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "versions" / "daily-20260302T0000.duckdb").touch()
    (paths.warehouse / "daily.duckdb").symlink_to("versions/daily-20260302T0000.duckdb")
    report = status.report(Installation(settings))
    assert "daily warehouse     as of 2026-03-02T00:00:00Z" in report

import json

import pytest

from vitrine import lake, runlog
from vitrine.contracts import TABLES
from vitrine.errors import GateError, NotPublishedError
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


def refusing(paths, stage):
    with pytest.raises(NotPublishedError), runlog.record(paths, stage, DAY):
        raise NotPublishedError("no scores as of then; run `vitrine score` first")


def test_a_stage_that_another_must_come_before_is_not_broken(paths):
    record(paths, "lists build daily")
    refusing(paths, "lists build daily")
    runs = runlog.read_runs(paths)
    assert list(status.broken(runs)) == []
    assert list(status.refused(runs)) == [
        "lists build daily: no scores as of then; run `vitrine score` first"
    ]
    record(paths, "lists build daily")
    assert list(status.refused(runlog.read_runs(paths))) == []


def test_a_refusal_hides_no_failure_before_it(paths):
    failing(paths, "check lists daily")
    refusing(paths, "check lists daily")
    assert len(list(status.broken(runlog.read_runs(paths)))) == 1


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
    for damage in ("{", "[]", "{}"):
        (paths.books / "two.json").write_text(damage)
        assert "two.json is damaged" in status.landed_rows(paths)


def cost(seconds, stage="land", end="2026-03-02", outcome="succeeded", **figures):
    return {
        "stage": stage,
        "outcome": outcome,
        "interval_start_at": "2026-03-01T00:00:00Z",
        "interval_end_at": f"{end}T00:00:00Z",
        "elapsed_s": seconds,
        "peak_memory_bytes": 200 * 1024**2,
        "figures": figures,
    }


def test_costs_are_told_by_stage_and_length_of_interval():
    runs = [
        cost(40.0, end="2026-03-31", rows_out=9000),
        cost(1.0, rows_out=1000),
        cost(2.0, rows_out=3000),
        cost(3.0, rows_out=2000),
        cost(9.0, outcome="failed"),
        cost(7.0, "spark user-days", jvm_peak_memory_bytes=1024**3, jvm_bytes_read=5_000_000),
    ]
    head, *lines = costs.table(runs).splitlines()
    # stage, interval, runs, rows out, median, slowest and sum of the seconds, peak
    assert [line.split()[:-1] for line in lines] == [
        ["land", "30", "d", "1", "9,000", "40.0", "40.0", "40.0", "200"],
        ["land", "1", "d", "3", "2,000", "2.0", "3.0", "6.0", "200"],
        ["spark", "user-days", "1", "d", "1", "5", "7.0", "7.0", "7.0", "1,024"],
    ]
    assert head.split()[-2:] == ["MiB", "trend"]


def test_the_trend_compares_the_last_runs_with_those_before():
    assert costs.trend([2.0]) == "█"
    assert costs.trend([1.0, 1.0, 1.0, 1.0, 1.0]) == "█████"
    assert costs.trend([10.0, 12.0, 5.0, 5.0, 6.0, 7.0, 5.0]).endswith(" -55 %")
    assert costs.trend([1.0] * 95 + [1.0, 2.0, 2.0, 2.0, 9.0]).split()[1:] == ["+100", "%"]
    assert len(costs.trend([1.0] * 100).split()[0]) == costs.DRAWN_RUNS


def test_the_report_shows_the_trend_beside_the_last_run(settings, paths):
    paths.runs.mkdir(parents=True)
    runs = [cost(60.0, end="2026-03-31"), *[cost(1.0)] * 5, *[cost(2.0)] * 5, cost(9.0, "score")]
    for number, run in enumerate(runs):
        (paths.runs / f"20260301T0000{number:02d}-x.json").write_text(json.dumps(run))
    lines = status.report(Installation(settings)).splitlines()
    (land,) = [line for line in lines if line.lstrip().startswith("land ")]
    (score,) = [line for line in lines if line.lstrip().startswith("score ")]
    assert land.endswith("▅▅▅▅▅█████ +100 %")
    assert score.endswith("200 MiB")


def test_old_runs_are_left_to_the_archive(settings, paths):
    paths.runs.mkdir(parents=True)
    for month in range(1, 6):
        run = json.dumps(cost(1.0, stage=f"stage of month {month}"))
        (paths.runs / f"20260{month}01T000000000000-x.json").write_text(run)
    text = status.report(Installation(settings))
    assert [month for month in range(1, 6) if f"stage of month {month}" in text] == [2, 3, 4, 5]


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

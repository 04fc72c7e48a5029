import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from vitrine import runlog
from vitrine.errors import BadArgumentError, GateError, NotPublishedError, StageSkipped
from vitrine.interval import Interval
from vitrine.runlog import gather, read_records, read_runs, record

DAY = Interval.parse("2026-03-29", "2026-03-30")


def leave(paths, started_at, number):
    """A record as `record` writes it, begun at a chosen instant."""
    paths.runs.mkdir(parents=True, exist_ok=True)
    entry = {"stage": "land", "started_at": started_at.isoformat(), "figures": {"rows_in": number}}
    file = paths.runs / f"{started_at:%Y%m%dT%H%M%S%f}-land-{number}.json"
    file.write_text(json.dumps(entry, indent=2))
    return file


def leave_two_months(paths):
    return [
        leave(paths, datetime(2026, month, day, tzinfo=UTC), 100 * month + day)
        for month in (3, 4)
        for day in (1, 2, 3)
    ]


def rows_in(runs):
    return [run["figures"]["rows_in"] for run in runs]


def test_a_run_leaves_what_it_did_and_what_it_cost(paths, tmp_path):
    with record(paths, "land", DAY) as run:
        run.note(rows_in=3)
        run.note(rows_in=4, rows_out=2)
        (tmp_path / "big").write_bytes(bytes(3_000_000))
    (entry,) = read_runs(paths)
    assert entry["outcome"] == "succeeded"
    assert entry["figures"] == {"rows_in": 4, "rows_out": 2}
    assert entry["interval_start_at"] == "2026-03-29T00:00:00Z"
    assert entry["peak_memory_bytes"] > 1_000_000
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", entry["vitrine_version"])
    if sys.platform == "linux":
        assert 3_000_000 <= entry["bytes_written"] < 4_000_000


@pytest.mark.parametrize("error", [None, GateError("turnover is negative")])
def test_the_tasks_log_ends_with_a_summary(paths, capsys, error):
    try:
        with record(paths, "land", DAY) as run:
            run.note(rows_in=1234, rows_out=1200, jvm_peak_memory_bytes=1024**3)
            if error:
                raise error
    except GateError:
        pass
    outcome = "failed" if error else "succeeded"
    line = rf"land \[2026-03-29T00:00:00Z, 2026-03-30T00:00:00Z\) {outcome}: 1,234 rows in, 1,200"
    cost = r" rows out, .*0\.\d s, peak [\d,]+ MiB and 1,024 MiB in the JVM"
    assert re.fullmatch(line + cost, capsys.readouterr().out.strip())


@pytest.mark.parametrize(
    "error",
    [StageSkipped("no orders"), BadArgumentError("no customer"), NotPublishedError("no scores")],
)
def test_what_did_nothing_has_no_summary(paths, capsys, error):
    with pytest.raises(type(error)), record(paths, "land", DAY):
        raise error
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ValueError, "failed"), (StageSkipped, "skipped"), (NotPublishedError, "refused")],
)
def test_a_run_that_ends_early_leaves_its_record_too(paths, error, outcome):
    with pytest.raises(error), record(paths, "land", DAY):
        raise error("why")
    (entry,) = read_runs(paths)
    assert entry["outcome"] == outcome
    assert "why" in entry["figures"]["error"]


def test_what_was_typed_wrong_leaves_nothing(paths):
    with pytest.raises(BadArgumentError), record(paths, "recommend", DAY):
        raise BadArgumentError("no such customer")
    assert not paths.runs.exists()


def test_the_bytes_of_spark_are_added():
    entry = {"bytes_read": 3, "bytes_written": None, "figures": {"jvm_bytes_read": 4}}
    assert runlog.bytes_read(entry) == 7
    assert runlog.bytes_written(entry) is None


def test_few_records_stay_where_they_are(paths):
    files = leave_two_months(paths)
    assert gather(paths, most_files=6) == 0
    assert all(file.exists() for file in files)


def test_many_records_become_one_file_a_month_and_none_is_lost(paths):
    leave_two_months(paths)
    before = read_records(paths)
    assert gather(paths, most_files=5) == 6
    assert [file.name for file in sorted(paths.runs.rglob("*.*et"))] == [
        "2026-03.parquet",
        "2026-04.parquet",
    ]
    assert not list(paths.runs.glob("*.json"))
    late = leave(paths, datetime(2026, 4, 2, 12, tzinfo=UTC), 450)
    assert read_records(paths) == dict(sorted({**before, late.stem: late.read_text()}.items()))
    assert gather(paths, most_files=0) == 1
    assert rows_in(read_runs(paths)) == [301, 302, 303, 401, 402, 450, 403]


def test_a_killed_gathering_doubles_nothing(paths):
    files = leave_two_months(paths)
    texts = {file: file.read_text() for file in files}
    gather(paths, most_files=0)
    for file in files[:4]:  # killed before it removed these
        file.write_text(texts[file])
    assert rows_in(read_runs(paths)) == [301, 302, 303, 401, 402, 403]
    gather(paths, most_files=0)
    assert rows_in(read_runs(paths)) == [301, 302, 303, 401, 402, 403]


def test_the_newest_months_can_be_read_alone(paths):
    leave_two_months(paths)
    assert rows_in(read_runs(paths, months=1)) == [401, 402, 403]
    gather(paths, most_files=0)
    assert rows_in(read_runs(paths, months=1)) == [401, 402, 403]
    leave(paths, datetime(2026, 5, 1, tzinfo=UTC), 501)
    assert rows_in(read_runs(paths, months=1)) == [501]
    assert rows_in(read_runs(paths, months=2)) == [401, 402, 403, 501]


def test_records_that_are_gathered_meanwhile_are_read_all_the_same(paths):
    leave_two_months(paths)
    with ThreadPoolExecutor(1) as pool:
        for second in range(30):
            leave(paths, datetime(2026, 5, 1, second=second, tzinfo=UTC), second)
            gathering = pool.submit(gather, paths, most_files=0)
            while not gathering.done():
                assert len(read_runs(paths)) == 6 + second + 1
            assert gathering.result() == (7 if second == 0 else 1)

"""What the benchmark keeps, counts and refuses; its figures themselves are no test's business."""

import re

import duckdb
import pytest
from click.testing import CliRunner

from benchmarks import edition, features, reading, report
from benchmarks.comparison import compare
from vitrine.paths import Paths
from vitrine.simulator.retailer.shop import LEAST_CUSTOMERS

MACHINE = {"cores": 2, "memory_bytes": 8e9}
SETTINGS = {"intraday_history_days": {"used": "120", "default": "400"}}
COST = {
    "seconds": 10.0,
    "peak_memory_bytes": 1e9,
    "bytes_read": 1e6,
    "bytes_written": 1e6,
    "disk_bytes_read": 0,
    "disk_bytes_written": 0,
}
LEAST = {"rows": 100, "bytes": 1e6, "seconds": 1.0}


def stage(name, rows, base=None):
    return {"stage": name, "seconds": 1.0, "rows_in": rows, "base": base}


def phase(stages, is_same=True):
    peer = COST | {"is_same": is_same, "same": []}
    return {"vitrine": COST, "duckdb": peer, "stages": stages, "least": LEAST}


def table(figures, outdated=(), scale=1.0):
    return report.table(figures, scale, MACHINE, SETTINGS, outdated)


HISTORY = phase([stage("land", 1000), stage("spark days", 1000), stage("publish daily", None)])


def test_the_rows_of_all_stages_are_added_up_and_held_against_the_full_load():
    small = phase([stage("land", 10), stage("spark days", 29), stage("publish daily", None)])
    large = phase([stage("land", 10), stage("spark days", 31), stage("build daily staging", 15)])
    assert "aim: 2 % of the rows that all stages of (a) read together; found 1.9: met" in table(
        {"history": HISTORY, "day": small}
    )
    assert "read together; found 2.8: MISSED" in table({"history": HISTORY, "day": large})


def test_a_smaller_shop_neither_meets_nor_misses_an_aim():
    small = phase([stage("land", 10), stage("spark days", 31), stage("build daily staging", 15)])
    text = table({"history": HISTORY, "day": small}, scale=0.01)
    assert "aim at full size: 60 seconds; found at this size 10.0\n" in text
    assert "read together; found at this size 2.8\n" in text
    assert not re.search("met|missed", text, re.IGNORECASE)


def test_the_least_scale_gives_as_many_customers_as_a_retailer_needs(tmp_path):
    least = features.LEAST_SCALE
    assert round(features.FULL_CUSTOMERS * least) >= LEAST_CUSTOMERS
    assert round(features.FULL_CUSTOMERS * (least - 1e-5)) < LEAST_CUSTOMERS
    folder = tmp_path / "bench"
    for scale in ("0.0005", "0", "-1", "nan"):
        result = CliRunner().invoke(features.main, [f"--scale={scale}", "--keep", str(folder)])
        assert (result.exit_code, folder.exists()) == (2, False)
        assert "than the 1,000 customers that" in " ".join(result.output.split())
        assert f"give {least} to 1" in result.output


def test_what_is_counted_and_what_is_not_is_said():
    base = {"version": "daily-1.duckdb", "bytes": 3_000_000, "rows": 12_345}
    built = [stage("build daily staging", 15, base), stage("build daily marts", None, base)]
    text = table({"day": phase(built)})
    assert "| build daily staging | 1.0 | 15 | rows of the lake and delta files opened |" in text
    assert "| build daily marts | 1.0 | not counted |  |" in text
    assert "| together | | 15 |" in text
    assert text.count("copy of daily-1.duckdb: 3 MB, 12,345 rows in its tables") == 1


def test_settings_are_shown_beside_their_defaults_and_the_day_beside_its_events():
    text = table({"quarter": phase([]) | {"events_of_the_day": 1_040_000}})
    assert "intraday_history_days 120 (400)" in text
    assert "The day holds 1,040,000 events by its end." in text
    used = edition.departures(features.SETTINGS)
    assert used["intraday_history_days"] == {"used": "120", "default": "400"}


def test_the_copied_version_is_read_from_the_log(tmp_path):
    paths = Paths(landing=tmp_path, home=tmp_path)
    file = paths.warehouse / "versions" / "daily-20260901.duckdb"
    file.parent.mkdir(parents=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table a as from range(7); create table b as from range(5)")
    runs = [
        {"stage": "build daily staging", "elapsed_s": 1.0,
         "figures": {"rows_in": 3, "begins": "it goes on from daily-20260901.duckdb"}},
        {"stage": "build intraday staging", "elapsed_s": 1.0,
         "figures": {"begins": "it begins anew: no version is published"}},
    ]  # fmt: skip
    first, second = reading.stages(runs, paths)
    assert first["base"] == {"version": file.name, "bytes": file.stat().st_size, "rows": 12}
    assert second["base"] is None


def test_figures_of_other_code_settings_or_size_are_outdated(tmp_path):
    bench = features.Bench(tmp_path, 0.01)
    assert bench.outdated() == list(features.PHASES)
    bench.note("day", phase([]))
    assert "day" not in features.Bench(tmp_path, 0.01).outdated()
    assert "day" in features.Bench(tmp_path, 0.02).outdated()
    assert edition.digest({}, 1) != edition.digest({"VITRINE_DUCKDB_THREADS": "2"}, 1)
    other = tmp_path / "code"
    (other / "vitrine").mkdir(parents=True)
    (other / "requirements.lock").write_text("")
    (other / "vitrine" / "a.py").write_text("1")
    before = edition.digest({}, 1, other)
    (other / "vitrine" / "a.py").write_text("2")
    assert edition.digest({}, 1, other) != before
    bench.note("day", phase([]) | {"edition": before})
    assert "day" in features.Bench(tmp_path, 0.01).outdated()
    assert "**Measured with other code" in table({"day": phase([])}, outdated=["day"])
    assert "**Measured with other code" not in table({"day": phase([])})


@pytest.mark.parametrize(("is_same", "code"), [(True, 0), (False, 1)])
def test_a_different_answer_is_the_exit_code_and_a_missed_aim_is_not(tmp_path, is_same, code):
    slow = phase([stage("land", 10)], is_same)
    slow["vitrine"] = COST | {"seconds": 1e6}
    features.Bench(tmp_path, 1).note("day", slow)
    typed = ["--scale", "1", "--keep", str(tmp_path), "--table"]
    result = CliRunner().invoke(features.main, typed)
    assert "MISSED" in result.output
    assert result.exit_code == code, result.output
    assert ("not the same: day duckdb" in result.output) == (not is_same)


def test_a_cluster_that_differs_is_told():
    cluster = {"local": COST, "cluster": COST, "files": 3, "is_same": False}
    assert report.different({"cluster": cluster, "day": phase([])}) == ["cluster"]


def test_two_runs_without_files_or_rows_are_not_the_same(tmp_path):
    assert not features.is_same({}, {})
    assert features.is_same({"a": b"1"}, {"a": b"1"})
    assert not features.is_same({"a": b"1"}, {"a": b"2"})
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "campaigns.parquet"
        duckdb.execute(f"copy (select 'a' as campaign_id, 1 as n where false) to '{file}'")
    (found,) = compare(tmp_path / "ours", tmp_path / "theirs", ("campaigns",))
    assert not found.is_none


def test_a_peer_that_failed_is_told_by_its_error():
    told = "python peer.py ended with 1:\n  File 'peer.py', line 3\nlib.OutOfMemory"
    said = f"{told}Exception: 7 GiB used\n\nSee also the manual"
    assert features.reason(said) == "lib.OutOfMemoryException: 7 GiB used"
    assert features.reason("no reason\n") == "no reason"

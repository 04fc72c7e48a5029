"""The run log is a table that an analyst queries, and it says what the records say."""

import json
from datetime import datetime

import pytest
from click.testing import CliRunner

from vitrine.errors import GateError
from vitrine.interval import Interval
from vitrine.runlog import read_records, read_runs, record
from vitrine.transform import commands, operations, run_table
from vitrine.warehouse import connect

DAY = Interval.parse("2026-03-01", "2026-03-02")


@pytest.fixture
def recorded(paths):
    with record(paths, "spark user-days", DAY) as run:
        run.note(rows_in=5, rows_out=3, jvm_peak_memory_bytes=7, jvm_bytes_read=10**12)
    with pytest.raises(GateError), record(paths, "check landed", DAY):
        raise GateError("it isn't in order")
    return paths


def rows(paths, query):
    with connect(paths, (operations.DATABASE,)) as connection:
        return connection.execute(query).fetchall()


def test_a_row_says_what_the_record_says(recorded):
    operations.publish_records(recorded, keep_versions=3)
    columns = [column.name for column in run_table.TABLE.columns]
    first, second = (
        dict(zip(columns, row, strict=True)) for row in rows(recorded, "from rpt_runs")
    )
    entry, _ = read_runs(recorded)
    for name in ("stage", "outcome", "elapsed_s", "bytes_written", "peak_memory_bytes"):
        assert first[name] == entry[name]
    assert first["vitrine_version"] == entry["vitrine_version"]
    assert first["run_id"] == next(iter(read_records(recorded)))
    assert first["interval_start_at"] == DAY.start
    assert first["interval_end_at"] == DAY.end
    assert first["started_at"] == datetime.fromisoformat(entry["started_at"])
    assert (first["rows_in"], first["rows_out"], first["jvm_peak_memory_bytes"]) == (5, 3, 7)
    assert json.loads(first["figures"]) == entry["figures"]
    assert (first["error"], second["outcome"]) == (None, "failed")
    assert second["error"] == "GateError: it isn't in order"


def test_the_bytes_of_spark_are_added(recorded):
    operations.publish_records(recorded, keep_versions=3)
    entry, _ = read_runs(recorded)
    ((read,), _) = rows(recorded, "select bytes_read from rpt_runs")
    assert read == 10**12 + (entry["bytes_read"] or 0)


def test_every_column_is_described(recorded):
    operations.publish_records(recorded, keep_versions=3)
    described = rows(
        recorded, "select column_name, comment from duckdb_columns() where table_name = 'rpt_runs'"
    )
    assert described == [(column.name, column.description) for column in run_table.TABLE.columns]
    ((text,),) = rows(recorded, "select comment from duckdb_tables() where table_name = 'rpt_runs'")
    assert text.startswith("One row per run of a stage")


def test_the_next_publication_knows_more_and_old_files_go(recorded):
    for count in range(2, 7):
        operations.publish_records(recorded, keep_versions=3)
        assert rows(recorded, "select count(*) from rpt_runs") == [(count,)]
        with record(recorded, "land", DAY):
            pass
    assert len(list((recorded.warehouse / "versions").iterdir())) == 3


def test_many_records_are_gathered_on_the_way(recorded):
    operations.publish_records(recorded, keep_versions=3, most_files=1)
    assert not list(recorded.runs.glob("*.json"))
    assert rows(recorded, "select count(*) from rpt_runs") == [(2,)]


def test_without_a_run_there_is_an_empty_table(paths):
    operations.publish_records(paths, keep_versions=3)
    assert rows(paths, "select count(*) from rpt_runs") == [(0,)]


def test_publishing_a_warehouse_brings_the_table_up_to_date(installation, build_file, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(installation.settings.home))
    build_file("daily", DAY)
    arguments = ["daily", "--start", "2026-03-01", "--end", "2026-03-02"]
    CliRunner().invoke(commands.publish, arguments, catch_exceptions=False, standalone_mode=False)
    found = rows(installation.paths, "select stage, interval_end_at from rpt_runs")
    assert found == [("publish daily", DAY.end)]


def test_a_disk_without_room_for_the_table_leaves_the_warehouse_published(
    installation, build_file, monkeypatch
):
    monkeypatch.setenv("VITRINE_HOME", str(installation.settings.home))
    build_file("daily", DAY)
    installation.paths.runs.mkdir(parents=True)
    (installation.paths.runs / ".lock").mkdir()  # nothing can be opened there
    arguments = ["daily", "--start", "2026-03-01", "--end", "2026-03-02"]
    done = CliRunner().invoke(commands.publish, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "warning: the table of the run log stays as it was" in done.output
    assert (installation.paths.warehouse / "daily.duckdb").exists()

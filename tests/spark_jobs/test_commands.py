"""`vitrine spark` from the command line to the files, through a real spark-submit."""

import json
import sys
from datetime import date, timedelta

import pytest
from click.testing import CliRunner

from spark_jobs.commands import spark
from spark_jobs.submission import JOBS, command, submission
from tests.spark_jobs import golden
from vitrine.errors import BadArgumentError, MachineError, StageSkipped, VitrineError
from vitrine.interval import Interval

DAY_1 = Interval.of_day(date(2026, 3, 1))
TYPED = ["days", "--start", "2026-03-01", "--end", "2026-03-02"]


@pytest.fixture
def home(settings, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(settings.home))
    monkeypatch.setenv("VITRINE_LANDING", str(settings.landing))
    monkeypatch.setenv("VITRINE_SPARK_MASTER", "local[1]")
    monkeypatch.chdir(settings.landing)
    return settings.home


@pytest.mark.slow
def test_spark_submit_from_end_to_end(home, shop):
    shop.receive("orders", DAY_1, golden.ORDERS_1)
    shop.receive("events", DAY_1, golden.EVENTS_1)
    result = CliRunner().invoke(spark, TYPED, catch_exceptions=False)
    assert "user_days: 1 rows" in result.output
    (row,) = shop.rows("user_days", DAY_1)
    assert (row["customer_id"], row["turnover"]) == ("ann", 70.01)
    (record,) = [json.loads(p.read_text()) for p in shop.paths.runs.glob("*.json")]
    figures = record["figures"]
    assert figures["user_days_rows"] == 1
    assert figures["rows_in"] == len(golden.ORDERS_1) + len(golden.EVENTS_1)
    assert figures["rows_out"] == sum(n for name, n in figures.items() if name.endswith("s_rows"))
    if sys.platform == "linux":
        assert figures["jvm_peak_memory_bytes"] > 100_000_000
        assert figures["jvm_bytes_read"] > 1_000_000
    assert list(shop.paths.landing.iterdir()) == [], "nothing may appear where it was started"


@pytest.mark.slow
def test_a_job_that_fails_says_why_with_its_exit_code(home, shop):
    shop.receive("orders", DAY_1, golden.ORDERS_1)
    with pytest.raises(VitrineError, match="cuts the drop") as caught:
        CliRunner().invoke(spark, [*TYPED[:-1], "2026-03-01T12:00"], catch_exceptions=False)
    assert caught.value.exit_code == BadArgumentError.exit_code


@pytest.mark.slow
def test_a_crash_shows_its_last_lines(home, shop, monkeypatch):
    monkeypatch.setenv("VITRINE_SPARK_MASTER", "nowhere")
    with pytest.raises(VitrineError, match=r"(?s)exit code 1; its last lines:.*nowhere|Master"):
        CliRunner().invoke(spark, TYPED, catch_exceptions=False)


@pytest.mark.slow
def test_a_shop_without_orders_is_skipped_by_name(home, monkeypatch):
    monkeypatch.setenv("VITRINE_SOURCE", "fashion_products")
    with pytest.raises(StageSkipped, match=r"spark days skipped.*orders"):
        CliRunner().invoke(spark, TYPED, catch_exceptions=False)


def test_a_machine_without_java_is_told_so(home, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(MachineError, match="Java 17"):
        CliRunner().invoke(spark, TYPED, catch_exceptions=False)


@pytest.mark.parametrize("job", JOBS)
def test_a_submission_names_a_file_that_exists_and_keeps_utc(settings, job):
    found = submission(settings, job)
    assert found.application.is_file()
    assert found.conf["spark.sql.session.timeZone"] == "UTC"
    assert "-Duser.timezone=UTC" in found.conf["spark.executor.extraJavaOptions"]
    assert found.environment["VITRINE_HOME"] == str(settings.home)
    typed = command(settings, job, DAY_1)
    assert typed[-4:] == ["--start", "2026-03-01T00:00:00Z", "--end", "2026-03-02T00:00:00Z"]


def test_long_intervals_are_compiled_well_and_short_ones_quickly(settings):
    year = Interval(DAY_1.start, DAY_1.start + timedelta(days=365))
    options = {
        name: next(word for word in command(settings, "days", interval) if "extraJava" in word)
        for name, interval in (("day", DAY_1), ("year", year))
    }
    assert "TieredStopAtLevel=1" in options["day"]
    assert "TieredStopAtLevel" not in options["year"]
    assert "ParallelGC" in options["year"]


def test_an_unknown_job_is_refused(settings):
    with pytest.raises(BadArgumentError, match="known: days"):
        submission(settings, "nothing")

"""A chain of increments gives the tables of a full build, and what is not true any more is not gone
on from."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.dbt_project import small_shop
from tests.dbt_project.conftest import MIDDLE
from vitrine import compaction, lake
from vitrine.installation import Installation
from vitrine.interval import DAY, QUARTER_HOUR, Interval, floor
from vitrine.paths import Paths
from vitrine.settings import REPOSITORY, load_settings
from vitrine.transform import dbt, publication
from vitrine.warehouse import DATABASES, published_file

STEPS = {
    "daily": [Interval(MIDDLE, MIDDLE + DAY), Interval(MIDDLE + DAY, small_shop.END)],
    "intraday": [
        Interval(MIDDLE, MIDDLE + QUARTER_HOUR),
        Interval(MIDDLE + QUARTER_HOUR, MIDDLE + DAY),
        Interval(MIDDLE + DAY, small_shop.END),
    ],
}
HALFWAY = "START sql incremental model intermediate.int_shop_window_ledger"
OF_THE_RUN = {"interval_start_at"}
"""What the build info says about the run, not about the data."""


@pytest.fixture(scope="module")
def published(tmp_path_factory, installation, built_to_the_middle) -> Installation:
    """A home of its own with the same lake, and both databases published up to the middle."""
    home = tmp_path_factory.mktemp("chain") / "home"
    shutil.copytree(installation.settings.home, home, ignore=shutil.ignore_patterns("staging"))
    made = Installation(load_settings({"VITRINE_HOME": str(home)}))
    _split_day(made.paths)
    until = Interval(small_shop.START, MIDDLE)
    for database, file in built_to_the_middle.items():
        build = made.paths.build_file(database, until)
        shutil.copytree(file.parent, build.parent)
        publication.publish_build(made, database, until)
    return made


def _split_day(paths: Paths) -> None:
    """Make quarter-hour files of a day's windows, as if it had landed so, and as long ago."""
    day = Interval(MIDDLE, MIDDLE + DAY)
    rows = lake.read(paths.deltas, "campaign_windows", day)
    (whole,) = lake.files(paths.deltas, "campaign_windows", day)
    changed_at_ns = whole.stat().st_mtime_ns
    whole.unlink()
    received_at = rows["received_window_start_at"].to_pylist()
    for quarter in day.split(QUARTER_HOUR):
        is_in_it = [quarter.start <= at < quarter.end for at in received_at]
        file = lake.write_partition(
            paths.deltas, "campaign_windows", quarter, rows.filter(pa.array(is_in_it))
        )
        os.utime(file, ns=(changed_at_ns, changed_at_ns))


@pytest.fixture(scope="module")
def chain(published) -> dict[str, list[str]]:
    """Build and publish increment after increment, with finished days compacted in between.

    Say what each went on from.
    """
    reasons: dict[str, list[str]] = {}
    for database in DATABASES:
        reasons[database] = []
        for interval in STEPS[database]:
            today = floor(interval.start, DAY)
            list(compaction.compact(published.paths, Interval(today - DAY, today)))
            _, increment = dbt.build_layers(published, database, interval)
            publication.publish_build(published, database, interval)
            reasons[database].append(increment.reason)
    return reasons


def contents(file: Path, database: str) -> dict[str, tuple]:
    """Count and hash the rows of every relation of a file, whatever their order."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{file}' as {database} (read_only)")
        relations = connection.execute(
            "select table_schema, table_name, list(column_name order by column_name)"
            f" from information_schema.columns where table_catalog = '{database}' group by all"
        ).fetchall()
        return {
            f"{schema}.{name}": connection.execute(
                f"select count(*), sum(hash({', '.join(sorted(set(columns) - OF_THE_RUN))}))"
                f" from {database}.{schema}.{name}"
            ).fetchall()[0]
            for schema, name, columns in relations
        }


@pytest.mark.parametrize("database", DATABASES)
def test_a_chain_of_increments_equals_a_full_build(built, published, chain, database):
    assert all("it goes on from" in reason for reason in chain[database])
    full = contents(built[database], database)
    assert len(full) > 10
    assert contents(published_file(published.paths, database), database) == full


def test_the_chain_read_quarters_before_they_were_compacted(published, chain):
    day = Interval(MIDDLE, MIDDLE + DAY)
    (file,) = lake.files(published.paths.deltas, "campaign_windows", day)
    assert len(lake.parts(file)) == 96


def test_a_killed_build_leaves_the_published_version_and_its_retry_equals_it(published, chain):
    last = STEPS["intraday"][-1]
    before = contents(published_file(published.paths, "intraday"), "intraday")
    build = published.paths.build_file("intraday", last)
    shutil.rmtree(build.parent, ignore_errors=True)
    command = (
        "from vitrine.installation import Installation; from vitrine.interval import Interval;"
        "from vitrine.transform import dbt; from vitrine.settings import load_settings;"
        f"home = Installation(load_settings({{'VITRINE_HOME': {str(published.settings.home)!r}}}));"
        f"dbt.build_layers(home, 'intraday', Interval.parse({last.start.isoformat()!r},"
        f" {last.end.isoformat()!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", command], cwd=REPOSITORY) as process:
        log = build.parent / "dbt" / "logs" / "dbt.log"
        while process.poll() is None and not (log.exists() and HALFWAY in log.read_text()):
            time.sleep(0.05)
        process.kill()
    assert process.returncode == -9
    assert contents(published_file(published.paths, "intraday"), "intraday") == before
    _, increment = dbt.build_layers(published, "intraday", last)
    assert increment.base_end_at == last.start
    assert contents(build, "intraday") == before


def test_a_day_landed_again_is_not_built_upon(published, chain, tmp_path):
    """What was added up of it is wrong now: the build begins anew, and equals one in a new home."""
    paths, day = published.paths, Interval.of_day(small_shop.START.date())
    rows = lake.read(paths.deltas, "campaign_windows", day)
    lake.write_partition(paths.deltas, "campaign_windows", day, rows.slice(1))
    last = STEPS["intraday"][-1]
    _, increment = dbt.build_layers(published, "intraday", last)
    assert "it begins anew" in increment.reason
    assert "was built from other files of campaign_windows" in increment.reason
    home = tmp_path / "home"
    shutil.copytree(paths.home, home, ignore=shutil.ignore_patterns("staging", "warehouse"))
    fresh = Installation(load_settings({"VITRINE_HOME": str(home)}))
    dbt.build_layers(fresh, "intraday", last)
    built = contents(paths.build_file("intraday", last), "intraday")
    assert built == contents(fresh.paths.build_file("intraday", last), "intraday")
    assert built != contents(published_file(paths, "intraday"), "intraday")

"""What a build goes on from, and which files it reads."""

import os
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from tests.published_letters import letter
from tests.published_letters import publish as publish_list
from vitrine import contracts, deltas, lake
from vitrine.installation import Installation
from vitrine.interval import DAY, EPOCH, Interval, parse_instant
from vitrine.publish import point
from vitrine.transform import increments, publication
from vitrine.transform.increments import Increment, plan

DAYS = [Interval.parse(f"2026-03-0{n}", f"2026-03-0{n + 1}") for n in range(1, 5)]
MORNING = datetime(2026, 4, 1, 8, tzinfo=UTC)
"""When the first file was landed; each next one an hour later."""
SETTINGS = {"currency": "EUR"}


def land(installation, table, interval, hour):
    """Write an empty file: a day that landed empty is there."""
    paths = installation.paths
    root, given = (
        (paths.lake, contracts.table(table))
        if table in contracts.TABLES
        else (paths.deltas, deltas.TABLES[table])
    )
    return changed(lake.write_partition(root, table, interval, given.empty()), hour)


def changed(file, hour):
    """Set the time of a file's last change."""
    moment = (MORNING + hour * timedelta(hours=1)).timestamp()
    os.utime(file, (moment, moment))
    return file


@pytest.fixture
def landed(installation):
    """Three days of orders."""
    for hour, day in enumerate(DAYS[:3]):
        land(installation, "orders", day, hour)
    return installation


@pytest.fixture
def publish(landed, build_file):
    """Publish what a build of an interval would leave, up to its end."""

    def publish(interval, database="daily", **said):
        increment = plan(landed, database, interval, SETTINGS)
        values = {
            "input_digests": " ".join(f"{t}={d}" for t, d in increment.input_digests.items()),
            "definition_digest": increment.definition_digest,
        } | said
        with duckdb.connect(str(build_file(database, interval))) as connection:
            for name, value in values.items():
                connection.execute(
                    f"alter table features.build_info add column {name}"
                    f" {'timestamptz' if name.endswith('_at') else 'varchar'}"
                )
                connection.execute(f"update features.build_info set {name} = ?", [value])
        return publication.publish_build(landed, database, interval, force=True)

    return publish


def test_without_a_published_version_all_is_read(landed):
    increment = plan(landed, "daily", DAYS[2], SETTINGS)
    assert increment.base == ""
    assert increment.base_end_at == EPOCH
    assert "begins anew: no version is published that ends by 2026-03-03" in increment.reason
    assert [file.split("/")[-2] for file in increment.files["orders"]] == [
        "ds=2026-03-01",
        "ds=2026-03-02",
        "ds=2026-03-03",
    ]


def test_a_build_goes_on_from_the_newest_version_that_ends_by_its_start(landed, publish):
    for day in DAYS[:3]:
        version = publish(day)
    increment = plan(landed, "daily", DAYS[3], SETTINGS)
    assert increment.base == str(version)
    assert increment.reason == "it goes on from daily-20260304T0000.duckdb"
    assert all(file.endswith("empty.parquet") for (file,) in increment.files.values())
    again = plan(landed, "daily", DAYS[2], SETTINGS)
    assert again.reason == "it goes on from daily-20260303T0000.duckdb"
    assert [file.split("/")[-2] for file in again.files["orders"]] == ["ds=2026-03-03"]


def test_a_day_landed_again_makes_the_next_build_begin_anew(landed, publish):
    for day in DAYS[:2]:
        publish(day)
    land(landed, "orders", DAYS[0], hour=9)
    increment = plan(landed, "daily", DAYS[2], SETTINGS)
    assert increment.base == ""
    assert "daily-20260303T0000.duckdb was built from other files of orders" in increment.reason


def test_a_day_that_was_not_there_before_makes_the_next_build_begin_anew(landed, publish):
    publish(DAYS[1])
    land(landed, "user_days", DAYS[1], hour=9)
    reason = plan(landed, "daily", DAYS[2], SETTINGS).reason
    assert "was built from other files of user_days" in reason


def test_a_file_that_was_written_before_and_came_after_makes_the_next_build_begin_anew(
    landed, publish
):
    """Its time of change is older than that of others which the version was built from."""
    publish(DAYS[1])
    land(landed, "orders", DAYS[0], hour=-9)
    land(landed, "events", DAYS[1], hour=-9)
    reason = plan(landed, "daily", DAYS[2], SETTINGS).reason
    assert "was built from other files of orders" in reason


def test_a_night_that_is_published_again_makes_the_next_build_begin_anew(landed, publish):
    lists = landed.paths.lists
    first, second, third = (day.start.date() for day in DAYS[1:])
    publish_list(lists, first, [letter("U1", first)])
    # Tonight's list is not part of what ends tonight.
    publish_list(lists, second, [letter("U1", second)])
    publish(DAYS[1])
    publish_list(lists, third, [letter("U1", third)], list_name="weekend")
    increment = plan(landed, "daily", DAYS[2], SETTINGS)
    assert "goes on" in increment.reason
    (letters,) = increment.files["letters"]
    assert f"daily/{second}" in letters
    assert letters.replace("letters.", "exclusions.") in increment.files["list_exclusions"]
    assert len(plan(landed, "daily", DAYS[3], SETTINGS).files["letters"]) == 2
    publish_list(lists, first, [])
    reason = plan(landed, "daily", DAYS[2], SETTINGS).reason
    assert "was built from other files of letters" in reason
    assert "letters" not in plan(landed, "intraday", DAYS[2], SETTINGS).files


def test_a_quarter_that_came_late_makes_the_next_build_begin_anew(landed, publish):
    quarters = list(DAYS[3].split(DAY / 4))
    files = [land(landed, "campaign_windows", quarter, hour=5) for quarter in quarters]
    publish(Interval(DAYS[0].start, quarters[1].end), "intraday")
    assert "goes on" in plan(landed, "intraday", quarters[2], SETTINGS).reason
    changed(files[0], hour=4)
    reason = plan(landed, "intraday", quarters[2], SETTINGS).reason
    assert "was built from other files of campaign_windows" in reason


def test_a_withdrawn_version_is_not_gone_on_from(landed, publish):
    publish(DAYS[1])
    withdrawn = publish(DAYS[2])
    good = publish(DAYS[1])
    assert plan(landed, "daily", DAYS[3], SETTINGS).base == str(good)
    later = publish(Interval(DAYS[2].start, DAYS[3].end))
    after = Interval(DAYS[3].end, DAYS[3].end + DAY)
    assert plan(landed, "daily", after, SETTINGS).base == str(later)
    assert withdrawn.exists()
    assert plan(landed, "daily", DAYS[3], SETTINGS).base == str(good)


def test_a_version_that_readers_never_saw_is_not_gone_on_from(landed, publish):
    """A publish that was killed had moved it, and not yet pointed at it."""
    first = publish(DAYS[1])
    publish(DAYS[2])
    point(landed.paths.warehouse / "daily.duckdb", first)
    assert plan(landed, "daily", DAYS[3], SETTINGS).base == str(first)


def test_other_settings_and_other_models_make_a_build_begin_anew(landed, publish, monkeypatch):
    publish(DAYS[1])
    assert "goes on" in plan(landed, "daily", DAYS[2], SETTINGS).reason
    other = plan(landed, "daily", DAYS[2], {"currency": "SEK"})
    assert "was built by other definitions, settings or bounds" in other.reason
    project = landed.paths.home / "project"
    (project / "models" / "daily").mkdir(parents=True)
    for name in ("models/sources.yml", "models/daily/one.sql", "dbt_project.yml"):
        (project / name).write_text("select 1")
    monkeypatch.setattr(increments, "PROJECT", project)
    assert "was built by other definitions" in plan(landed, "daily", DAYS[2], SETTINGS).reason


def test_a_compacted_day_changes_nothing(landed, publish):
    quarters = list(DAYS[2].split(DAY / 4))
    (landed.paths.lake / "orders" / "ds=2026-03-03").joinpath(
        "20260303T0000-20260304T0000.parquet"
    ).unlink()
    files = [land(landed, "orders", quarter, hour=2) for quarter in quarters]
    publish(DAYS[2])
    for file in files:
        file.unlink()
    land(landed, "orders", DAYS[2], hour=2)
    assert "goes on" in plan(landed, "daily", DAYS[3], SETTINGS).reason


def test_a_version_that_ends_within_a_day_is_not_gone_on_from(landed, publish):
    noon = Interval(DAYS[1].start, DAYS[1].end - DAY / 2)
    publish(noon)
    reason = plan(landed, "daily", DAYS[2], SETTINGS).reason
    assert "ends within a step, at 2026-03-02T12:00:00Z" in reason


def test_a_version_that_does_not_say_what_it_was_built_from_is_passed_over(landed, build_file):
    build_file("daily", DAYS[1])
    publication.publish_build(landed, "daily", DAYS[1])
    assert "no version is published" in plan(landed, "daily", DAYS[2], SETTINGS).reason


def test_windows_are_read_from_the_start_of_a_month_and_asked_about_later(settings):
    """Of 120 days before June the 30th, the days since the 1st of March."""
    installation = Installation(settings.model_copy(update={"intraday_history_days": 120}))
    for month in (1, 2, 3, 6):
        day = Interval.parse(f"2026-0{month}-05", f"2026-0{month}-06")
        land(installation, "orders", day, hour=month)
        land(installation, "campaign_windows", day, hour=month)
    june = Interval.parse("2026-06-29", "2026-06-30")
    increment = plan(installation, "intraday", june, SETTINGS)
    assert increment.history_start_at == parse_instant("2026-03-01")
    assert increment.exact_from_at == parse_instant("2026-03-29T00:05")
    assert [f.split("/")[-2] for f in increment.files["campaign_windows"]] == [
        "ds=2026-03-05",
        "ds=2026-06-05",
    ]


def test_where_nothing_is_left_out_any_instant_may_be_asked_about(landed):
    increment = plan(landed, "intraday", DAYS[2], SETTINGS)
    assert increment.exact_from_at == increment.history_start_at == EPOCH


def test_a_decision_is_kept_for_the_next_layers(landed, tmp_path):
    increment = plan(landed, "daily", DAYS[2], SETTINGS)
    increment.store(tmp_path / "increment.json")
    assert Increment.load(tmp_path / "increment.json") == increment

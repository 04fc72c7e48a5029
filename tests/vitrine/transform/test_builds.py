"""The folders of builds: no more than somebody needs, none taken from who is at work there."""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from vitrine.errors import NotPublishedError, VitrineError
from vitrine.installation import Installation
from vitrine.interval import QUARTER_HOUR, Interval, parse_instant
from vitrine.paths import Paths
from vitrine.settings import REPOSITORY
from vitrine.transform import builds, dbt, publication

START = parse_instant("2026-03-01")
QUARTERS = list(Interval(START, START + 16 * QUARTER_HOUR).split(QUARTER_HOUR))
FIRST, SECOND, *OTHERS = QUARTERS


@pytest.fixture
def build(installation, build_file):
    """Begin a build as a task does, and leave what dbt and the gate leave at the end."""

    def begun(interval: Interval) -> Path:
        dbt.begin(installation, "intraday", interval)
        file = build_file("intraday", interval)
        for name in ("dbt/target/run/a.sql", "dbt/logs/dbt.log", "spill/of_the_gate.tmp"):
            (file.parent / name).parent.mkdir(parents=True, exist_ok=True)
            (file.parent / name).write_text(name)
        return file

    return begun


def publish(installation: Installation, interval: Interval) -> Path:
    return publication.publish_build(installation, "intraday", interval)


def files(paths: Paths, root: Path | None = None) -> list[str]:
    return sorted(
        str(file.relative_to(paths.staging / "warehouse"))
        for file in (paths.staging / "warehouse").rglob("*")
        if file.is_file() and file.name != ".lock"
    )


def test_a_published_build_leaves_its_log_and_what_it_was_made_from(installation, build):
    folder = build(FIRST).parent.name
    publish(installation, FIRST)
    left = ("dbt/logs/dbt.log", "increment.json", "progress.json")
    assert files(installation.paths) == [f"{folder}/{name}" for name in left]


def test_many_quarters_leave_no_more_files_in_the_home_than_some(installation, build):
    """Every third fails its gate, and is never published."""
    counts = []
    for number, quarter in enumerate(QUARTERS):
        build(quarter)
        if number % 3:
            publish(installation, quarter)
        counts.append(sum(file.is_file() for file in installation.paths.home.rglob("*")))
    assert max(counts[:8]) == max(counts[8:])
    waiting = list((installation.paths.staging / "warehouse").rglob("*.duckdb"))
    assert len(waiting) <= builds.OTHERS_AT_WORK + 1
    logs = list((installation.paths.staging / "warehouse").rglob("dbt.log"))
    assert len(logs) - len(waiting) <= installation.settings.keep_versions


def test_a_build_goes_on_beside_those_of_another_dag(installation, build):
    """The pool lets tasks of two runs alternate: the older build waits while others come and go."""
    build(QUARTERS[-1])
    for quarter in OTHERS[:8]:
        build(quarter)
        publish(installation, quarter)
    assert publish(installation, QUARTERS[-1]).exists()


def test_a_build_that_others_took_the_place_of_says_so(installation, build):
    for quarter in QUARTERS[:4]:
        build(quarter)
    with pytest.raises(NotPublishedError, match="later ones took its place; `vitrine build` makes"):
        publish(installation, FIRST)
    with pytest.raises(NotPublishedError, match="later ones took its place; run `vitrine build"):
        dbt.build_layers(installation, "intraday", FIRST, "marts")
    assert publish(installation, QUARTERS[3]).exists()


def test_a_second_publish_gives_the_same_version_and_leaves_the_log(installation, build):
    build(FIRST)
    first, left = publish(installation, FIRST), files(installation.paths)
    assert publish(installation, FIRST) == first
    assert files(installation.paths) == left


def test_the_builds_of_the_other_database_stay(installation, build, build_file):
    daily = build_file("daily", FIRST)
    for quarter in QUARTERS[:4]:
        build(quarter)
    assert daily.exists()


def _hold(folder: Path, line: Connection) -> None:
    with builds.held(folder):
        line.send("held")
        line.poll(60)


@pytest.fixture
def at_work(installation, build, monkeypatch):
    """Another process at work on the first build."""
    monkeypatch.syspath_prepend(REPOSITORY)  # fresh processes inherit it, and find this module
    folder = build(FIRST).parent
    context = multiprocessing.get_context("spawn")
    line, their_end = context.Pipe()
    process = context.Process(target=_hold, args=(folder, their_end), daemon=True)
    process.start()
    assert line.poll(60)
    assert line.recv() == "held"
    yield process
    process.kill()
    process.join(60)


def test_a_build_that_a_process_is_at_work_on_stays_for_as_long(installation, build, at_work):
    for quarter in OTHERS[:4]:
        build(quarter)
    assert installation.paths.build_file("intraday", FIRST).exists()
    at_work.kill()
    at_work.join()
    build(OTHERS[4])
    assert not installation.paths.build_file("intraday", FIRST).exists()


def test_nobody_builds_or_publishes_what_another_process_is_at_work_on(installation, at_work):
    with pytest.raises(VitrineError, match="another process is at work on the build"):
        publish(installation, FIRST)
    with pytest.raises(VitrineError, match="another process is at work on the build"):
        dbt.build_layers(installation, "intraday", FIRST)
    assert installation.paths.build_file("intraday", FIRST).exists()

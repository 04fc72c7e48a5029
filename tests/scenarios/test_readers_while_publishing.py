"""Eight readers ask without an error while twenty versions are published under their hands."""

import multiprocessing
import time
from multiprocessing.sharedctypes import SynchronizedArray
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import pytest

from tests.conftest import REPOSITORY
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, parse_instant
from vitrine.settings import load_settings
from vitrine.transform import dbt, publication
from vitrine.warehouse import connect

READERS, PUBLICATIONS, ROWS = 8, 20, 5_000
TABLES = ("marts.fct_orders", "features.customers", "features.build_info")
PATIENCE_S = 120.0


def publish_version(installation: Installation, number: int) -> None:
    """Build a file whose every row holds its number, and publish it as a build of that day."""
    interval = Interval(parse_instant("2026-03-01"), parse_instant("2026-03-01") + number * DAY)
    file = installation.paths.build_file("daily", interval)
    file.parent.mkdir(parents=True)
    with duckdb.connect(str(file)) as connection:
        for table in TABLES:
            rows = 1 if table.endswith("build_info") else ROWS
            connection.execute(f"create schema if not exists {table.partition('.')[0]}")
            connection.execute(
                f"create table {table} as select {number} as version,"
                " ?::timestamptz as interval_start_at, ?::timestamptz as data_end_at"
                f" from range({rows})",
                [interval.start, interval.end],
            )
    dbt.note_progress(file.parent, dbt.LAYERS[-1], is_ended=True)
    publication.publish_build(installation, "daily", interval)


def opened(installation: Installation, number: int) -> duckdb.DuckDBPyConnection:
    """Open the warehouse as our own commands do, or as an analyst's tool: by the public name."""
    if number % 2:
        return connect(installation.paths, ("daily",))
    return duckdb.connect(str(installation.paths.warehouse / "daily.duckdb"), read_only=True)


def versions_seen(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, int, int]]:
    """Ask each table by a query of its own; return table, version and count of each version."""
    return {
        (table, version, count)
        for table in TABLES
        for version, count in connection.execute(
            f"select version, count(*) from {table} group by version"
        ).fetchall()
    }


def read(home: Path, number: int, done: SynchronizedArray, is_over: Event, seen: list) -> None:
    """Open, ask and close until it is over; leave every version seen, or what went wrong."""
    installation = Installation(load_settings({"VITRINE_HOME": str(home)}))
    try:
        while not is_over.is_set():
            with opened(installation, number) as connection:
                answers = versions_seen(connection)
            ((version,),) = [{version for _, version, _ in answers}]
            counts = {table: count for table, _, count in answers}
            assert counts == dict(zip(TABLES, (ROWS, ROWS, 1), strict=True)), counts
            seen.append((number, version))
            done[number] += 1
    except BaseException as error:
        seen.append((number, f"{type(error).__name__}: {error}"))
        raise


def await_a_read_by_each(readers: list, done: SynchronizedArray) -> None:
    """Wait until each reader, while it lives, has read once more."""
    before, deadline = done[:], time.monotonic() + PATIENCE_S
    while any(r.is_alive() and done[n] == before[n] for n, r in enumerate(readers)):
        assert time.monotonic() < deadline, "a reader hangs"
        time.sleep(0.01)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(load_settings({"VITRINE_HOME": str(tmp_path / "home")}))


def test_readers_never_see_an_error_or_half_a_version(installation, monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY)  # fresh processes inherit it, and find this module
    publish_version(installation, 1)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        seen, is_over = manager.list(), context.Event()
        done = context.Array("q", READERS)
        readers = [
            context.Process(target=read, args=(installation.paths.home, n, done, is_over, seen))
            for n in range(READERS)
        ]
        for reader in readers:
            reader.start()
        try:
            for number in range(2, PUBLICATIONS + 2):
                await_a_read_by_each(readers, done)
                publish_version(installation, number)
            await_a_read_by_each(readers, done)
        finally:
            is_over.set()
            for reader in readers:
                reader.join(PATIENCE_S)
        answers = list(seen)
    assert [text for _, text in answers if isinstance(text, str)] == []
    for number in range(READERS):
        versions = [version for reader, version in answers if reader == number]
        assert versions == sorted(versions), "a reader went back to an older version"
        assert len(set(versions)) > PUBLICATIONS / 2
    kept = installation.settings.keep_versions
    assert len(list((installation.paths.warehouse / "versions").iterdir())) == kept

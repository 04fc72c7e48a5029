"""Readers open what is published, under the names that its functions resolve."""

from pathlib import Path

import duckdb
import pytest

from vitrine import publish, warehouse
from vitrine.errors import NotPublishedError
from vitrine.paths import Paths


@pytest.fixture
def published(paths: Paths, tmp_path: Path) -> Paths:
    for database in warehouse.DATABASES:
        file = tmp_path / f"{database}.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.execute("create schema marts")
            connection.execute("create schema features")
            connection.execute(f"create table marts.only_{database} as select 7 as seven")
            connection.execute(
                f"create macro {database}.features.asked(spine) as table"
                f" select * from query_table(spine) cross join {database}.marts.only_{database}"
            )
        publish.publish_file(file, paths.warehouse, "20260302T0000")
    return paths


def test_a_reader_calls_functions_of_both_databases_with_its_own_spine(published):
    with warehouse.connect(published) as connection:
        connection.execute("create temp table spine as select 1 as one")
        for database in warehouse.DATABASES:
            rows = connection.execute(f"from {database}.features.asked('spine')").fetchall()
            assert rows == [(1, 7)]


def test_marts_need_no_schema(published):
    with warehouse.connect(published) as connection:
        assert connection.execute("from only_intraday").fetchall() == [(7,)]


def test_instants_are_shown_in_utc_and_nothing_can_be_written(published):
    with warehouse.connect(published, ("daily",)) as connection:
        assert connection.execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            connection.execute("drop table daily.marts.only_daily")


def test_what_was_never_published_is_said(paths):
    with pytest.raises(NotPublishedError, match="daily warehouse is not published yet"):
        warehouse.connect(paths)

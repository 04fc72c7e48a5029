"""Hand-made DuckDB files with the one table that publishing reads."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.settings import Settings
from vitrine.transform import dbt


@pytest.fixture
def installation(settings: Settings) -> Installation:
    return Installation(settings)


@pytest.fixture
def build_file(installation) -> Callable[[str, Interval], Path]:
    """Write what a finished build leaves: a file that says how far its data goes."""

    def write(database: str, interval: Interval) -> Path:
        file = installation.paths.build_file(database, interval)
        file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(file)) as connection:
            connection.execute("create schema features")
            connection.execute("create schema marts")
            connection.execute(
                "create table features.build_info as"
                " select ?::timestamptz as interval_start_at, ?::timestamptz as data_end_at",
                [interval.start, interval.end],
            )
            connection.execute("create table marts.dim_days as select range as day from range(50)")
        dbt.note_progress(file.parent, dbt.LAYERS[-1], is_ended=True)
        return file

    return write

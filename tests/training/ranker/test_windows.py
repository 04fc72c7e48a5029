"""Windows that end before the days beside them, or begin too late, are refused."""

import duckdb
import pytest

from training.ranker.features import Catalogue, FeatureReader
from vitrine.errors import BadArgumentError
from vitrine.interval import parse_instant


@pytest.fixture
def reader():
    """A reader of days until March 16 and windows until March 15."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for database, end in (("daily", "2026-03-16"), ("intraday", "2026-03-15")):
            connection.execute(f"attach ':memory:' as {database}")
            connection.execute(f"create schema {database}.features")
            connection.execute(
                f"create table {database}.features.build_info as select"
                " timestamptz '2026-03-01' as data_start_at,"
                " timestamptz '2026-03-05' as exact_from_at,"
                f" timestamptz '{end}' as data_end_at, 180 as day_features_delay_minutes"
            )
        yield FeatureReader(connection, Catalogue.load())


def test_windows_that_end_before_the_days_are_refused_with_what_to_type(reader):
    typed = "campaign_performance --start 2026-03-15T00:00:00Z --end 2026-03-16T00:00:00Z"
    with pytest.raises(BadArgumentError, match=typed):
        reader.require_covered(parse_instant("2026-03-16T03:30"))


def test_an_earlier_instant_needs_no_newer_windows(reader):
    reader.require_covered(parse_instant("2026-03-15"))


def test_an_instant_whose_windows_are_not_kept_is_refused_with_what_to_set(reader):
    reader.require_covered(parse_instant("2026-03-05"))
    with pytest.raises(BadArgumentError, match="VITRINE_INTRADAY_HISTORY_DAYS"):
        reader.require_covered(parse_instant("2026-03-04T23:59"))


def test_examples_begin_where_the_windows_answer(reader):
    assert reader.build_info().exact_from == parse_instant("2026-03-05")

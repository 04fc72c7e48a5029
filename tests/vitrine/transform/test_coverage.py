"""A warehouse is built from whole tables only."""

import pytest
from click.testing import CliRunner

from vitrine import contracts, deltas, lake
from vitrine.errors import GateError
from vitrine.installation import Installation
from vitrine.interval import DAY, QUARTER_HOUR, Interval, parse_instant
from vitrine.transform import commands
from vitrine.transform.coverage import require_whole

HISTORY = Interval.parse("2026-03-01", "2026-03-05")
MORNING = Interval.parse("2026-03-05", "2026-03-05T06:00")


def land(installation, intervals, without=()):
    """Write empty files: a day that landed empty is there."""
    paths, intervals = installation.paths, list(intervals)
    tables = [(paths.lake, contracts.table(name)) for name in installation.shop.provides]
    if "orders" in installation.shop.provides:
        tables += [(paths.deltas, table) for table in deltas.TABLES.values()]
    for root, table in tables:
        for interval in intervals:
            if (table.name, interval.start) not in without:
                lake.write_partition(root, table.name, interval, table.empty())


def test_nothing_is_built_from_nothing(installation):
    typed = "backfill daily_features --start … --end 2026-03-05T00:00:00Z"
    with pytest.raises(GateError, match=f"daily was not built: .* holds nothing .*{typed}"):
        require_whole(installation, "daily", HISTORY.end)


@pytest.mark.parametrize("database", ["daily", "intraday"])
def test_nothing_is_built_before_the_first_data(installation, database):
    land(installation, HISTORY.split(DAY))
    with pytest.raises(GateError, match="first data are of 2026-03-01T00:00:00Z: give an --end"):
        require_whole(installation, database, HISTORY.start)


@pytest.mark.parametrize("database", ["daily", "intraday"])
def test_nothing_is_built_after_the_last_data(installation, database):
    land(installation, HISTORY.split(DAY))
    typed = "--start 2026-03-05T00:00:00Z --end 2026-03-08T00:00:00Z"
    with pytest.raises(GateError, match=f"{database} was not built: .* missing.*{typed}"):
        require_whole(installation, database, parse_instant("2026-03-08"))


def test_whole_history_may_be_built_whenever_it_began(installation):
    land(installation, HISTORY.split(DAY))
    require_whole(installation, "daily", HISTORY.end)
    require_whole(installation, "intraday", HISTORY.end)


@pytest.mark.parametrize(
    ("table", "database", "dag"),
    [
        ("orders", "daily", "daily_features"),
        ("user_sector_days", "daily", "daily_features"),
        ("campaign_windows", "intraday", "campaign_performance"),
    ],
)
def test_a_missing_day_is_named_with_what_to_type(installation, table, database, dag):
    land(installation, HISTORY.split(DAY), without={(table, parse_instant("2026-03-03"))})
    typed = f"backfill {dag} --start 2026-03-03T00:00:00Z --end 2026-03-04T00:00:00Z"
    with pytest.raises(GateError, match=f"{table} .*2026-03-03.*{typed}"):
        require_whole(installation, database, HISTORY.end)


def test_windows_are_held_to_the_quarter_and_days_to_the_day(installation):
    land(installation, HISTORY.split(DAY))
    gap = parse_instant("2026-03-05T03:15")
    land(installation, MORNING.split(QUARTER_HOUR), without={("campaign_windows", gap)})
    require_whole(installation, "daily", HISTORY.end)
    require_whole(installation, "intraday", gap)
    typed = "--start 2026-03-05T00:00:00Z --end 2026-03-05T06:00:00Z"
    with pytest.raises(GateError, match=f"2026-03-05T03:15:00Z, 2026-03-05T03:30.*{typed}"):
        require_whole(installation, "intraday", MORNING.end)


def test_a_shop_without_orders_has_no_deltas_to_miss(settings):
    catalogue = Installation(settings.model_copy(update={"source": "fashion_products"}))
    land(catalogue, HISTORY.split(DAY))
    require_whole(catalogue, "daily", HISTORY.end)


def test_the_build_is_refused_before_its_first_layer(installation, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(installation.settings.home))
    land(installation, [Interval.of_day(HISTORY.start.date())])
    typed = ["daily", "--layer", "staging", "--start", "2026-03-01", "--end", "2026-03-03"]
    with pytest.raises(GateError, match="daily was not built"):
        CliRunner().invoke(commands.build, typed, catch_exceptions=False)
    assert not installation.paths.staging.exists()

import pytest

from vitrine import deltas, lake
from vitrine.contracts import TABLES
from vitrine.errors import BadArgumentError, MachineError
from vitrine.installation import Installation
from vitrine.interval import DAY, QUARTER_HOUR, Interval
from vitrine.operations import backfill
from vitrine.paths import interval_stamp

STRETCH = Interval.parse("2026-03-01", "2026-03-04")


@pytest.fixture
def installation(settings):
    return Installation(settings)


def fill(installation, dag="daily_features", leave_out=()):
    """Write the empty partitions that a backfill of the stretch should leave."""
    paths = installation.paths
    owned = [(paths.lake, TABLES[name]) for name in installation.shop.provides]
    made = [table for name in backfill.DATABASES[dag] for table in deltas.BY_DATABASE[name]]
    owned += [(paths.deltas, table) for table in made]
    for root, table in owned:
        for day in STRETCH.split(DAY):
            if (table.name, day.start.day) not in leave_out:
                lake.write_partition(root, table.name, day, table.empty())


def test_what_is_there_is_not_missing(installation):
    fill(installation)
    assert list(backfill.missing(installation, "daily_features", STRETCH)) == []


def test_each_missing_partition_is_named(installation):
    fill(installation, leave_out={("orders", 2), ("product_days", 3)})
    missing = [str(m) for m in backfill.missing(installation, "daily_features", STRETCH)]
    assert missing == [
        "orders [2026-03-02T00:00:00Z, 2026-03-03T00:00:00Z)",
        "product_days [2026-03-03T00:00:00Z, 2026-03-04T00:00:00Z)",
    ]


def test_nothing_at_all_is_missing_as_a_whole(installation):
    missing = list(backfill.missing(installation, "campaign_performance", STRETCH))
    assert {m.interval for m in missing} == {STRETCH}
    assert "campaign_windows" in {m.table for m in missing}


def test_days_are_run_one_by_one(installation):
    assert len(backfill.intervals(installation, "daily_features", STRETCH)) == 3
    assert backfill.intervals(installation, "history_load", STRETCH) == [STRETCH]


@pytest.mark.parametrize("dag", ["train_ranker", "nightly_email_lists", "no_such_dag"])
def test_a_dag_without_partitions_is_refused(installation, dag):
    with pytest.raises(BadArgumentError, match=rf"'{dag}' .*backfills: history_load"):
        backfill.run(installation, dag, STRETCH)


def test_without_airflow_it_says_what_to_type(installation):
    with pytest.raises(MachineError, match="type: make up"):
        backfill.run(installation, "daily_features", STRETCH)


@pytest.fixture
def closing_shop(settings):
    """A shop that delivers whole days, closed on March 2."""
    for day in ("2026-03-01", "2026-03-03"):
        (settings.landing / f"{day}.csv").touch()
    return Installation(settings.model_copy(update={"source": "online_retail"}))


def test_a_closed_day_is_a_run_too_so_that_it_lands_empty(closing_shop):
    pieces = backfill.intervals(closing_shop, "campaign_performance", STRETCH)
    assert pieces == list(STRETCH.split(DAY))


def test_quarters_are_run_one_by_one_except_on_a_day_that_lacks_one(installation):
    hour = Interval.parse("2026-03-01T23:00", "2026-03-02")
    folder = installation.paths.landing / "orders"
    folder.mkdir()
    first, *others = hour.split(QUARTER_HOUR)
    for quarter in others:
        (folder / f"{interval_stamp(quarter)}.csv.gz").touch()
    stretch = Interval(others[0].start, hour.end)
    assert backfill.intervals(installation, "campaign_performance", stretch) == others
    assert backfill.intervals(installation, "campaign_performance", hour) == [hour]
    (folder / f"{interval_stamp(first)}.csv.gz").touch()
    assert len(backfill.intervals(installation, "campaign_performance", hour)) == 4


@pytest.mark.parametrize("dag", ["daily_features", "history_load"])
def test_a_part_of_a_day_is_refused_before_airflow_is_asked(installation, dag):
    with pytest.raises(BadArgumentError, match="whole UTC days"):
        backfill.run(installation, dag, Interval.parse("2026-03-01", "2026-03-02T06:00"))

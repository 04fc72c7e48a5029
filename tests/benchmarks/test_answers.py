"""Vitrine, plain DuckDB and plain Polars give the same answers: a test of all three.

A tiny retailer is landed and added up in this process; the warehouses' features are compared by
`make bench-features` itself, which needs minutes.
"""

from datetime import timedelta

import duckdb
import pytest

from benchmarks import duckdb_peer, polars_peer
from benchmarks.comparison import compare
from benchmarks.question import ANSWERS, KEYS, Question
from benchmarks.vitrine_answers import copy_answer
from vitrine import contracts, deltas, lake
from vitrine.interval import DAY, QUARTER_HOUR, Interval, parse_instant
from vitrine.landing.land import land
from vitrine.paths import Paths
from vitrine.settings import load_settings
from vitrine.sources import source

FOUNDED = parse_instant("2024-09-01")
HISTORY = Interval(FOUNDED, FOUNDED + 4 * DAY)
MORNING = Interval(HISTORY.end, HISTORY.end + timedelta(hours=2))
QUARTER = Interval(MORNING.end - QUARTER_HOUR, MORNING.end)


@pytest.fixture(scope="session")
def shop(spark, tmp_path_factory) -> Paths:
    """A retailer's home with lake and deltas: four days, then two hours of quarters."""
    from spark_jobs import campaign_windows, days
    from spark_jobs.session import Job

    root = tmp_path_factory.mktemp("retailer")
    settings = load_settings(
        {"VITRINE_HOME": str(root / "home"), "VITRINE_LANDING": str(root / "landing")}
    )
    paths = Paths.of(settings)
    _simulate(paths)
    for name, tables in (("lake", contracts.TABLES), ("deltas", deltas.TABLES)):
        for table in tables.values():
            lake.ensure_table(getattr(paths, name), table.name, table.schema)
    for interval in (HISTORY, MORNING):
        list(land(source("flash_sale"), settings, paths, interval))
        campaign_windows.run(spark, Job(paths, interval, intraday_history_days=120))
    days.run(spark, Job(paths, HISTORY, intraday_history_days=120))
    return paths


def _simulate(paths: Paths) -> None:
    from vitrine.simulator.retailer.shop import Retailer
    from vitrine.simulator.retailer.writing import write_interval

    sessions_from = FOUNDED.date() + timedelta(days=2)
    retailer = Retailer(7, 3_000, FOUNDED.date(), sessions_from)
    write_interval(retailer, paths.landing, HISTORY, DAY)
    write_interval(retailer, paths.landing, MORNING, QUARTER_HOUR)


def question(paths, phase, asked) -> Question:
    is_lake = phase == "deltas"
    root = paths.lake if is_lake else paths.landing
    return Question(phase, "lake" if is_lake else "raw", root, asked, FOUNDED)


@pytest.mark.parametrize(
    ("phase", "asked", "tables"),
    [
        ("history", HISTORY, ("user_days", "product_days", "campaign_windows")),
        ("deltas", HISTORY, ("user_days", "product_days", "campaign_windows")),
        ("day", Interval(HISTORY.end - DAY, HISTORY.end), ("user_days", "product_days")),
        ("quarter", QUARTER, ("campaign_windows",)),
    ],
)
def test_all_three_agree(shop, tmp_path, monkeypatch, phase, asked, tables):
    asks = question(shop, phase, asked)
    duckdb_peer.answer(asks, tmp_path / "duckdb")
    polars_peer.answer(asks, tmp_path / "polars")
    monkeypatch.setitem(ANSWERS, phase, tables)  # without the warehouses' features
    copy_answer(shop, asks, tmp_path / "vitrine")
    for peer in ("duckdb", "polars"):
        for found in compare(tmp_path / "vitrine", tmp_path / peer, tables):
            assert found.rows > 0, found
            assert found.different == 0, f"{peer}: {found}"


@pytest.mark.parametrize(("phase", "asked"), [("history", HISTORY), ("quarter", QUARTER)])
def test_the_peers_agree_on_features(shop, tmp_path, phase, asked):
    asks = question(shop, phase, asked)
    duckdb_peer.answer(asks, tmp_path / "duckdb")
    polars_peer.answer(asks, tmp_path / "polars")
    for found in compare(tmp_path / "duckdb", tmp_path / "polars", ANSWERS[phase]):
        assert found.rows > 0, found
        assert found.different == 0, str(found)


def test_a_cent_a_row_and_a_null_make_answers_differ(tmp_path):
    def written(name, rows):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "campaigns.parquet"
        duckdb.execute(f"copy (from (values {rows}) as t(campaign_id, n, eur)) to '{file}'")
        return tmp_path / name

    ours = written("ours", "('a', 1, 1.00::double), ('b', 2, 2.0)")
    assert KEYS["campaigns"] == ("campaign_id",)
    for name, rows, count in (
        ("same", "('a', 1, 1.001::double), ('b', 2, 2.0)", 0),
        ("cent", "('a', 1, 1.01::double), ('b', 2, 2.0)", 1),
        ("null", "('a', null, 1.00::double), ('b', 2, 2.0)", 1),
        ("lacks", "('a', 1, 1.00::double)", 1),
        ("more", "('a', 1, 1.00::double), ('b', 2, 2.0), ('c', 3, 3.0)", 1),
        ("nothing", "('a', 1, null::double), ('b', 2, 2.0)", 1),
    ):
        (found,) = compare(ours, written(name, rows), ("campaigns",))
        assert found.different == count, name

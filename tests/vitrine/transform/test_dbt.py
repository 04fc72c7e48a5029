"""A layer is built in private; a model or test that fails stops it and is named."""

import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner

from vitrine import contracts, deltas, lake, runlog
from vitrine.errors import NotPublishedError, StageSkipped, VitrineError
from vitrine.interval import Interval, parse_instant
from vitrine.transform import commands, dbt

DAY = Interval.parse("2026-03-01", "2026-03-02")
DATES = ["--start", "2026-03-01", "--end", "2026-03-02"]


def land_orders(installation, ids: list[str]) -> None:
    instant = parse_instant("2026-03-01T10:00:00Z")
    row = {"line": 1, "product_id": "p", "campaign_id": "k", "quantity": 1, "unit_price": 9.5}
    row |= {"channel": "web", "kind": "sale", "occurred_at": instant, "received_at": instant}
    rows = contracts.table("orders").conform(
        pa.Table.from_pylist([row | {"order_id": id_} for id_ in ids])
    )
    lake.write_partition(installation.paths.lake, "orders", DAY, rows)


def land_campaign(installation) -> None:
    instant = parse_instant("2026-03-01T09:00:00Z")
    row: dict[str, object] = {
        "campaign_id": "k",
        "brand": "acme",
        "business_type": "flash_sale",
        "sector": "shoes",
    }
    row |= {"sub_sector": "boots", "country": "FR", "timezone": "Europe/Paris"}
    row |= {"opens_at": instant, "closes_at": None, "received_at": instant}
    rows = contracts.table("campaigns").conform(pa.Table.from_pylist([row]))
    lake.write_partition(installation.paths.lake, "campaigns", DAY, rows)


@pytest.fixture
def home(installation, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(installation.settings.home))
    return installation


def test_a_layer_is_built_and_the_next_one_on_it_whatever_is_half_written(home):
    land_orders(home, ["a", "b"])
    land_campaign(home)
    lake.write_partition(
        home.paths.deltas, "campaign_windows", DAY, deltas.TABLES["campaign_windows"].empty()
    )
    folder = home.paths.partition(home.paths.lake, "campaigns", DAY.start.date())
    (folder / ".tmp-1-half-written.parquet").write_text("half")
    for layer in ("staging", "intermediate"):
        result = CliRunner().invoke(
            commands.build, ["intraday", "--layer", layer, *DATES], catch_exceptions=False
        )
        assert result.exit_code == 0
        assert f"intraday {layer}: " in result.output
    (first, second) = runlog.read_runs(home.paths)
    assert first["figures"]["begins"].startswith("it begins anew: no version is published")
    assert second["figures"]["test_count"] > 0
    assert first["figures"]["rows_in"] == 1
    assert second["figures"]["rows_out"] == 1
    assert home.paths.build_file("intraday", DAY).exists()


def test_a_shop_without_orders_skips_the_intraday_warehouse(home, monkeypatch):
    monkeypatch.setenv("VITRINE_SOURCE", "fashion_products")
    with pytest.raises(StageSkipped, match="fashion_products provides no orders"):
        CliRunner().invoke(
            commands.build, ["intraday", "--layer", "staging", *DATES], catch_exceptions=False
        )
    (run,) = runlog.read_runs(home.paths)
    assert run["outcome"] == "skipped"


def test_a_failed_test_is_named_with_the_log(home):
    land_orders(home, ["a", "a"])
    dbt.build_layers(home, "daily", DAY, "staging")
    with pytest.raises(VitrineError, match=r"unique_key_int_order_lines.*full log is .*dbt\.log"):
        dbt.build_layers(home, "daily", DAY, "intermediate")


def test_a_layer_needs_the_ones_below(home):
    with pytest.raises(NotPublishedError, match="--layer staging"):
        dbt.build_layers(home, "daily", DAY, "marts")
    dbt.build_layers(home, "intraday", DAY, "staging")
    with pytest.raises(NotPublishedError, match="--layer intermediate"):
        dbt.build_layers(home, "intraday", DAY, "features")


def test_a_layer_that_was_begun_is_built_again_from_the_beginning(home):
    """Rows are only added: a killed task's retry must not add to what it left half built."""
    land_orders(home, ["a", "b"])
    for layer in ("staging", "intermediate", "intermediate"):
        dbt.build_layers(home, "daily", DAY, layer)
    with duckdb.connect(str(home.paths.build_file("daily", DAY)), read_only=True) as connection:
        lines = connection.execute("select count(*) from intermediate.int_order_lines").fetchall()
    assert lines == [(2,)]

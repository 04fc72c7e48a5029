import gzip
from datetime import date, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from tests.vitrine.simulator.retailer.conftest import SMALL, SMALL_DAYS
from vitrine.contracts import TABLES
from vitrine.interval import DAY, QUARTER_HOUR, Interval
from vitrine.simulator.raw_format import COLUMNS
from vitrine.simulator.retailer import writing
from vitrine.simulator.retailer.shop import Retailer
from vitrine.simulator.retailer.writing import REACH_DAYS, write_interval
from vitrine.sources.flash_sale import SOURCE

LAST = ("2024-10-13", "2024-10-14")


def write(
    folder: Path, *ends: tuple[str, str], every: timedelta = DAY, shop: Retailer = SMALL
) -> dict[str, str]:
    for start, end in ends:
        write_interval(shop, folder, Interval.parse(start, end), every)
    return hashes(folder)


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.csv.gz"))
    }


def lines(folder: Path, table: str, day: str = "") -> list[str]:
    """Return a table's raw lines in the order of receipt, headers left out."""
    texts = [
        gzip.decompress(path.read_bytes()).decode()
        for path in sorted((folder / table).glob(f"{day}*.csv.gz"))
    ]
    return [line for text in texts for line in text.splitlines()[1:]]


def rows(folder: Path, table: str) -> pd.DataFrame:
    """Return a table's rows; those that are spoilt are left out."""
    names = [name for name, _ in COLUMNS[table]]
    text = [line.split(",") for line in lines(folder, table)]
    frame = pd.DataFrame([row for row in text if len(row) == len(names)], columns=names)
    for name in names:
        if name.endswith("_at"):
            frame[name] = pd.to_datetime(frame[name], errors="coerce", utc=True)
    return frame.replace("", None).drop_duplicates(list(TABLES[table].key))


def test_the_same_arguments_give_the_same_bytes(written, tmp_path):
    write_interval(SMALL, tmp_path, SMALL_DAYS)
    assert hashes(tmp_path) == hashes(written)


def test_another_seed_gives_other_bytes(written, tmp_path):
    shop = Retailer(8, SMALL.customer_count, SMALL.founded_on, SMALL.sessions_from)
    other = write(tmp_path, LAST, shop=shop)
    assert all(other[f] != hashes(written)[f] for f in other if f.startswith(("orders", "events")))


def test_one_more_day_is_the_day_of_a_longer_run_without_the_days_before(written, tmp_path):
    assert (SMALL_DAYS.days()[-1] - SMALL.founded_on).days > REACH_DAYS
    alone = write(tmp_path, LAST)
    assert len(alone) == len(COLUMNS)
    assert alone.items() <= hashes(written).items()


def test_a_shorter_run_wrote_the_same_days(written, tmp_path):
    assert write(tmp_path, ("2024-09-01", "2024-09-05")).items() <= hashes(written).items()


def test_two_processes_write_the_same_bytes(written, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "LEAST_WORK_FOR_TWO", 0)
    seen: list[date] = []
    write_interval(SMALL, tmp_path, SMALL_DAYS, progress=seen.append, processes=2)
    assert hashes(tmp_path) == hashes(written)
    assert sorted(seen) == SMALL_DAYS.days()


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_spans_cover_the_interval_without_gap_or_overlap(processes, monkeypatch):
    monkeypatch.setattr(writing, "LEAST_WORK_FOR_TWO", 0)
    interval = Interval.parse("2024-09-01T06:00", "2024-10-14T03:00")
    spans = writing._spans(SMALL, interval, processes)
    assert spans[0].start == interval.start
    assert spans[-1].end == interval.end
    assert all(a.end == b.start for a, b in pairwise(spans))


def test_quarters_hold_the_rows_of_the_day_in_the_same_order(written, tmp_path):
    day = Interval.parse(*LAST)
    write(tmp_path, LAST, every=QUARTER_HOUR)
    assert len(SOURCE.drops(tmp_path, day)) == 96
    for table in COLUMNS:
        assert lines(tmp_path, table) == lines(written, table, "20241013")


def test_one_quarter_is_the_quarter_of_the_day(tmp_path):
    noon = ("2024-10-13T12:00", "2024-10-13T12:15")
    alone = write(tmp_path / "alone", noon)
    day = write(tmp_path / "day", LAST, every=QUARTER_HOUR)
    assert alone.items() <= day.items()


def test_text_is_made_a_batch_at_a_time_and_gives_the_same_rows(written, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "BATCH", 100)
    sizes = []
    made = writing.csv_bytes

    def watched(text, **options):
        sizes.append(text.num_rows)
        return made(text, **options)

    monkeypatch.setattr(writing, "csv_bytes", watched)
    write(tmp_path, LAST)
    assert max(sizes) == 100
    assert lines(tmp_path, "events") == lines(written, "events", "20241013")


def test_every_table_has_a_file_for_each_day(written):
    files = hashes(written)
    for table in COLUMNS:
        assert sum(name.startswith(f"{table}/") for name in files) == len(SMALL_DAYS.days())


def test_visits_begin_on_their_day(written):
    events = rows(written, "events")
    assert events["occurred_at"].min().date() == SMALL.sessions_from
    assert not lines(written, "events", "20240919")


def test_rows_fit_together(written):
    tables = {name: rows(written, name) for name in TABLES if name != "product_images"}
    customers, products = tables["customers"], tables["products"]
    assert customers["customer_id"].is_unique
    assert len(customers) == SMALL.customers_by(len(SMALL_DAYS.days()) - 1)
    assert len(products) == SMALL.products_by(len(SMALL_DAYS.days()) - 1)
    for name in ("orders", "events", "email_events", "consents"):
        assert tables[name]["customer_id"].dropna().isin(customers["customer_id"]).all()
    for name in ("orders", "events", "stock_levels", "campaign_products"):
        assert tables[name]["product_id"].dropna().isin(products["product_id"]).all()
    campaigns = tables["campaigns"]
    assert set(campaigns["campaign_id"]) == set(products["product_id"])
    assert campaigns["closes_at"].isna().all()
    assert campaigns["country"].eq("ZZ").all()
    orders = tables["orders"]
    assert orders["campaign_id"].eq(orders["product_id"]).all()
    known = orders.merge(customers[["customer_id", "signed_up_at"]], on="customer_id")
    assert (known["occurred_at"] >= known["signed_up_at"]).mean() > 0.999


def test_prices_are_announced_when_they_change(written):
    prices = rows(written, "campaign_products")
    orders = rows(written, "orders").query("kind == 'sale'")
    orders = orders[orders["unit_price"].str.fullmatch(r"[0-9.]+", na=False)]
    assert prices.groupby("product_id").size().max() > 1
    announced = pd.merge_asof(
        orders.sort_values("occurred_at"),
        prices[["product_id", "price", "received_at"]].sort_values("received_at"),
        left_on="occurred_at",
        right_on="received_at",
        by="product_id",
    )
    paid = announced["unit_price"].astype(float) / announced["price"].astype(float)
    assert (paid.between(0.999, 1.001) | paid.between(0.89, 0.91)).all()


def test_the_landing_folder_holds_nothing_but_the_raw_tables(written):
    assert {path.name for path in written.iterdir()} == set(COLUMNS)
    assert {path.name.removesuffix("csv.gz")[-1] for path in written.rglob("*.gz")} == {"."}

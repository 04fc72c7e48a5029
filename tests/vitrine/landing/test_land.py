"""Landing real drop files of both shops into an empty home."""

import gzip
import hashlib
import itertools
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.errors import BadInputError, StageSkipped
from vitrine.interval import DAY, Interval
from vitrine.landing.commands import land as land_command
from vitrine.landing.land import land
from vitrine.paths import Paths
from vitrine.settings import Settings, load_settings
from vitrine.sources import Batch, Drop, Source
from vitrine.sources.flash_sale import SOURCE as FLASH_SALE
from vitrine.sources.online_retail import HEADER, SOURCE, OnlineRetail

WEEK = Interval.parse("2011-06-01", "2011-06-08")
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
EVENT = (
    "event_id,customer_id,session_id,kind,campaign_id,product_id,position,device,"
    "occurred_at,received_at"
)


def home_of(folder: Path, landing: Path) -> tuple[Settings, Paths]:
    settings = load_settings({"VITRINE_HOME": str(folder), "VITRINE_LANDING": str(landing)})
    return settings, Paths.of(settings)


def land_all(shop: Source, folder: Path, landing: Path, *intervals: Interval) -> Paths:
    settings, paths = home_of(folder, landing)
    for interval in intervals:
        list(land(shop, settings, paths, interval))
    return paths


def hashes(home: Path) -> dict[str, str]:
    return {
        file.relative_to(home).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(home.rglob("*"))
        if file.is_file()
    }


def quarantined(paths: Paths) -> list[tuple]:
    files = sorted(paths.quarantine.rglob("*.parquet"))
    rows = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
    return [(row["file"], row["row"], row["table"], row["reason"]) for row in rows]


def sale(day: int, invoice: str = "540001", code: str = "85123A", at: str = "") -> str:
    when = at or f"2011-06-{day:02d} 10:00:00"
    return f"{invoice},{code},CREAM HEART,6,{when},2.55,17850.0,France"


@pytest.fixture
def shop_week(tmp_path: Path) -> Path:
    """Three trading days: a dirty one, one that repeats a line of it, one after a closed day."""
    landing = tmp_path / "landing"
    landing.mkdir()
    days = {
        1: [sale(1), sale(1), sale(1, code="POST"), sale(1, invoice="540002")],
        2: [sale(2, invoice="540002"), sale(2, invoice="540003"), "540004,short"],
        4: [sale(4, invoice="540005", at="2011-06-01 10:00:00"), sale(4, invoice="540006")],
    }
    for day, lines in days.items():
        text = "\n".join([",".join(HEADER), *lines]) + "\n"
        (landing / f"2011-06-{day:02d}.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return landing


def test_every_row_is_in_the_lake_or_in_quarantine(tmp_path, shop_week):
    paths = land_all(SOURCE, tmp_path / "home", shop_week, WEEK)
    assert lake.read(paths.lake, "orders", WEEK)["order_id"].to_pylist() == [
        "540001",
        "540002",
        "540003",
        "540006",
    ]
    assert quarantined(paths) == [
        ("2011-06-01.csv.gz", 2, "orders", "duplicate_line"),
        ("2011-06-01.csv.gz", 3, "orders", "not_a_product"),
        ("2011-06-02.csv.gz", 1, "orders", "duplicate"),
        ("2011-06-02.csv.gz", 3, "orders", "malformed"),
        ("2011-06-04.csv.gz", 1, "orders", "too_late"),
    ]
    entries = [json.loads(file.read_text()) for file in sorted(paths.books.iterdir())]
    assert len(entries) == 7
    assert [
        (f["row_count"], f["accepted_count"], sum(q["row_count"] for q in f["quarantined"]))
        for entry in entries
        for f in entry["files"]
    ] == [(4, 2, 2), (3, 1, 2), (2, 1, 1)]


def test_every_day_is_covered_and_every_table_can_be_scanned(tmp_path, shop_week):
    paths = land_all(SOURCE, tmp_path / "home", shop_week, WEEK)
    for name, table in TABLES.items():
        assert lake.read(paths.lake, name, WEEK).schema.equals(table.schema)
        covered = lake.covered_days(paths.lake, name, WEEK)
        assert covered == (WEEK.days() if name in SOURCE.provides else [])


def test_landing_again_or_in_any_order_gives_the_same_bytes(tmp_path, shop_week):
    expected = hashes(land_all(SOURCE, tmp_path / "once", shop_week, WEEK, WEEK).home)
    days = list(WEEK.split(DAY))
    for number, order in enumerate(itertools.permutations(days[:4])):
        if number % 8 == 7:
            home = land_all(SOURCE, tmp_path / str(number), shop_week, *days[4:], *order).home
            assert hashes(home) == expected


def test_a_truncated_drop_is_refused_and_leaves_nothing(tmp_path, shop_week):
    file = shop_week / "2011-06-02.csv.gz"
    file.write_bytes(file.read_bytes()[:-12])
    settings, paths = home_of(tmp_path / "home", shop_week)
    with pytest.raises(BadInputError, match=r"2011-06-02.csv.gz is not a whole gzip file"):
        list(land(SOURCE, settings, paths, WEEK))
    assert [day.day for day in lake.days(paths.lake, "orders")] == [1]
    assert [file.name for file in paths.books.iterdir()] == ["20110601T0000-20110602T0000.json"]


def test_a_drop_after_an_unreadable_one_is_not_landed(tmp_path, shop_week):
    """Which of its rows came before cannot be known."""
    (shop_week / "2011-06-01.csv.gz").write_bytes(b"")
    with pytest.raises(BadInputError, match=r"2011-06-01.csv.gz"):
        land_all(SOURCE, tmp_path / "home", shop_week, Interval.parse("2011-06-02", "2011-06-03"))


def test_a_day_that_was_repaired_replaces_what_it_gave_before(tmp_path, shop_week):
    land_all(SOURCE, tmp_path / "home", shop_week, WEEK)
    text = "\n".join([",".join(HEADER), sale(1, invoice="549999")]) + "\n"
    (shop_week / "2011-06-01.csv.gz").write_bytes(gzip.compress(text.encode()))
    paths = land_all(SOURCE, tmp_path / "home", shop_week, WEEK)
    assert lake.read(paths.lake, "orders", WEEK)["order_id"].to_pylist()[:2] == ["549999", "540002"]


class Misdated(OnlineRetail):
    """A faulty source module: it gives rows that were received the day before."""

    def read(self, landing: Path, drop: Drop) -> Batch:
        batch = super().read(landing, drop)
        orders = batch.tables["orders"]
        place = orders.schema.get_field_index("received_at")
        yesterday = pa.array(
            [drop.interval.start - DAY] * orders.num_rows, pa.timestamp("us", "UTC")
        )
        batch.tables["orders"] = orders.set_column(place, "received_at", yesterday)
        return batch


def test_rows_from_outside_their_drop_are_a_fault_of_the_source(tmp_path, shop_week):
    with pytest.raises(ValueError, match="received outside"):
        land_all(Misdated(), tmp_path / "home", shop_week, WEEK)
    assert not (tmp_path / "home" / "books").exists()


def event(name: str, received: datetime, age: timedelta = timedelta(0)) -> str:
    return f"{name},,s1,search,,,,phone,{(received - age).isoformat()},{received.isoformat()}"


def drop_events(landing: Path, start: datetime, length: timedelta, *rows: str) -> None:
    folder = landing / "events"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{start:%Y%m%dT%H%M}-{start + length:%Y%m%dT%H%M}.csv.gz"
    file.write_bytes(gzip.compress("\n".join([EVENT, *rows, ""]).encode(), mtime=0))


def test_shifts_one_by_one_or_in_one_day_give_the_same_bytes(tmp_path):
    landing, shift = tmp_path / "landing", DAY / 4
    for n in range(3):
        at = FIRST + n * shift
        drop_events(landing, at, shift, event("again", at), event(f"e{n}", at))
    day = Interval(FIRST, FIRST + DAY)
    whole = land_all(FLASH_SALE, tmp_path / "whole", landing, day)
    assert lake.read(whole.lake, "events", day)["event_id"].to_pylist() == [
        "again",
        "e0",
        "e1",
        "e2",
    ]
    assert lake.covered_days(whole.lake, "events", day) == day.days()
    pieces = list(Interval(FIRST, FIRST + 3 * shift).split(shift))
    parts = land_all(FLASH_SALE, tmp_path / "parts", landing, *reversed(pieces))
    assert hashes(parts.home).items() <= hashes(whole.home).items()
    assert len(lake.files(parts.lake, "events", day)) == 3


def test_a_shift_that_came_after_all_replaces_its_gap(tmp_path):
    landing, shift, day = tmp_path / "landing", DAY / 4, Interval(FIRST, FIRST + DAY)
    drop_events(landing, FIRST, shift, event("early", FIRST))
    land_all(FLASH_SALE, tmp_path / "home", landing, day)
    noon = FIRST + DAY / 2
    drop_events(landing, noon, shift, event("noon", noon))
    paths = land_all(FLASH_SALE, tmp_path / "home", landing, Interval(noon, noon + shift))
    assert lake.read(paths.lake, "events", day)["event_id"].to_pylist() == ["early", "noon"]


def read_counts(monkeypatch) -> Counter:
    """Count how often each drop's raw files are parsed from now on."""
    counts: Counter[Interval] = Counter()
    parse = type(FLASH_SALE).read

    def counting(self, landing: Path, drop: Drop) -> Batch:
        counts[drop.interval] += 1
        return parse(self, landing, drop)

    monkeypatch.setattr(type(FLASH_SALE), "read", counting)
    return counts


def test_the_look_back_reads_keys_and_no_raw_file_again(tmp_path, monkeypatch):
    landing, hour = tmp_path / "landing", DAY / 24
    pieces = list(Interval(FIRST, FIRST + 5 * hour).split(hour))
    for piece in pieces:
        drop_events(landing, piece.start, hour, event("again", piece.start))
    land_all(FLASH_SALE, tmp_path / "home", landing, *pieces[:4])
    counts = read_counts(monkeypatch)
    paths = land_all(FLASH_SALE, tmp_path / "home", landing, pieces[4])
    assert counts == {pieces[4]: 1}
    assert lake.read(paths.lake, "events", pieces[4]).num_rows == 0


def test_keys_of_a_raw_file_that_changed_are_read_anew(tmp_path, monkeypatch):
    landing = tmp_path / "landing"
    days = [Interval(FIRST, FIRST + DAY), Interval(FIRST + DAY, FIRST + 2 * DAY)]
    for day in days:
        drop_events(landing, day.start, DAY, event("again", day.start))
    paths = land_all(FLASH_SALE, tmp_path / "home", landing, *days)
    assert lake.read(paths.lake, "events", days[1]).num_rows == 0
    drop_events(landing, FIRST, DAY, event("other", FIRST))
    counts = read_counts(monkeypatch)
    land_all(FLASH_SALE, tmp_path / "home", landing, days[1])
    assert lake.read(paths.lake, "events", days[1])["event_id"].to_pylist() == ["again"]
    assert counts == {days[0]: 1, days[1]: 1}


def test_drops_landed_side_by_side_give_the_same_bytes(tmp_path):
    landing = tmp_path / "landing"
    days = list(Interval(FIRST, FIRST + 17 * DAY).split(DAY))
    for n, day in enumerate(days):
        drop_events(landing, day.start, DAY, event(f"e{n // 2}", day.start), "torn")
    stretch = Interval(FIRST, FIRST + 18 * DAY)
    alone = land_all(FLASH_SALE, tmp_path / "alone", landing, stretch)
    settings, paths = home_of(tmp_path / "together", landing)
    together = settings.model_copy(update={"landing_processes": 2})
    said: list[tuple[int, int]] = []
    books = list(land(FLASH_SALE, together, paths, stretch, lambda *of: said.append(of)))
    assert said == [(n, 17) for n in range(1, 18)]
    assert [entry.interval for entry in books] == list(stretch.split(DAY))
    assert sum(entry.accepted_count for entry in books) == 9
    assert hashes(paths.home) == hashes(alone.home)


def test_a_killed_landing_leaves_whole_drops_and_can_be_repeated(tmp_path):
    landing = tmp_path / "landing"
    days = list(Interval(FIRST, FIRST + 6 * DAY).split(DAY))
    for day in days:
        rows = [event(f"{day.start:%d}-{n}", day.start) for n in range(300)]
        drop_events(landing, day.start, DAY, *rows)
    stretch = Interval(FIRST, days[-1].end)
    expected = hashes(land_all(FLASH_SALE, tmp_path / "once", landing, stretch).home)
    for kill_after_s in (0.05, 0.15, 0.3, 0.5):
        process = get_context("fork").Process(
            target=land_all, args=(FLASH_SALE, tmp_path / "killed", landing, stretch)
        )
        process.start()
        process.join(kill_after_s)
        process.kill()
        process.join()
        left = {
            name: digest
            for name, digest in hashes(tmp_path / "killed").items()
            if not Path(name).name.startswith(".tmp-")
        }
        assert left.items() <= expected.items()
    paths = land_all(FLASH_SALE, tmp_path / "killed", landing, stretch)
    assert hashes(paths.home) == expected


rows_of_drops = st.lists(
    st.tuples(
        st.integers(0, 2),  # day of receipt
        st.integers(0, 4),  # event
        st.integers(0, 23),  # hour of receipt
        st.integers(20, 28),  # age in hours
    ),
    max_size=14,
)


def reference(rows: list[tuple], day: int) -> tuple[list[str], Counter]:
    """Decide row by row, with the raw rows of this drop and of the one before."""
    seen = {name for other, name, _, _ in rows if other == day - 1}
    accepted, reasons = [], Counter[str]()
    for _, name, _, age in (row for row in rows if row[0] == day):
        if name in seen:
            reasons["duplicate"] += 1
        elif age > 24:
            reasons["too_late"] += 1
        else:
            accepted.append(f"e{name}")
        seen.add(name)
    return accepted, reasons


@hypothesis_settings(max_examples=8, deadline=None)
@given(rows=rows_of_drops, order=st.permutations(range(3)))
def test_duplicates_and_late_rows_agree_with_a_slow_loop_in_any_order(
    tmp_path_factory, rows, order
):
    folder = tmp_path_factory.mktemp("shop")
    starts = [FIRST + DAY * n for n in range(3)]
    for day, start in enumerate(starts):
        texts = [
            event(f"e{name}", start + timedelta(hours=hour), timedelta(hours=age))
            for other, name, hour, age in rows
            if other == day
        ]
        drop_events(folder / "landing", start, DAY, *texts)
    days = [Interval(start, start + DAY) for start in starts]
    settings, paths = home_of(folder / "home", folder / "landing")
    for n in order:
        (books,) = land(FLASH_SALE, settings, paths, days[n])
        accepted, reasons = reference(rows, n)
        assert lake.read(paths.lake, "events", days[n])["event_id"].to_pylist() == accepted
        assert books.quarantined == reasons
        assert books.row_count == books.accepted_count + reasons.total()


def run_command(monkeypatch, home: Path, landing: Path, *ends: str):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    monkeypatch.setenv("VITRINE_LANDING", str(landing))
    monkeypatch.setenv("VITRINE_SOURCE", "online_retail")
    return CliRunner().invoke(land_command, ["--start", ends[0], "--end", ends[1]])


def test_the_command_reports_the_books_and_leaves_a_record(tmp_path, shop_week, monkeypatch):
    done = run_command(monkeypatch, tmp_path / "home", shop_week, "2011-06-01", "2011-06-08")
    assert done.exit_code == 0
    assert "landed 3 drops" in done.output
    assert "9 rows in, 4 accepted, 5 quarantined" in done.output
    assert "1  too_late" in done.output
    (record,) = (tmp_path / "home" / "runs").iterdir()
    figures = json.loads(record.read_text())["figures"]
    assert (figures["rows_in"], figures["rows_accepted"], figures["rows_quarantined"]) == (9, 4, 5)
    assert figures["drops"] == 3


def test_the_command_skips_a_quarter_of_a_daily_shop(tmp_path, shop_week, monkeypatch):
    done = run_command(
        monkeypatch, tmp_path / "home", shop_week, "2011-06-01T09:00", "2011-06-01T09:15"
    )
    assert isinstance(done.exception, StageSkipped)


@pytest.mark.real_data
def test_three_real_days_reconcile_with_the_evaluation_rule(tmp_path, real_data):
    import pandas as pd

    landing, days = real_data / "online_retail", Interval.parse("2011-10-24", "2011-10-27")
    settings, paths = home_of(tmp_path / "home", landing)
    books = list(land(SOURCE, settings, paths, days))
    raw = pd.concat([pd.read_csv(landing / f"{day}.csv.gz", dtype=str) for day in days.days()])
    assert sum(b.row_count for b in books) == len(raw)
    assert all(b.row_count == b.accepted_count + b.quarantined.total() for b in books)
    products = raw[
        raw["StockCode"].str.match(r"\d{5}")
        & (raw["Quantity"].astype(int) > 0)
        & (raw["UnitPrice"].astype(float) > 0)
        & raw["CustomerID"].notna()
    ]
    bought = set(
        zip(products["CustomerID"].str[:-2], products["StockCode"].str.upper(), strict=True)
    )
    orders = lake.read(paths.lake, "orders", days).to_pandas()
    sales = orders[(orders["kind"] == "sale") & orders["customer_id"].notna()]
    assert set(zip(sales["customer_id"], sales["product_id"], strict=True)) == bought
    assert len(bought) > 1000

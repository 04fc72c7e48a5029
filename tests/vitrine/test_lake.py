import multiprocessing
import os
import signal
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from vitrine import lake
from vitrine.errors import BadInputError
from vitrine.interval import QUARTER_HOUR, Interval

MORNING = Interval.parse("2026-03-29T00:00", "2026-03-29T09:00")
REST = Interval.parse("2026-03-29T09:00", "2026-03-30")
DAY = Interval.parse("2026-03-29", "2026-03-30")


def rows(*values: int) -> pa.Table:
    return pa.table({"x": pa.array(values, pa.int64())})


def test_writing_an_interval_again_replaces_just_its_rows(tmp_path):
    lake.write_partition(tmp_path, "t", MORNING, rows(1))
    lake.write_partition(tmp_path, "t", REST, rows(2))
    lake.write_partition(tmp_path, "t", MORNING, rows(3))
    assert lake.read(tmp_path, "t", DAY)["x"].to_pylist() == [3, 2]


def test_what_was_received_ends_with_the_newest_day_of_any_table(tmp_path):
    assert lake.received_until(tmp_path / "absent") is None
    lake.ensure_table(tmp_path, "u", rows(1).schema)
    assert lake.received_until(tmp_path) is None
    lake.write_partition(tmp_path, "t", MORNING, rows(1))
    lake.write_partition(tmp_path, "u", Interval.of_day(date(2026, 3, 27)), rows(2))
    assert lake.received_until(tmp_path) == DAY.end


def test_the_same_rows_give_the_same_bytes(tmp_path):
    first = lake.write_partition(tmp_path / "a", "t", DAY, rows(1, 2)).read_bytes()
    assert lake.write_partition(tmp_path / "b", "t", DAY, rows(1, 2)).read_bytes() == first


def test_an_overlapping_drop_is_refused_and_nothing_is_lost(tmp_path):
    lake.write_partition(tmp_path, "t", MORNING, rows(1))
    with pytest.raises(BadInputError, match="overlaps"):
        lake.write_partition(tmp_path, "t", DAY, rows(9))
    assert lake.read(tmp_path, "t", DAY)["x"].to_pylist() == [1]


def test_a_drop_over_midnight_is_refused(tmp_path):
    over = Interval.parse("2026-03-29T23:00", "2026-03-30T01:00")
    with pytest.raises(BadInputError, match="midnight"):
        lake.write_partition(tmp_path, "t", over, rows(1))


def test_only_files_that_lie_within_the_interval_are_read(tmp_path):
    lake.write_partition(tmp_path, "t", MORNING, rows(1))
    lake.write_partition(tmp_path, "t", REST, rows(2))
    assert lake.read(tmp_path, "t", MORNING)["x"].to_pylist() == [1]


def test_a_table_without_files_reads_as_its_empty_self(tmp_path):
    lake.ensure_table(tmp_path, "t", rows().schema)
    assert lake.read(tmp_path, "t", DAY).num_rows == 0
    assert lake.days(tmp_path, "t") == []


def test_a_day_is_covered_when_every_instant_is_owned(tmp_path):
    lake.write_partition(tmp_path, "t", MORNING, rows(1))
    assert lake.covered_days(tmp_path, "t", DAY) == []
    lake.write_partition(tmp_path, "t", REST, rows())
    assert lake.covered_days(tmp_path, "t", DAY) == [date(2026, 3, 29)]


def test_temporary_files_are_no_part_of_the_lake(tmp_path):
    written = lake.write_partition(tmp_path, "t", DAY, rows(1))
    written.with_name(f".tmp-1-{written.name}").write_bytes(b"half")
    assert lake.files(tmp_path, "t", DAY) == [written]


QUARTERS = list(DAY.split(QUARTER_HOUR))


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = sorted(folder.rglob("*.parquet"))
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


@pytest.fixture
def quarters(tmp_path: Path) -> Path:
    """A day that came in quarters of an hour, each with its number as its one row."""
    for number, quarter in enumerate(QUARTERS):
        file = lake.write_partition(tmp_path, "t", quarter, rows(number))
        os.utime(file, ns=(number, number))
    return tmp_path


def test_a_merged_day_is_one_file_with_the_same_rows(quarters):
    assert lake.merge(quarters, "t", DAY.start.date()) == 96
    (file,) = lake.files(quarters, "t", DAY)
    assert sorted(file.parent.iterdir()) == [file]
    assert lake.read(quarters, "t", DAY)["x"].to_pylist() == list(range(96))
    assert lake.parts(file) == QUARTERS
    found = lake.find(quarters, "t", QUARTERS[5])
    assert found is not None
    assert found["x"].to_pylist() == [5]
    assert lake.covered_days(quarters, "t", DAY) == DAY.days()
    assert list(lake.uncovered(quarters, "t", QUARTERS[3])) == []
    assert file.stat().st_mtime_ns == 95
    assert lake.merge(quarters, "t", DAY.start.date()) == 0


def test_a_day_with_a_gap_is_not_merged(quarters):
    (quarters / "t" / "ds=2026-03-29" / "20260329T0015-20260329T0030.parquet").unlink()
    assert lake.merge(quarters, "t", DAY.start.date()) == 0
    assert len(lake.files(quarters, "t", DAY)) == 95


def test_a_quarter_of_a_merged_day_is_replaced_exactly(quarters):
    before = {name: content for name, (content, _) in snapshot(quarters).items()}
    lake.merge(quarters, "t", DAY.start.date())
    lake.write_partition(quarters, "t", QUARTERS[7], rows(700, 701))
    after = snapshot(quarters)
    assert len(after) == 96
    assert {n for n in before if after[n][0] != before[n]} == {
        "20260329T0145-20260329T0200.parquet"
    }
    assert sum(changed_at == 95 for _, changed_at in after.values()) == 95
    assert lake.read(quarters, "t", DAY)["x"].to_pylist()[6:10] == [6, 700, 701, 8]


def test_a_part_of_a_merged_day_is_not_passed_over(quarters):
    lake.merge(quarters, "t", DAY.start.date())
    with pytest.raises(BadInputError, match="vitrine land --start 2026-03-29T00:15:00Z"):
        lake.files(quarters, "t", QUARTERS[1])


def merge_and_cut(root: Path) -> None:
    while True:
        lake.merge(root, "t", DAY.start.date())
        lake.write_partition(root, "t", QUARTERS[0], rows(0))


def test_readers_see_each_row_once_while_days_are_merged_and_cut(quarters):
    process = multiprocessing.get_context("fork").Process(target=merge_and_cut, args=(quarters,))
    process.start()
    seen: set[int] = set()
    while len(seen) < 2 and process.is_alive():
        found = lake.files(quarters, "t", DAY)
        intervals = [lake.file_interval(file) for file in found]
        assert sum((i.end - i.start for i in intervals), start=timedelta(0)) == timedelta(days=1)
        seen.add(len(found))
    process.kill()
    process.join()
    assert seen == {1, 96}


def merge_always(root: Path) -> None:
    while True:
        lake.merge(root, "t", DAY.start.date())


def test_a_part_can_be_replaced_and_found_while_its_day_is_merged(tmp_path):
    half_days = list(DAY.split(timedelta(hours=12)))
    for number, half_day in enumerate(half_days):
        lake.write_partition(tmp_path, "t", half_day, rows(number))
    process = multiprocessing.get_context("fork").Process(target=merge_always, args=(tmp_path,))
    process.start()
    try:
        for number in range(100):
            lake.write_partition(tmp_path, "t", half_days[0], rows(number))
            for half_day, expected in zip(half_days, (number, 1), strict=True):
                found = lake.find(tmp_path, "t", half_day)
                assert found is not None
                assert found["x"].to_pylist() == [expected]
    finally:
        process.kill()
        process.join()
    assert lake.read(tmp_path, "t", DAY)["x"].to_pylist() == [99, 1]


def test_nobody_is_told_to_remove_a_merged_day(quarters):
    hour = Interval(QUARTERS[0].start, QUARTERS[3].end)
    with pytest.raises(BadInputError, match="or remove that file first"):
        lake.write_partition(quarters, "t", hour, rows(1))
    lake.merge(quarters, "t", DAY.start.date())
    with pytest.raises(BadInputError, match=r"the same drops as before$"):
        lake.write_partition(quarters, "t", hour, rows(1))


def test_a_killed_merge_loses_and_doubles_nothing(quarters):
    for wait_s in (0.02, 0.1, 0.3):
        process = multiprocessing.get_context("fork").Process(
            target=merge_and_cut, args=(quarters,)
        )
        process.start()
        process.join(wait_s)
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert lake.read(quarters, "t", DAY)["x"].to_pylist() == list(range(96))
    lake.write_partition(quarters, "t", QUARTERS[0], rows(0))
    lake.merge(quarters, "t", DAY.start.date())
    assert len(list((quarters / "t").rglob("*.parquet"))) == 1

from datetime import date

import pyarrow as pa
import pytest

from vitrine import lake
from vitrine.errors import BadInputError
from vitrine.interval import Interval

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

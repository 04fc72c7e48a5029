from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest

from vitrine.interval import DAY, QUARTER_HOUR, Interval
from vitrine.simulator.raw_format import COLUMNS
from vitrine.simulator.shop import Shop
from vitrine.simulator.writing import write_interval
from vitrine.sources.flash_sale import SOURCE

SHOP = Shop.of_size(3, 150, date(2026, 3, 27))
WHOLE = ("2026-03-27", "2026-03-30")


def write(
    folder: Path, *ends: tuple[str, str], every: timedelta = DAY, shop: Shop = SHOP
) -> dict[str, str]:
    """Write intervals one after the other; return each file's hash."""
    for start, end in ends:
        interval = Interval.parse(start, end)
        write_interval(shop, folder / "landing", folder / "truth", interval, every)
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("straight")
    return folder, write(folder, WHOLE)


def test_the_same_arguments_give_the_same_bytes(straight, tmp_path):
    assert write(tmp_path, WHOLE) == straight[1]


def test_another_seed_gives_other_bytes(straight, tmp_path):
    other = write(tmp_path, WHOLE, shop=Shop.of_size(4, 150, SHOP.founded_on))
    same = [name for name in straight[1] if other.get(name) == straight[1][name]]
    assert not [name for name in same if "/events/" in name or "/images/" in name]


def test_an_interval_written_in_two_parts_is_the_interval(straight, tmp_path):
    parts = ("2026-03-27", "2026-03-29"), ("2026-03-29", "2026-03-30")
    assert write(tmp_path, *parts) == straight[1]


def test_the_later_part_does_not_need_the_earlier_files(straight, tmp_path):
    later = write(tmp_path, ("2026-03-29", "2026-03-30"))
    drops = {name: hash_ for name, hash_ in straight[1].items() if "20260329T0000-" in name}
    assert drops
    assert drops.items() <= later.items()
    assert not [name for name in later if "20260328T0000-" in name]


@pytest.mark.parametrize("days", [1, 3])
def test_when_campaigns_are_announced_changes_what_is_known_and_nothing_that_happens(
    straight, tmp_path, days
):
    other = write(tmp_path, WHOLE, shop=replace(SHOP, announced_days=days))
    happened = {"orders", "events", "stock_levels", "email_events", "customers", "tastes"}
    for name in straight[1].keys() | other.keys():
        if happened & {*name.split("/")}:
            assert other[name] == straight[1][name]
    drop = "landing/campaigns/20260327T0000-20260328T0000.csv.gz"
    assert other[drop] != straight[1][drop]


NOON = ("2026-03-28", "2026-03-28T12:00"), ("2026-03-28T12:00", "2026-03-29")


@pytest.mark.parametrize(
    ("ends", "every", "count"),
    [((("2026-03-28", "2026-03-29"),), QUARTER_HOUR, 96), (NOON, DAY, 2)],
)
def test_parts_of_a_day_hold_the_same_rows_in_the_same_order_as_the_day(
    straight, tmp_path, ends, every, count
):
    day = Interval.parse("2026-03-28", "2026-03-29")
    write(tmp_path, *ends, every=every)
    [whole] = SOURCE.drops(straight[0] / "landing", day)
    expected = SOURCE.read(straight[0] / "landing", whole).tables
    drops = SOURCE.drops(tmp_path / "landing", day)
    assert len(drops) == count
    parts = [SOURCE.read(tmp_path / "landing", drop).tables for drop in drops]
    for table in COLUMNS:
        rows = [row for part in parts for row in unplaced(part[table])]
        assert rows == unplaced(expected[table])
    assert expected["events"].num_rows > 50


def unplaced(rows: pa.Table) -> list[dict]:
    return rows.drop_columns(["_file", "_row"]).to_pylist()


def test_a_part_of_a_day_is_one_drop(tmp_path):
    names = write(tmp_path, ("2026-03-27T06:00", "2026-03-27T07:30"))
    assert "landing/events/20260327T0600-20260327T0730.csv.gz" in names


def test_every_table_has_a_file_for_each_day(straight):
    for table in COLUMNS:
        assert len([n for n in straight[1] if n.startswith(f"landing/{table}/")]) == 3
    assert [n for n in straight[1] if n.startswith("landing/images/")]

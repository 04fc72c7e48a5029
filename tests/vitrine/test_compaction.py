"""A day that came in shifts, landed, merged, landed again in part."""

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from expectations import landed
from tests.vitrine.landing.test_land import FIRST, drop_events, event, hashes, land_all, read_counts
from vitrine import compaction, deltas, lake
from vitrine.installation import Installation
from vitrine.interval import DAY, QUARTER_HOUR, Interval
from vitrine.landing.commands import compact
from vitrine.paths import Paths
from vitrine.sources.flash_sale import SOURCE

DAY_ONE = Interval(FIRST, FIRST + DAY)
SHIFT = DAY / 8
SHIFTS = list(DAY_ONE.split(SHIFT))
KEPT = ("lake", "quarantine", "keys", "books")


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Installation:
    """A home with a landed day whose shifts repeat one event."""
    landing, home = tmp_path / "landing", tmp_path / "home"
    for shift in SHIFTS:
        at = shift.start
        drop_events(landing, at, SHIFT, event("again", at), event(f"e{at:%H%M}", at))
    land_all(SOURCE, home, landing, DAY_ONE)
    monkeypatch.setenv("VITRINE_HOME", str(home))
    monkeypatch.setenv("VITRINE_LANDING", str(landing))
    return Installation.load()


def run_compact(*days: str):
    return CliRunner().invoke(compact, ["--start", days[0], "--end", days[1]])


def kept(home: Path) -> dict[str, str]:
    return {name: digest for name, digest in hashes(home).items() if name.split("/")[0] in KEPT}


def test_a_compacted_day_is_one_file_a_table_with_the_same_rows(shop):
    paths = shop.paths
    before = lake.read(paths.lake, "events", DAY_ONE)
    done = run_compact("2026-03-01", "2026-03-02")
    assert "112 files of 1 days became 14" in done.output
    per_folder = Counter(file.parent for file in paths.home.rglob("ds=2026-03-01/*"))
    assert set(per_folder.values()) == {1}
    files = [
        file for name in KEPT for file in (paths.home / name).rglob("*2026*") if file.is_file()
    ]
    assert len(files) <= 14 + len(SHIFTS)
    assert lake.read(paths.lake, "events", DAY_ONE).equals(before)
    assert "0 files of 0 days became 0" in run_compact("2026-03-01", "2026-03-02").output


def test_a_shift_that_is_landed_again_leaves_what_was_there_before_compaction(shop):
    before = kept(shop.paths.home)
    run_compact("2026-03-01", "2026-03-02")
    land_all(SOURCE, shop.paths.home, shop.paths.landing, SHIFTS[3])
    assert kept(shop.paths.home) == before


def test_a_shift_that_was_repaired_replaces_its_rows_alone(shop):
    run_compact("2026-03-01", "2026-03-02")
    at = SHIFTS[3].start
    drop_events(shop.paths.landing, at, SHIFT, event("repaired", at))
    land_all(SOURCE, shop.paths.home, shop.paths.landing, SHIFTS[3])
    ids = lake.read(shop.paths.lake, "events", DAY_ONE)["event_id"].to_pylist()
    expected = ["again", *(f"e{shift.start:%H%M}" for shift in SHIFTS)]
    expected[expected.index("e0900")] = "repaired"
    assert ids == expected


def test_the_look_back_knows_the_keys_of_a_compacted_day(shop, monkeypatch):
    run_compact("2026-03-01", "2026-03-02")
    drop_events(shop.paths.landing, DAY_ONE.end, SHIFT, event("again", DAY_ONE.end))
    next_shift = Interval(DAY_ONE.end, DAY_ONE.end + SHIFT)
    counts = read_counts(monkeypatch)
    land_all(SOURCE, shop.paths.home, shop.paths.landing, next_shift)
    assert counts == {next_shift: 1}
    assert lake.read(shop.paths.lake, "events", next_shift).num_rows == 0


def test_the_gate_still_finds_every_drop_of_a_compacted_day(shop):
    run_compact("2026-03-01", "2026-03-02")
    drops = landed._drops(shop, DAY_ONE)
    assert len(drops) == 8
    assert drops["is_in_lake"].all()


def test_a_day_that_was_cut_again_is_merged_by_one_of_the_week_after(shop):
    run_compact("2026-03-01", "2026-03-02")
    before = kept(shop.paths.home)
    land_all(SOURCE, shop.paths.home, shop.paths.landing, SHIFTS[3])
    assert "0 files" in run_compact("2026-03-09", "2026-03-10").output
    assert "112 files of 1 days became 14" in run_compact("2026-03-08", "2026-03-09").output
    assert kept(shop.paths.home) == before


def test_a_day_of_quarters_leaves_at_most_two_files_a_quarter_in_the_whole_home(tmp_path):
    landing, home = tmp_path / "landing", tmp_path / "home"
    quarters = list(DAY_ONE.split(QUARTER_HOUR))
    for quarter in quarters:
        drop_events(landing, quarter.start, QUARTER_HOUR, event("again", quarter.start))
    paths = land_all(SOURCE, home, landing, DAY_ONE)
    for table in deltas.TABLES.values():
        for quarter in quarters:
            lake.write_partition(paths.deltas, table.name, quarter, table.empty())
    assert len(owned_files(paths)) > 1500
    list(compaction.compact(paths, DAY_ONE))
    assert len(owned_files(paths)) <= 2 * len(quarters)


def owned_files(paths: Paths) -> list[Path]:
    """The files of all folders that stages fill drop by drop; those without a day excepted."""
    roots = (paths.lake, paths.deltas, paths.keys, paths.quarantine, paths.books)
    found = (file for root in roots for file in root.rglob("*") if file.is_file())
    return [file for file in found if file.stem != "empty"]

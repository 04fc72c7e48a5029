"""A disk that fills up during a write: the last good version stays, and the error is one line.

Where mounting is permitted the disk is a small one in memory; elsewhere the system refuses to let
a file grow. Either way a real write fails in the middle of a real file.
"""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from spark_jobs.commands import submit
from tests.spark_jobs.conftest import Shop
from tests.vitrine.landing.test_land import FIRST, drop_events, event
from vitrine import lake, runlog
from vitrine.errors import MachineError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval
from vitrine.landing.commands import land
from vitrine.paths import Paths
from vitrine.publish import current_version, new_version, publish_file
from vitrine.transform import dbt, operations, publication

ROOM = 400_000
LITTLE = 4096
A_DAY = Interval(FIRST, FIRST + DAY)


def noise(count: int) -> pa.Table:
    """Rows that no compression makes smaller."""
    return pa.table({"x": np.random.default_rng(7).integers(0, 2**62, count)})


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder in which less than a megabyte can be written."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not is_mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, limits[1]))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    if is_mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, room: int = 0) -> Path:
    """Leave no more than `room` bytes there, or a few; return the file that takes the rest."""
    filler = disk / "filler"
    if not disk.is_mount():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room or LITTLE, resource.RLIM_INFINITY))
        return filler
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * LITTLE)
    os.truncate(filler, filler.stat().st_size - room)
    return filler


def make_room(filler: Path) -> None:
    """Undo what `fill` did."""
    if not filler.parent.is_mount():
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))
    filler.unlink(missing_ok=True)


def test_a_partition_that_does_not_fit_leaves_the_one_before(disk):
    kept = lake.write_partition(disk, "t", A_DAY, noise(1000))
    before = kept.read_bytes()
    with pytest.raises(MachineError, match=r"was not written: .*make room") as error:
        lake.write_partition(disk, "t", A_DAY, noise(100_000))
    assert str(kept) in str(error.value)
    assert "\n" not in str(error.value)
    assert kept.read_bytes() == before
    assert list(kept.parent.iterdir()) == [kept]


def test_a_version_that_does_not_fit_is_never_seen(disk):
    with new_version(disk, "good") as folder:
        (folder / "x").write_bytes(b"good")
    with pytest.raises(MachineError, match="make room"), new_version(disk, "large") as folder:
        (folder / "x").write_bytes(b"x" * 10 * ROOM)
    assert (current_version(disk) / "x").read_bytes() == b"good"
    assert [version.name for version in (disk / "versions").iterdir()] == ["good"]


def test_a_day_that_cannot_be_merged_or_cut_stays_readable(disk):
    halves = list(A_DAY.split(timedelta(hours=12)))
    for half in halves:
        lake.write_partition(disk, "t", half, noise(1000))
    before = lake.read(disk, "t", A_DAY)
    filler = fill(disk)
    with pytest.raises(MachineError, match="make room"):
        lake.merge(disk, "t", FIRST.date())
    assert lake.read(disk, "t", A_DAY).equals(before)
    make_room(filler)
    assert lake.merge(disk, "t", FIRST.date()) == 2
    filler = fill(disk)
    with pytest.raises(MachineError, match="make room"):
        lake.write_partition(disk, "t", halves[0], noise(2000))
    assert lake.read(disk, "t", A_DAY).equals(before)
    make_room(filler)
    lake.write_partition(disk, "t", halves[0], noise(2000))
    assert lake.read(disk, "t", A_DAY).num_rows == 3000


def test_a_build_that_cannot_be_checkpointed_says_so_in_one_line(disk):
    file = disk / "x.duckdb"
    with duckdb.connect(str(file), config={"checkpoint_threshold": "1GB"}) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown")
        connection.execute("create table t as select hash(range) as x from range(1000)")
    fill(disk)
    with pytest.raises(MachineError, match=r"x.duckdb was not written: .*make room"):
        publication._checkpoint(file)


def test_publishing_a_file_needs_no_room(disk):
    for name in ("good", "better"):
        (disk / name).mkdir()
        (disk / name / "x.bin").write_text(name)
    fill(disk)
    for name in ("good", "better"):
        publish_file(disk / name / "x.bin", disk / "root", name)
        assert (disk / "root" / "x.bin").read_text() == name


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A file that is too large for the disk; asked for before the disk fills up."""
    file = tmp_path / "base.duckdb"
    file.write_bytes(b"x" * 2 * ROOM)
    return file


def test_a_base_that_cannot_be_copied_leaves_no_half_of_it(base, disk):
    with pytest.raises(MachineError, match=r"copy.duckdb was not written.*make room"):
        dbt._copy(base, disk / "copy.duckdb")
    assert list(disk.iterdir()) == []


def test_a_build_that_does_not_fit_says_so_in_one_line(disk, tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(disk / "home"))
    installation = Installation.load()
    dbt.begin(installation, "daily", A_DAY)
    folder = installation.paths.build_file("daily", A_DAY).parent
    (tmp_path / "dbt").mkdir()
    (folder / "dbt").symlink_to(tmp_path / "dbt")
    fill(disk, room=4 * LITTLE)
    with pytest.raises(MachineError, match=r"was not written: .*make room") as error:
        dbt.build(installation, "daily", "path:models/daily/staging", A_DAY)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_spark_job_that_does_not_fit_says_so_in_one_line(disk, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(disk / "home"))
    monkeypatch.setenv("VITRINE_SPARK_MASTER", "local[1]")
    Shop(Installation.load().paths)
    fill(disk)
    with pytest.raises(MachineError, match=r"was not written: .*make room") as error:
        submit(Installation.load().settings, "days", A_DAY)
    assert "\n" not in str(error.value)


def test_a_run_whose_record_does_not_fit_ends_as_it_did(disk, capsys):
    paths = Paths(landing=disk, home=disk / "home")
    fill(disk)
    with runlog.record(paths, "publish daily", A_DAY) as run:
        run.note(what="x" * LITTLE)
    assert "warning: the run log lacks this run" in capsys.readouterr().err
    assert runlog.read_runs(paths) == []


@pytest.mark.parametrize("most_files", [0, 1000], ids=["gather", "publish"])
def test_a_table_of_runs_that_does_not_fit_is_a_warning(disk, most_files, monkeypatch, capsys):
    monkeypatch.setenv("VITRINE_HOME", str(disk / "home"))
    monkeypatch.setenv("VITRINE_LANDING", str(disk))
    paths = Installation.load().paths
    with runlog.record(paths, "land", A_DAY) as run:
        run.note(what=noise(1000)["x"].to_pandas().to_csv())
    fill(disk)
    operations.bring_up_to_date(Installation.load(), most_files)
    warning = capsys.readouterr().err
    assert "the table of the run log stays as it was" in warning
    assert len(runlog.read_runs(paths)) == 1


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A small day and one that is too large for the disk; asked for before the disk fills up."""
    ids = [f"{number:x}" for number in noise(40_000)["x"].to_pylist()]
    drop_events(tmp_path / "landing", FIRST, DAY, event("small", FIRST))
    rows = [event(name, FIRST + DAY) for name in ids]
    drop_events(tmp_path / "landing", FIRST + DAY, DAY, *rows)
    return tmp_path / "landing"


def test_a_day_that_does_not_fit_can_be_landed_once_there_is_room(landing, disk, monkeypatch):
    days = [A_DAY, Interval(FIRST + DAY, FIRST + 2 * DAY)]
    monkeypatch.setenv("VITRINE_HOME", str(disk / "home"))
    monkeypatch.setenv("VITRINE_LANDING", str(landing))
    typed = ["--start", "2026-03-01", "--end", "2026-03-03"]
    done = CliRunner().invoke(land, typed)
    assert isinstance(done.exception, MachineError)
    root = disk / "home" / "lake"
    assert lake.read(root, "events", days[0])["event_id"].to_pylist() == ["small"]
    assert lake.files(root, "events", days[1]) == []
    drop_events(landing, days[1].start, DAY, event("shorter", days[1].start))
    assert CliRunner().invoke(land, typed).exit_code == 0
    assert lake.read(root, "events", days[1])["event_id"].to_pylist() == ["shorter"]

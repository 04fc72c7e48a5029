import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from vitrine.errors import NotPublishedError
from vitrine.publish import alone, atomic_file, current_version, new_version, publish_file
from vitrine.settings import REPOSITORY

NOBODY = 2**22 + 1
"""A process id that no process of this machine can have."""


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    target = tmp_path / "table.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(target) as path:
        path.write_text("half of the new")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_readers_follow_the_link_to_the_newest_version(tmp_path):
    for version in ("a", "b"):
        with new_version(tmp_path, version) as folder:
            (folder / "x").write_text(version)
    assert (tmp_path / "current" / "x").read_text() == "b"


def test_a_version_that_fails_to_build_is_never_seen(tmp_path):
    with new_version(tmp_path, "a") as folder:
        (folder / "x").write_text("a")
    with pytest.raises(RuntimeError), new_version(tmp_path, "b") as folder:
        (folder / "x").write_text("b")
        raise RuntimeError
    assert (current_version(tmp_path) / "x").read_text() == "a"
    assert [v.name for v in (tmp_path / "versions").iterdir()] == ["a"]


def test_publishing_a_version_again_replaces_it_without_touching_open_readers(tmp_path):
    with new_version(tmp_path, "a") as folder:
        (folder / "x").write_text("first")
    held = current_version(tmp_path)
    with new_version(tmp_path, "a") as folder:
        (folder / "x").write_text("second")
    assert (held / "x").read_text() == "first"
    assert (current_version(tmp_path) / "x").read_text() == "second"


def test_only_the_last_versions_are_kept(tmp_path):
    for n in range(6):
        with new_version(tmp_path, str(n), keep=2) as folder:
            (folder / "x").write_text(str(n))
    assert sorted(v.name for v in (tmp_path / "versions").iterdir()) == ["4", "5"]


def test_nothing_published_is_said_so(tmp_path):
    with pytest.raises(NotPublishedError, match="vitrine status"):
        current_version(tmp_path)


def test_a_published_file_keeps_its_name_and_its_last_versions(tmp_path):
    root = tmp_path / "warehouse"
    for n in range(5):
        built = tmp_path / "daily.duckdb"
        built.write_text(str(n))
        publish_file(built, root, f"v{n}", keep=2)
    assert (root / "daily.duckdb").read_text() == "4"
    assert len(list((root / "versions").iterdir())) == 2


def _publish_forever(root: Path) -> None:
    n = 0
    while True:
        n += 1
        with new_version(root, f"v{n}") as folder:
            for name in "ab":
                (folder / name).write_text(str(n))


def test_a_killed_publisher_leaves_a_whole_version(tmp_path):
    with new_version(tmp_path, "first") as folder:
        for name in "ab":
            (folder / name).write_text("first")
    for _ in range(5):
        process = multiprocessing.get_context("fork").Process(
            target=_publish_forever, args=(tmp_path,)
        )
        process.start()
        assert process.pid
        process.join(0.15)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        version = current_version(tmp_path)
        assert (version / "a").read_text() == (version / "b").read_text()
    with new_version(tmp_path, "last") as folder:
        (folder / "a").write_text("whole")
    assert not list((tmp_path / "versions").glob(".tmp-*"))


def _publish_often(root: Path) -> None:
    for _ in range(15):
        with new_version(root, "same", keep=2) as folder:
            (folder / "x").write_text("whole")


def test_processes_that_publish_under_one_root_do_not_disturb_each_other(tmp_path):
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_publish_often, args=(tmp_path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert (current_version(tmp_path) / "x").read_text() == "whole"
    assert not list((tmp_path / "versions").glob(".tmp-*"))


def _write(target: Path, text: str, line: Connection) -> None:
    with atomic_file(target) as path:
        path.write_text(text)
        line.send("begun")
        line.poll(60)


def _fill(root: Path, text: str, line: Connection) -> None:
    with new_version(root, text) as folder:
        (folder / "x").write_text(text)
        line.send("begun")
        line.poll(60)


@pytest.fixture
def elsewhere(monkeypatch):
    """Start a writer in a process that shares nothing with this one but the disk."""
    monkeypatch.syspath_prepend(REPOSITORY)  # fresh processes inherit it, and find this module
    context = multiprocessing.get_context("spawn")

    def start(write: Callable[..., None], place: Path) -> tuple[BaseProcess, Connection]:
        line, their_end = context.Pipe()
        process = context.Process(target=write, args=(place, "theirs", their_end), daemon=True)
        process.start()
        assert line.poll(60)
        assert line.recv() == "begun"
        return process, line

    return start


def test_a_file_that_another_process_writes_is_left_to_it(tmp_path, elsewhere):
    """Its process id says nothing: another container counts for itself."""
    target = tmp_path / "table.txt"
    process, line = elsewhere(_write, target)
    (begun,) = tmp_path.iterdir()
    as_if_of_nobody = begun.rename(begun.with_name(f".tmp-{NOBODY}-table.txt"))
    with atomic_file(target) as path:
        path.write_text("ours")
    assert target.read_text() == "ours"
    assert as_if_of_nobody.rename(begun).read_text() == "theirs"
    line.send("end")
    process.join(60)
    assert process.exitcode == 0
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_a_version_that_another_process_fills_is_left_to_it(tmp_path, elsewhere):
    process, line = elsewhere(_fill, tmp_path)
    (begun,) = (tmp_path / "versions").iterdir()
    as_if_of_nobody = begun.rename(begun.with_name(f".tmp-{NOBODY}-theirs"))
    with new_version(tmp_path, "ours") as folder:
        (folder / "x").write_text("ours")
    assert as_if_of_nobody.rename(begun).is_dir()
    line.send("end")
    process.join(60)
    assert process.exitcode == 0
    assert (current_version(tmp_path) / "x").read_text() == "theirs"


def test_a_file_that_a_killed_process_left_goes_whatever_it_was_called(tmp_path, elsewhere):
    process, _ = elsewhere(_write, tmp_path / "x")
    process.kill()
    process.join(60)
    (left,) = tmp_path.iterdir()
    left.rename(left.with_name(f".tmp-{os.getpid()}-x"))
    with atomic_file(tmp_path / "x") as path:
        assert list(tmp_path.iterdir()) == []
        path.write_text("ours")
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_a_version_that_a_killed_process_left_goes_whatever_it_was_called(tmp_path, elsewhere):
    process, _ = elsewhere(_fill, tmp_path)
    process.kill()
    process.join(60)
    (left,) = (tmp_path / "versions").iterdir()
    left.rename(left.with_name(f".tmp-{os.getpid()}-theirs"))
    with new_version(tmp_path, "ours") as folder:
        assert list((tmp_path / "versions").iterdir()) == [folder]


def test_what_was_published_in_the_meantime_can_be_left_alone(tmp_path):
    """Who is asked right before the switch is asked alone, and sees what is current by then."""
    seen = []

    def refuse():
        seen.append(current_version(tmp_path).name)
        with pytest.raises(BlockingIOError), alone(tmp_path, is_patient=False):
            pass
        raise RuntimeError("not this one")

    with pytest.raises(RuntimeError), new_version(tmp_path, "slow", agree=refuse) as folder:
        (folder / "data").write_text("slow")
        with new_version(tmp_path, "quick") as other:
            (other / "data").write_text("quick")
    assert seen == ["quick"]
    assert (current_version(tmp_path) / "data").read_text() == "quick"
    assert [version.name for version in (tmp_path / "versions").iterdir()] == ["quick"]

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from vitrine.errors import NotPublishedError
from vitrine.publish import atomic_file, current_version, new_version, publish_file


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

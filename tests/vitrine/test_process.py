"""The operating system's counts: of this process, its children, and another one."""

import os
import resource
import subprocess
import sys

import pytest

from vitrine.process import PeakMemory, Transfer, peak_memory_bytes_of, transfer

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts bytes by process")
MB = 1_000_000


def counted(pid: int | None = None) -> Transfer:
    found = transfer() if pid is None else transfer(pid)
    assert found is not None
    return found


def added_by(work):
    before = counted()
    work()
    return counted().since(before)


@linux
def test_bytes_are_those_of_this_process(tmp_path):
    file = tmp_path / "five"
    assert 5 * MB <= added_by(lambda: file.write_bytes(bytes(5 * MB))).bytes_written < 6 * MB
    assert 5 * MB <= added_by(file.read_bytes).bytes_read < 6 * MB


@linux
def test_a_child_counts_once_it_has_ended(tmp_path):
    file = tmp_path / "five"
    code = f"open({str(file)!r}, 'wb').write(bytes(5 * 10**6))"
    moved = added_by(lambda: subprocess.run([sys.executable, "-c", code], check=True))
    assert moved.bytes_written >= 5 * MB


@linux
def test_another_process_is_asked_by_its_id():
    assert counted(os.getpid()).bytes_read <= counted().bytes_read
    of_this_process = peak_memory_bytes_of(os.getpid())
    assert of_this_process is not None
    assert 0.5 < of_this_process / PeakMemory().bytes() < 2


@linux
def test_the_peak_is_of_what_came_since():
    before = PeakMemory().bytes()
    memory = PeakMemory()
    large = bytearray(300 * MB)
    del large
    assert before + 250 * MB < memory.bytes() < before + 400 * MB
    assert PeakMemory().bytes() < before + 50 * MB


@linux
def test_a_child_counts_if_it_was_the_largest():
    def child(size):
        code = f"bytearray({size})"
        subprocess.run([sys.executable, "-c", code], check=True)

    largest_yet = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    size = max(PeakMemory().bytes(), largest_yet) + 300 * MB
    memory = PeakMemory()
    child(size)
    assert memory.bytes() > size
    memory = PeakMemory()
    child(MB)
    assert memory.bytes() < size


def test_where_nobody_counts_nothing_is_said():
    never = 2**31 - 1
    assert transfer(never) is None
    assert peak_memory_bytes_of(never) is None


def test_a_difference_is_taken_by_part():
    assert Transfer(5, 7).since(Transfer(2, 3)) == Transfer(3, 4)

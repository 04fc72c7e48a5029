"""What a command costs, and on which machine. Linux alone.

The cost is wall time, and memory and bytes of all its processes together.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import psutil

from vitrine.errors import VitrineError

SAMPLE_S = 0.2
LAST_LINES = 15
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""Each part of a benchmark of networks says itself where it takes a second thread."""


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes of a command and of every process that it started."""

    seconds: float
    peak_memory_bytes: int
    """Largest sum over the processes that ran at the same time; what they share counts once."""
    bytes_read: int
    """Asked of the system, from the disk or its cache."""
    bytes_written: int
    disk_bytes_read: int
    disk_bytes_written: int

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def run(command: list[str], environment: dict[str, str], log: Path) -> Cost:
    """Run a command to its end, its output into `log`.

    Raises
    ------
    VitrineError
        With the last lines of the log, if it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    before, begun = _moved(), time.monotonic()
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=out, stderr=subprocess.STDOUT
        )
        sampler = _Sampler(process.pid)
        sampler.start()
        try:
            code = process.wait()
        finally:
            process.kill()
            sampler.stop()
    seconds = time.monotonic() - begun
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
        raise VitrineError(f"{' '.join(command)} ended with {code}; {log} ends with:\n{tail}")
    # What a process moved is added to its parent's count when it ends: the difference is its own.
    moved = {name: count - before[name] for name, count in _moved().items()}
    return Cost(
        seconds=round(seconds, 1),
        peak_memory_bytes=sampler.peak,
        bytes_read=moved["rchar"],
        bytes_written=moved["wchar"],
        disk_bytes_read=moved["read_bytes"],
        disk_bytes_written=moved["write_bytes"],
    )


def machine() -> dict[str, float]:
    """Describe this machine: cores that may be used, and memory."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
    }


def figures(module: str, *words: object) -> dict[str, Any]:
    """Run `python -m module WORDS FILE` in a process of its own, which writes figures as JSON.

    Its seconds and the most memory it held come along as `phase_s` and `peak_memory_bytes`.

    Raises
    ------
    VitrineError
        With the last lines that it said, if it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [sys.executable, "-m", module, *map(str, words), str(out)]
        cost = run(command, ONE_THREAD, Path(folder) / "log")
        found: dict[str, Any] = json.loads(out.read_text())
    return found | {"phase_s": cost.seconds, "peak_memory_bytes": cost.peak_memory_bytes}


def device(asked: str) -> str:
    """Return where networks compute, cpu or cuda: as asked for, as far as there is a GPU."""
    import torch

    has_gpu = torch.cuda.is_available()
    if asked == "cuda" and not has_gpu:
        click.echo("torch sees no GPU here: measuring on the CPU")
    return "cuda" if has_gpu and asked != "cpu" else "cpu"


def machine_of_networks(device: str) -> dict[str, Any]:
    """Describe this machine as networks see it: its GPU if they use it, its load, and torch."""
    import torch

    gpu = torch.cuda.get_device_name() if device == "cuda" else None
    load = round(os.getloadavg()[0], 1)
    return machine() | {"gpu": gpu, "load": load, "torch": torch.__version__}


def _moved() -> dict[str, int]:
    text = Path("/proc/self/io").read_text()
    return {name: int(count) for name, count in re.findall(r"(\w+): (\d+)", text)}


class _Sampler(threading.Thread):
    """Adds up the memory of a process and its children until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE_S):
            self.peak = max(self.peak, _memory(self._pid))

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def _memory(pid: int) -> int:
    try:
        root = psutil.Process(pid)
        return sum(_shared_once(p.pid) for p in (root, *root.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def _shared_once(pid: int) -> int:
    """Return a process's share of memory: what n processes map counts an n-th for each."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0

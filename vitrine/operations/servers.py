"""Server processes on the loopback: started apart from the terminal, found again, stopped whole.

Each server leads a session and leaves a file with its process id and start time, so that a later
process under the same id is not taken for it. `stop` ends the whole session, also when its leader
is gone. What left the session (Airflow gives each task's shell its own) is known by a mark in the
environment; the mark alone would not do, since servers that rename themselves overwrite it.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from vitrine.errors import MachineError
from vitrine.publish import atomic_file

MARK = "SERVED_FROM_VITRINE_HOME"
POLL_S = 0.5
GRACE_S = 20.0


@dataclass(frozen=True)
class Server:
    """One long-lived process: what to run, and with which environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


def start(server: Server, folder: Path) -> None:
    """Start a server in a session of its own; its output goes to `<folder>/<name>.log`."""
    folder.mkdir(parents=True, exist_ok=True)
    with log_file(folder, server.name).open("ab") as log:
        process = subprocess.Popen(
            list(server.command),
            env={**server.environment, MARK: str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )
    identity = {"pid": process.pid, "started_at": psutil.Process(process.pid).create_time()}
    with atomic_file(_identity_file(folder, server.name)) as path:
        path.write_text(json.dumps(identity))


def running(folder: Path) -> dict[str, psutil.Process]:
    """Return the servers of `folder` that live, by name."""
    found = {path.stem: _identified(path) for path in _identity_files(folder)}
    return {name: process for name, process in found.items() if process is not None}


def stop(folder: Path) -> list[str]:
    """End every server of `folder` and all that they started; return the servers' names.

    First asked to, then killed after `GRACE_S` seconds. Nothing to stop is no error.
    """
    names = list(running(folder))
    for signal_number, patience_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
        deadline = time.monotonic() + patience_s
        asked: set[int] = set()
        while (left := _family(folder)) and time.monotonic() < deadline:
            _signal([p for p in left if p.pid not in asked], signal_number)
            asked |= {process.pid for process in left}
            psutil.wait_procs(left, timeout=POLL_S)
    for path in _identity_files(folder):
        path.unlink(missing_ok=True)
    return names


def wait_until(
    is_ready: Callable[[], bool], what: str, folder: Path, names: Sequence[str], patience_s: float
) -> None:
    """Wait until a condition holds.

    Raises
    ------
    MachineError
        If a server of `names` ended, or `patience_s` seconds went by; with the log's last lines.
    """
    deadline = time.monotonic() + patience_s
    while not is_ready():
        for name in sorted(set(names) - set(running(folder))):
            raise MachineError(f"{name} ended while starting:\n{last_lines(folder, name)}")
        if time.monotonic() > deadline:
            raise MachineError(
                f"{what} was not ready after {patience_s:.0f} s; see the logs in {folder}"
            )
        time.sleep(POLL_S)


def log_file(folder: Path, name: str) -> Path:
    """Return the file that a server's output goes to."""
    return folder / f"{name}.log"


def last_lines(folder: Path, name: str, count: int = 15) -> str:
    """Return the end of a server's log."""
    return "\n".join(log_file(folder, name).read_text(errors="replace").splitlines()[-count:])


def _identity_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _identity_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"))


def _identified(path: Path) -> psutil.Process | None:
    try:
        identity = json.loads(path.read_text())
        process = psutil.Process(identity["pid"])
        is_same = process.create_time() == identity["started_at"]
        return process if is_same and not _is_over(process) else None
    except (psutil.Error, FileNotFoundError):
        return None


def _family(folder: Path) -> list[psutil.Process]:
    sessions = {pid for path in _identity_files(folder) if (pid := _own_session(path))}
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid()
        and not _is_over(process)
        and (_session(process) in sessions or _has_mark(process, folder))
    ]


def _own_session(path: Path) -> int | None:
    """Return the session that a server led, unless another process has its id by now."""
    pid: int = json.loads(path.read_text())["pid"]
    try:
        is_free_or_over = _is_over(psutil.Process(pid))
    except psutil.NoSuchProcess:
        is_free_or_over = True
    return pid if is_free_or_over or _identified(path) else None


def _is_over(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def _has_mark(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(folder)
    except (psutil.Error, OSError):
        return False


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue

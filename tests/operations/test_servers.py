import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from vitrine.errors import MachineError
from vitrine.operations import servers
from vitrine.operations.servers import Server

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
# Starts a child in a session of its own and leaves it behind, as a killed server would.
LEAVE_ORPHAN = [
    sys.executable,
    "-c",
    (
        "import subprocess, sys, time;"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " start_new_session='own' in sys.argv).pid, flush=True)"
    ),
]


def server(command: list[str], name: str = "sleeper") -> Server:
    return Server(name, command, dict(os.environ))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "servers"
    folder.mkdir()
    yield folder
    servers.stop(folder)


def orphan_of(folder: Path, *arguments: str) -> psutil.Process:
    """Start a server that leaves a child behind and ends; return the child."""
    servers.start(server([*LEAVE_ORPHAN, *arguments]), folder)
    deadline = time.monotonic() + 30
    while not (text := servers.log_file(folder, "sleeper").read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while servers.running(folder):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return psutil.Process(int(text))


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_what_was_started_is_found_and_stopped(folder):
    servers.start(server(SLEEP), folder)
    process = servers.running(folder)["sleeper"]
    assert is_alive(process)
    assert servers.stop(folder) == ["sleeper"]
    assert not is_alive(process)
    assert servers.running(folder) == {}


def test_stopping_nothing_is_no_error(folder):
    assert servers.stop(folder) == []
    assert servers.stop(folder / "never") == []


@pytest.mark.parametrize("session", ["same", "own"])
def test_a_dead_servers_children_are_stopped_too(folder, session):
    child = orphan_of(folder, session)
    assert is_alive(child)
    servers.stop(folder)
    assert not is_alive(child)


def test_another_process_under_a_stale_id_is_left_alone(folder):
    innocent = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        identity = {"pid": innocent.pid, "started_at": 1.0}
        (folder / "sleeper.json").write_text(json.dumps(identity))
        assert servers.running(folder) == {}
        servers.stop(folder)
        assert innocent.poll() is None
        assert not (folder / "sleeper.json").exists()
    finally:
        innocent.kill()
        innocent.wait()


def test_a_server_of_another_home_is_left_alone(folder, tmp_path):
    other = tmp_path / "other"
    servers.start(server(SLEEP), other)
    try:
        servers.stop(folder)
        assert is_alive(servers.running(other)["sleeper"])
    finally:
        servers.stop(other)


def test_a_server_that_ends_while_starting_shows_its_log(folder):
    servers.start(server([sys.executable, "-c", "print('no such database')"]), folder)
    with pytest.raises(MachineError, match="sleeper ended while starting:\nno such database"):
        servers.wait_until(lambda: False, "it", folder, ["sleeper"], 30)


def test_one_that_ignores_the_request_is_killed(folder, monkeypatch):
    monkeypatch.setattr(servers, "GRACE_S", 1.0)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True)"
    servers.start(server([sys.executable, "-c", f"{deaf}; time.sleep(600)"]), folder)
    process = servers.running(folder)["sleeper"]
    servers.wait_until(
        lambda: bool(servers.log_file(folder, "sleeper").read_text()), "it", folder, [], 30
    )
    servers.stop(folder)
    assert not is_alive(process)

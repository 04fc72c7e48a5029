import os
import socket
import stat
import sys

import pytest

from vitrine.errors import MachineError
from vitrine.operations import machine, servers
from vitrine.paths import Paths


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK …', (17, "17.0.15")),
        ('openjdk version "21" 2023-09-19', (21, "21")),
        ('java version "1.8.0_392"', (8, "1.8.0_392")),
        ("The operation couldn’t be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_versions_of_java_are_read(text, version):
    assert machine.java_version(text) == version


def fake_java(folder, version):
    """Write a program that answers as an older Java does."""
    folder.mkdir(parents=True)
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_an_old_java_is_named_with_what_to_type(tmp_path, monkeypatch):
    fake_java(tmp_path / "jdk" / "bin", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    with pytest.raises(MachineError, match=r"found 11\.0\.2 .*needed Java 17; type: .*install"):
        machine.java()


def test_no_java_is_named_with_what_to_type(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match=r"found none on the PATH, needed Java 17; type:"):
        machine.java()


def test_a_taken_port_is_named_with_the_setting_to_change():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(MachineError, match=rf"port {port} is in use.*VITRINE_AIRFLOW_PORT="):
            machine.free_port("airflow_port", port)
    machine.free_port("airflow_port", port)


def test_a_port_that_this_homes_own_server_holds_is_no_lack(settings):
    folder = Paths.of(settings).servers
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', 0));"
    tell = "print(s.getsockname()[1], flush=True); time.sleep(600)"
    own = servers.Server("mlflow", [sys.executable, "-c", listen + tell], dict(os.environ))
    servers.start(own, folder)
    try:
        log = servers.log_file(folder, "mlflow")
        servers.wait_until(lambda: "\n" in log.read_text(), "the port", folder, ["mlflow"], 30)
        port = int(log.read_text())
        assert "this home's own mlflow" in machine.port_to_use(settings, "mlflow_port", port)
        other = settings.model_copy(update={"home": settings.home / "other"})
        with pytest.raises(MachineError, match="is in use"):
            machine.port_to_use(other, "mlflow_port", port)
    finally:
        servers.stop(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(MachineError, match="cannot be written to"):
        machine.writable(tmp_path / "home")


def test_a_writable_folder_is_not_made_by_looking(tmp_path):
    machine.writable(tmp_path / "deep" / "home")
    assert list(tmp_path.iterdir()) == []


def test_too_little_disk_says_how_much_is_needed(tmp_path):
    with pytest.raises(MachineError, match=r"found .* GB free at .*, needed 1000000000 GB"):
        machine.free_disk(tmp_path, machine.Room(free_disk_gb=10**9))


def test_everything_that_is_missing_is_said_at_once(settings):
    room = machine.Room(memory_gb=10**9, free_disk_gb=10**9)
    with pytest.raises(MachineError, match=r"(?s)memory: found.*disk: found"):
        machine.require_machine(settings, with_ports=False, room=room)

"""What the machine must have: checked before anything starts, each with what to type if it lacks.

A check returns one line about what was found, or raises MachineError with what was found, what is
needed, and what to do.
"""

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from vitrine.errors import MachineError
from vitrine.operations import servers
from vitrine.paths import Paths
from vitrine.settings import PREFIX, Settings

JAVA_MAJOR = 17
GB = 1024**3


@dataclass(frozen=True)
class Room:
    """How much memory a machine must have, and how much free space where the home lies."""

    memory_gb: int = 6
    free_disk_gb: int = 4


ENOUGH = Room()


def checks(
    settings: Settings, *, with_ports: bool = True, room: Room = ENOUGH
) -> dict[str, Callable[[], str]]:
    """Return the checks by name; ports are left out where nothing will listen."""
    found: dict[str, Callable[[], str]] = {
        "Python": python,
        "Java": java,
        "memory": lambda: memory(room),
        "home": lambda: writable(settings.home),
        "disk": lambda: free_disk(settings.home, room),
    }
    if with_ports:
        ports = {"airflow_port": settings.airflow_port, "mlflow_port": settings.mlflow_port}
        for name, port in ports.items():
            found[name.replace("_", " ")] = lambda n=name, p=port: port_to_use(settings, n, p)  # type: ignore[misc]
    return found


def require_machine(settings: Settings, *, with_ports: bool = True, room: Room = ENOUGH) -> None:
    """Stop at once where the machine lacks anything.

    Raises
    ------
    MachineError
        With a line for each thing that is missing.
    """
    found = findings(settings, with_ports=with_ports, room=room)
    lacks = [text for is_fine, text in found if not is_fine]
    if lacks:
        raise MachineError("\n         ".join(lacks))


def findings(
    settings: Settings, *, with_ports: bool = True, room: Room = ENOUGH
) -> Iterator[tuple[bool, str]]:
    """Yield of each check whether it went well, and its line."""
    for name, check in checks(settings, with_ports=with_ports, room=room).items():
        try:
            yield True, f"{name}: {check()}"
        except MachineError as error:
            yield False, f"{name}: {error}"


def python() -> str:
    """Check the version of Python."""
    version = platform.python_version()
    if sys.version_info[:2] != (3, 11):
        raise MachineError(f"found {version}, needed 3.11; remove .venv and {_install('python')}")
    return version


def java() -> str:
    """Check that the `java` which Spark will start is new enough."""
    home = os.environ.get("JAVA_HOME")
    binary = str(Path(home) / "bin" / "java") if home else "java"
    if shutil.which(binary) is None:
        where = f"no {binary} (from JAVA_HOME)" if home else "none on the PATH"
        raise MachineError(f"found {where}, needed Java {JAVA_MAJOR}; {_install('java')}")
    said = subprocess.run([binary, "-version"], capture_output=True, text=True, check=False)
    version = java_version(said.stderr + said.stdout)
    if version is None or version[0] < JAVA_MAJOR:
        raise MachineError(
            f"found {version[1] if version else said.stderr.strip()[:80] or 'nothing'}"
            f" at {shutil.which(binary)}, needed Java {JAVA_MAJOR}; {_install('java')}"
        )
    return version[1]


def java_version(text: str) -> tuple[int, str] | None:
    """Read `java -version`: major number and full version, None where there is no version.

    >>> java_version('openjdk version "17.0.15" 2025-04-15')
    (17, '17.0.15')
    >>> java_version('java version "1.8.0_392"')
    (8, '1.8.0_392')
    """
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    full = re.search(r'version "([^"]+)"', text)
    return (int(found[1]), full[1]) if found and full else None


def memory(room: Room = ENOUGH) -> str:
    """Check the size of the memory."""
    total = psutil.virtual_memory().total / GB
    if total < room.memory_gb:
        raise MachineError(
            f"found {total:.1f} GB, needed {room.memory_gb} GB; use a larger machine"
        )
    return f"{total:.1f} GB"


def writable(folder: Path) -> str:
    """Check that a folder can be made and written to."""
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return str(folder)
    except OSError as error:
        raise MachineError(
            f"{existing} cannot be written to ({error.strerror}); choose another folder with"
            f" {PREFIX}HOME, or type: sudo chown -R $(whoami) {existing}"
        ) from None


def free_disk(folder: Path, room: Room = ENOUGH) -> str:
    """Check the free space where the home lies."""
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free / GB
    if free < room.free_disk_gb:
        raise MachineError(
            f"found {free:.1f} GB free at {existing}, needed {room.free_disk_gb} GB;"
            f" make room, or choose another folder with {PREFIX}HOME"
        )
    return f"{free:.1f} GB free"


def port_to_use(settings: Settings, setting: str, port: int) -> str:
    """Check that a port is free, or held by one of the servers of this very home."""
    for server, process in servers.running(Paths.of(settings).servers).items():
        if _listens(process, port):
            return f"port {port} is held by this home's own {server}, which is running"
    return free_port(setting, port)


def _listens(server: psutil.Process, port: int) -> bool:
    """Tell whether a server, or a process that it started, listens at a port."""
    try:
        family = [server, *server.children(recursive=True)]
        return any(
            each.laddr.port == port and each.status == psutil.CONN_LISTEN
            for process in family
            for each in process.net_connections("tcp")
        )
    except psutil.Error:  # another user's, or ended meanwhile
        return False


def free_port(setting: str, port: int) -> str:
    """Check that nothing listens at a port of the loopback."""
    with socket.socket() as probe:
        # A port that was left a moment ago may be taken again, as the servers themselves do.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise MachineError(
                f"port {port} is in use; stop what listens there (to see it: lsof -i :{port}),"
                f" or choose another: {PREFIX}{setting.upper()}={port + 1} make …"
            ) from None
    return f"port {port} is free"


def _install(what: str) -> str:
    package = {
        "java": ("openjdk-17-jre-headless", "openjdk@17"),
        "python": ("python3.11 python3.11-venv", "python@3.11"),
    }[what]
    if sys.platform == "darwin":
        return f"type: brew install {package[1]}"
    return f"type: sudo apt-get install {package[0]}"

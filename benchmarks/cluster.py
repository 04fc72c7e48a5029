"""A standalone Spark cluster on the loopback: a master and workers, ended with the block."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spark_jobs.submission import spark_home
from vitrine.errors import MachineError

PATIENCE_S = 120.0
LOOPBACK = "127.0.0.1"


@contextmanager
def standalone(folder: Path, workers: int = 2, cores: int = 1, memory: str = "1g") -> Iterator[str]:
    """Start a cluster whose logs lie in `folder`; give its address, `spark://…`.

    Raises
    ------
    MachineError
        If the workers have not registered in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, pages = _free_ports(2)
    address = f"spark://{LOOPBACK}:{port}"
    deploy = "org.apache.spark.deploy"
    listens = ["--host", LOOPBACK, "--port", str(port), "--webui-port", str(pages)]
    started = [_start(folder / "master.log", [f"{deploy}.master.Master", *listens])]
    try:
        for number in range(workers):
            options = ["--host", LOOPBACK, "--webui-port", "0", "--work-dir",
                       str(folder / f"worker-{number}"), "--cores", str(cores),
                       "--memory", memory]  # fmt: skip
            log = folder / f"worker-{number}.log"
            started.append(_start(log, [f"{deploy}.worker.Worker", *options, address]))
        _await_workers(folder / "master.log", workers)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(timeout=PATIENCE_S)


def _start(log: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"SPARK_HOME": str(spark_home()), "SPARK_LOCAL_IP": LOOPBACK}
    with log.open("wb") as out:
        return subprocess.Popen(
            [str(spark_home() / "bin" / "spark-class"), *arguments],
            env=environment | {"SPARK_NO_DAEMONIZE": "1", "TZ": "UTC"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )


def _await_workers(log: Path, workers: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while log.read_text().count("Registering worker") < workers:
        if time.monotonic() > deadline:
            raise MachineError(f"{workers} Spark workers did not register in time; see {log}")
        time.sleep(0.5)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind((LOOPBACK, 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports

"""vitrine spark days|campaign-windows --start … --end …"""

import os
import shutil
import subprocess
from collections import deque

import click

from spark_jobs.submission import JOBS, command, submission
from vitrine.errors import MachineError, StageSkipped, VitrineError
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import interval_options
from vitrine.publish import full_disk, full_disk_said_in
from vitrine.settings import Settings

LAST_LINES = 12
FAILURE = "vitrine: "
JAVA_FRAME = "\tat "


@click.group()
def spark() -> None:
    """Submit a Spark job for an interval of receipt."""


def submit(settings: Settings, job: str, interval: Interval) -> None:
    """Run a job with `spark-submit`, and pass its lines on while it runs.

    Raises
    ------
    MachineError
        If there is no Java, or the disk is full.
    StageSkipped
        If the shop lacks what the job needs.
    VitrineError
        With the job's last lines and its exit code, if it failed.
    """
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise MachineError("Spark needs Java 17, and no `java` was found; install it, or set PATH")
    lines: deque[str] = deque(maxlen=LAST_LINES)
    reason: str | None = None
    with subprocess.Popen(
        command(settings, job, interval),
        env=os.environ | submission(settings, job).environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith(JAVA_FRAME):
                lines.append(line.rstrip())
            if not line.startswith(FAILURE):
                click.echo(line, nl=False)
            reason = reason or full_disk_said_in(line)
    if process.returncode and reason:
        raise full_disk(settings.home, reason)
    if process.returncode:
        raise _failure(job, interval, process.returncode, list(lines))


def _failure(job: str, interval: Interval, code: int, lines: list[str]) -> VitrineError:
    said = [line.removeprefix(FAILURE) for line in lines if line.startswith(FAILURE)]
    if code == StageSkipped.exit_code:
        return StageSkipped(said[-1] if said else f"spark {job} skipped")
    error = VitrineError(
        said[-1]
        if said
        else f"spark {job} {interval} failed with exit code {code}; its last lines:\n"
        + "\n".join(lines)
    )
    error.exit_code = code if said else 1
    return error


def _add(job: str) -> None:
    @spark.command(name=job, help=f"Submit spark_jobs/{JOBS[job]}.")
    @interval_options
    def submitted(interval: Interval) -> None:
        submit(Installation.load().settings, job, interval)


for _job in JOBS:
    _add(_job)

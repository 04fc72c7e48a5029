"""Follow Airflow's runs until they end: a line for each task that ended, and the failure's log."""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vitrine.errors import VitrineError
from vitrine.operations.airflow import Airflow, TaskState

ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}
FAILED = {"failed", "upstream_failed", "up_for_retry"}
POLL_S = 2.0
LOG_LINES = 25


@dataclass
class Progress:
    """Prints what happens in the runs whose name begins with `prefix`, and stops at a failure."""

    client: Airflow
    echo: Callable[[str], None]
    prefix: str = ""
    patience_s: float = 6 * 3600.0
    _begun: float = field(default_factory=time.monotonic)
    _told: set[tuple[str, str, str]] = field(default_factory=set)
    _skipped: list[TaskState] = field(default_factory=list)

    def until(self, is_done: Callable[[dict[tuple[str, str], str]], bool], what: str) -> None:
        """Follow all runs until `is_done` says so of the runs' states.

        Raises
        ------
        VitrineError
            At the first task that fails, with the end of its log; or when `patience_s` is over.
        """
        deadline = time.monotonic() + self.patience_s
        while True:
            runs = {
                key: state
                for key, state in self.client.runs().items()
                if key[1].startswith(self.prefix)
            }
            self._tell(runs)
            if is_done(runs):
                self._rest("")
                return
            if time.monotonic() > deadline:
                raise VitrineError(f"{what} did not end within {self.patience_s:.0f} s")
            time.sleep(POLL_S)

    def follow(self, dag: str, run: str) -> None:
        """Follow until one run has succeeded."""
        self.until(lambda runs: runs.get((dag, run)) == "success", f"{dag} {run}")

    def skipped(self) -> list[str]:
        """Say of each task that skipped itself why, and of how many the ones after it were."""
        said = [(f"{task.dag}.{task.task}", self._reason(task)) for task in self._skipped]
        lines = [f"{name}: {reason}" for name, reason in said if reason]
        followers = sum(not reason for _, reason in said)
        if followers:
            lines.append(f"and {followers} tasks that come after these")
        return list(dict.fromkeys(lines))

    def seconds(self) -> float:
        """Return the seconds since the first look."""
        return time.monotonic() - self._begun

    def _tell(self, runs: Iterable[tuple[str, str]]) -> None:
        running = []
        for dag, run in sorted(runs):
            tasks = self.client.tasks(dag, run)
            for task in tasks:
                if task.state == "running":
                    running.append(f"{dag}.{task.task}")
                if task.state in ENDED | FAILED:
                    self._tell_once(task, len(tasks))
        self._rest(", ".join(running))

    def _tell_once(self, task: TaskState, of: int) -> None:
        key = (task.dag, task.run, task.task)
        if key in self._told:
            return
        self._told.add(key)
        self._rest("")
        clock = f"{int(self.seconds()) // 60:02d}:{int(self.seconds()) % 60:02d}"
        number = sum(told[:2] == (task.dag, task.run) for told in self._told)
        self.echo(
            f"{clock}  {task.dag:<22}{task.task:<28}{task.state:<9}{task.seconds:7.1f} s"
            f"{number:>4} of {of}"
        )
        if task.state == "skipped":
            self._skipped.append(task)
        if task.state in FAILED:
            raise VitrineError(self._failure(task))

    def _failure(self, task: TaskState) -> str:
        tail = "\n".join(self.client.log(task)[-LOG_LINES:])
        return f"{task.dag}.{task.task} failed in run {task.run}; the end of its log:\n{tail}"

    def _reason(self, task: TaskState) -> str:
        """Return the line in which a task says why; nothing for one that never began."""
        lines = self.client.log(task) if task.attempt else []
        said = [line for line in lines if " skipped: " in line]
        return (said[-1].partition("vitrine: ")[2] or said[-1]) if said else ""

    def _rest(self, text: str) -> None:
        """Show what is running on the last line of a terminal."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{'  … ' + text if text else ''}"[:160])
            sys.stderr.flush()

"""Follow Airflow's runs until they end: a line for each task that ended, and the failure's log.

Where nothing ends for a minute, a line says what runs, since when, and what waits for what.
"""

import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vitrine.errors import VitrineError
from vitrine.operations.airflow import Airflow, TaskState
from vitrine.operations.pools import POOLS

ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}
FAILED = {"failed", "upstream_failed", "up_for_retry"}
WAITING = {"scheduled", "queued"}
QUIET_S = 60.0
"""Without a line for so long, one says what is going on."""
POLL_S = 2.0
LOG_LINES = 25


def going_on(tasks: Sequence[TaskState], since: Mapping[str, str], ahead: Mapping[str, str]) -> str:
    """Say what runs, since when, and what waits for it; nothing where nothing runs.

    >>> train = TaskState("train_classifier", "r", "train", "running", 1, 0.0, "gpu")
    >>> other = TaskState("train_ranker", "r", "train", "scheduled", 0, 0.0, "gpu")
    >>> going_on([train, other], {"train_classifier.train": "09:12"}, {})
    'train_classifier.train since 09:12; train_ranker.train waits for it (pool gpu: one training or\
 embedding at a time)'

    Parameters
    ----------
    since
        When each running task began, by its name.
    ahead
        What each DAG waits for that has no run yet.
    """
    running = [task for task in tasks if task.state == "running"]
    if not running:
        return ""
    holders = {task.pool: task.name for task in running if task.pool in POOLS}
    waiting = [t for t in tasks if t.state in WAITING and t.pool in holders]
    parts = [", ".join(f"{task.name} since {since[task.name]}" for task in running)]
    for task in waiting:
        holder = "it" if len(running) == 1 else holders[task.pool]
        why = _began_small(POOLS[task.pool]["description"].rstrip("."))
        parts.append(f"{task.name} waits for {holder} (pool {task.pool}: {why})")
    parts += [f"{dag} waits for {what}" for dag, what in ahead.items()]
    return "; ".join(parts)


@dataclass
class Progress:
    """Prints what happens in the runs whose name begins with `prefix`, and stops at a failure."""

    client: Airflow
    echo: Callable[[str], None]
    prefix: str = ""
    patience_s: float = 6 * 3600.0
    ahead: Mapping[str, str] = field(default_factory=dict)
    """What each DAG waits for that is started by assets, in words."""
    _begun: float = field(default_factory=time.monotonic)
    _told: set[tuple[str, str, str, int]] = field(default_factory=set)
    _skipped: list[TaskState] = field(default_factory=list)
    _since: dict[str, float] = field(default_factory=dict)
    _last_line: float = field(default_factory=time.monotonic)

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
        said = [(task.name, self._reason(task)) for task in self._skipped]
        lines = [f"{name}: {reason}" for name, reason in said if reason]
        followers = sum(not reason for _, reason in said)
        if followers:
            lines.append(f"and {followers} tasks that come after these")
        return list(dict.fromkeys(lines))

    def seconds(self) -> float:
        """Return the seconds since the first look."""
        return time.monotonic() - self._begun

    def _tell(self, runs: Iterable[tuple[str, str]]) -> None:
        every: list[TaskState] = []
        for dag, run in sorted(runs):
            tasks = self.client.tasks(dag, run)
            every += tasks
            for task in tasks:
                if task.state in ENDED | FAILED:
                    self._tell_once(task, len(tasks))
        started = {dag for dag, _ in runs}
        ahead = {dag: what for dag, what in self.ahead.items() if dag not in started}
        text = going_on(every, self._clocks(every), ahead)
        if text and time.monotonic() > self._last_line + QUIET_S:
            self._say(f"{_clock(self.seconds())}  now: {text}")
        self._rest(text)

    def _clocks(self, tasks: Iterable[TaskState]) -> dict[str, str]:
        """Return since when each running task was seen to run, by the clock of the lines."""
        running = {task.name for task in tasks if task.state == "running"}
        self._since = {name: self._since.get(name, self.seconds()) for name in running}
        return {name: _clock(since) for name, since in self._since.items()}

    def _say(self, line: str) -> None:
        self._rest("")
        self.echo(line)
        self._last_line = time.monotonic()

    def _tell_once(self, task: TaskState, of: int) -> None:
        key = (task.dag, task.run, task.task, task.map_index)
        if key in self._told:
            return
        self._told.add(key)
        number = sum(told[:2] == (task.dag, task.run) for told in self._told)
        self._say(
            f"{_clock(self.seconds())}  {task.dag:<22}{task.title:<28}{task.state:<9}"
            f"{task.seconds:7.1f} s{number:>4} of {of}"
        )
        if task.state == "skipped":
            self._skipped.append(task)
        if task.state in FAILED:
            raise VitrineError(self._failure(task))

    def _failure(self, task: TaskState) -> str:
        tail = "\n".join(self.client.log(task)[-LOG_LINES:])
        return f"{task.name} failed in run {task.run}; the end of its log:\n{tail}"

    def _reason(self, task: TaskState) -> str:
        """Return the line in which a task says why; nothing for one that never began."""
        lines = self.client.log(task) if task.attempt else []
        said = [line for line in lines if " skipped: " in line]
        return (said[-1].partition("vitrine: ")[2] or said[-1]) if said else ""

    def _rest(self, text: str) -> None:
        """Show what is running on the last line of a terminal."""
        if sys.stderr.isatty():
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r\033[K" + f"  … {text}"[:width] * bool(text))
            sys.stderr.flush()


def _began_small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"

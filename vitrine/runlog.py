"""The run log: every stage leaves one JSON file that says what it did and what it cost."""

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vitrine.errors import BadArgumentError, StageSkipped
from vitrine.interval import Interval, format_instant
from vitrine.paths import Paths, interval_stamp
from vitrine.publish import atomic_file


@dataclass
class Run:
    """What a stage reports while it runs; `note` adds figures such as `rows_in=12`."""

    stage: str
    interval: Interval
    figures: dict[str, int | float | str] = field(default_factory=dict)

    def note(self, **figures: int | float | str) -> None:
        """Add or replace figures."""
        self.figures |= figures


@contextmanager
def record(paths: Paths, stage: str, interval: Interval) -> Iterator[Run]:
    """Time a stage, and leave its record whether it ends well or not.

    What was typed wrong ran nothing and leaves nothing. The clock is read for the record alone;
    nothing that the stage computes depends on it.
    """
    run = Run(stage, interval)
    begun, started_at = time.monotonic(), datetime.now(UTC)
    outcome = "failed"
    try:
        yield run
        outcome = "succeeded"
    except BadArgumentError:
        outcome = "refused"
        raise
    except BaseException as error:
        outcome = "skipped" if isinstance(error, StageSkipped) else "failed"
        run.note(error=f"{type(error).__name__}: {error}"[:500])
        raise
    finally:
        if outcome != "refused":
            _leave(paths, run, outcome, started_at, time.monotonic() - begun)


def _leave(paths: Paths, run: Run, outcome: str, started_at: datetime, elapsed_s: float) -> None:
    entry = {
        "stage": run.stage,
        "outcome": outcome,
        "interval_start_at": format_instant(run.interval.start),
        "interval_end_at": format_instant(run.interval.end),
        "started_at": started_at.isoformat(),
        "elapsed_s": round(elapsed_s, 3),
        "peak_memory_bytes": peak_memory_bytes(),
        "figures": run.figures,
    }
    name = f"{run.stage.replace(' ', '-')}-{interval_stamp(run.interval)}.json"
    with atomic_file(paths.runs / f"{started_at:%Y%m%dT%H%M%S%f}-{name}") as path:
        path.write_text(json.dumps(entry, indent=2) + "\n")


def peak_memory_bytes() -> int:
    """Return the largest resident size of this process or of one finished child, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def read_runs(paths: Paths) -> list[dict]:
    """Return every record, oldest first."""
    return [json.loads(path.read_text()) for path in sorted(paths.runs.glob("[0-9]*.json"))]

"""The run log: every stage leaves one record that says what it did and what it cost.

A record is a JSON file of its own in `runs/`, written when the stage ends. Old ones are gathered
into `runs/months/<YYYY-MM>.parquet` (columns `run_id` and `record`, the same text), so that files
do not pile up and nothing is lost.

Figures that every reader knows: `rows_in` and `rows_out`; `jvm_peak_memory_bytes`,
`jvm_bytes_read` and `jvm_bytes_written` of a Spark driver, which is a process of its own; `error`.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vitrine.errors import BadArgumentError, MachineError, NotPublishedError, StageSkipped
from vitrine.interval import Interval, format_instant
from vitrine.paths import Paths, interval_stamp
from vitrine.process import PeakMemory, transfer
from vitrine.publish import alone, atomic_file

MOST_FILES = 1000
"""More records than these are gathered by month."""
RECENT_MONTHS = 4
"""What `vitrine status` and the table of runs look back on: this month and those before."""
Record = dict[str, Any]


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
    """Time a stage; leave its record and print its summary, whether it ends well or not.

    A stage that skips itself, or refuses because another has to come first (NotPublishedError),
    prints its reason alone. What a person typed wrong (BadArgumentError) ran nothing and leaves
    nothing, by design: the log says what ran. On a full disk there is no record but a warning, and
    the stage ends as it did. The clock is read for the record alone; nothing that the stage
    computes depends on it.
    """
    run, meter = Run(stage, interval), _Meter()
    outcome = "succeeded"
    try:
        yield run
    except BadArgumentError:
        outcome = ""
        raise
    except BaseException as error:
        outcome = _outcome(error)
        run.note(error=f"{type(error).__name__}: {error}"[:500])
        raise
    finally:
        if outcome:
            _leave(paths, run, _entry(run, outcome, meter), meter.started_at)


def summary(entry: Mapping[str, Any]) -> str:
    """Say in one line what a run did and what it cost.

    >>> summary({"stage": "land", "interval_start_at": "2026-03-01T00:00:00Z",
    ...          "interval_end_at": "2026-03-02T00:00:00Z", "outcome": "succeeded",
    ...          "elapsed_s": 2.25, "peak_memory_bytes": 210 * 1024**2, "bytes_read": 3_200_000,
    ...          "bytes_written": 1_100_000, "figures": {"rows_in": 1234, "rows_out": 1200}})
    'land [2026-03-01T00:00:00Z, 2026-03-02T00:00:00Z) succeeded: 1,234 rows in, 1,200 rows out,\
 3.2 MB read, 1.1 MB written, 2.2 s, peak 210 MiB'
    """
    figures = entry["figures"]
    rows = {"rows in": figures.get("rows_in"), "rows out": figures.get("rows_out")}
    moved = {"read": bytes_read(entry), "written": bytes_written(entry)}
    jvm = figures.get("jvm_peak_memory_bytes")
    parts = [
        *(f"{count:,} {name}" for name, count in rows.items() if count is not None),
        *(f"{count / 1e6:,.1f} MB {name}" for name, count in moved.items() if count is not None),
        f"{entry['elapsed_s']:.1f} s",
        f"peak {entry['peak_memory_bytes'] / 1024**2:,.0f} MiB"
        + (f" and {jvm / 1024**2:,.0f} MiB in the JVM" if jvm else ""),
    ]
    interval = f"[{entry['interval_start_at']}, {entry['interval_end_at']})"
    return f"{entry['stage']} {interval} {entry['outcome']}: {', '.join(parts)}"


def bytes_read(entry: Mapping[str, Any]) -> int | None:
    """Return how many bytes a run read, its JVM's included, where the system counted them."""
    return _with_jvm(entry, "bytes_read")


def bytes_written(entry: Mapping[str, Any]) -> int | None:
    """Return how many bytes a run wrote, its JVM's included, where the system counted them."""
    return _with_jvm(entry, "bytes_written")


def peak_bytes(entry: Mapping[str, Any]) -> int:
    """Return the most memory that one of a run's processes took: its own, a child's or its JVM."""
    own: int = entry["peak_memory_bytes"]
    return max(own, entry["figures"].get("jvm_peak_memory_bytes", 0))


def read_runs(paths: Paths, months: int | None = None) -> list[Record]:
    """Return the records, oldest first: all, or those of the newest `months` calendar months."""
    return [json.loads(text) for text in read_records(paths, months).values()]


def read_records(paths: Paths, months: int | None = None) -> dict[str, str]:
    """Return the records' texts by run id, oldest first; see `read_runs`.

    Files are listed before archives are read: one that `gather` moves meanwhile is found there.
    """
    loose = dict(_texts(_loose(paths)))
    files = sorted(_archive(paths).glob("[0-9]*.parquet"))
    archived = [_read_month(file) for file in files[-months if months else 0 :]]
    every = {run_id: text for part in [*archived, loose] for run_id, text in part.items()}
    newest = sorted({run_id[:6] for run_id in every})[-months if months else 0 :]
    return {run_id: every[run_id] for run_id in sorted(every) if run_id[:6] in newest}


def gather(paths: Paths, most_files: int) -> int:
    """Move the records into one file a month when they are too many; return how many moved.

    The month's file is replaced before the records' own files go, and a record is known by its id:
    a killed call leaves some of them twice on disk, and once in what is read.
    """
    paths.runs.mkdir(parents=True, exist_ok=True)
    with alone(paths.runs):
        files = _loose(paths)
        if len(files) <= most_files:
            return 0
        for month in sorted({_month(file.stem) for file in files}):
            _add_to_month(paths, month, [file for file in files if _month(file.stem) == month])
        return len(files)


def _outcome(error: BaseException) -> str:
    if isinstance(error, StageSkipped):
        return "skipped"
    return "refused" if isinstance(error, NotPublishedError) else "failed"


class _Meter:
    """What this process takes of the machine from here on."""

    def __init__(self) -> None:
        self.started_at = datetime.now(UTC)
        self._begun = time.monotonic()
        self._before = transfer()
        self._memory = PeakMemory()

    def read(self) -> Record:
        """Return the record's columns that say when it began, and what it has taken since."""
        elapsed_s, after = time.monotonic() - self._begun, transfer()
        moved = after.since(self._before) if after and self._before else None
        return {
            "started_at": self.started_at.isoformat(),
            "elapsed_s": round(elapsed_s, 3),
            "peak_memory_bytes": self._memory.bytes(),
            "bytes_read": moved.bytes_read if moved else None,
            "bytes_written": moved.bytes_written if moved else None,
        }


def _entry(run: Run, outcome: str, meter: _Meter) -> Record:
    return {
        "stage": run.stage,
        "outcome": outcome,
        "interval_start_at": format_instant(run.interval.start),
        "interval_end_at": format_instant(run.interval.end),
        **meter.read(),
        "vitrine_version": version("vitrine"),
        "figures": run.figures,
    }


def _leave(paths: Paths, run: Run, entry: Record, started_at: datetime) -> None:
    name = f"{run.stage.replace(' ', '-')}-{interval_stamp(run.interval)}.json"
    try:
        with atomic_file(paths.runs / f"{started_at:%Y%m%dT%H%M%S%f}-{name}") as path:
            path.write_text(json.dumps(entry, indent=2) + "\n")
    except MachineError as error:
        print(f"warning: the run log lacks this run: {error}", file=sys.stderr)
    if entry["outcome"] not in ("skipped", "refused"):
        print(summary(entry))


def _with_jvm(entry: Mapping[str, Any], name: str) -> int | None:
    parts = (entry.get(name), entry["figures"].get(f"jvm_{name}"))
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _archive(paths: Paths) -> Path:
    return paths.runs / "months"


def _loose(paths: Paths) -> list[Path]:
    return sorted(paths.runs.glob("[0-9]*.json"))


def _texts(files: list[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        try:
            yield file.stem, file.read_text()
        except FileNotFoundError:  # gathered since it was listed
            continue


def _month(run_id: str) -> str:
    return f"{run_id[:4]}-{run_id[4:6]}"


def _read_month(file: Path) -> dict[str, str]:
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file).read(columns=["run_id", "record"])
    return dict(zip(table["run_id"].to_pylist(), table["record"].to_pylist(), strict=True))


def _add_to_month(paths: Paths, month: str, files: list[Path]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = _archive(paths) / f"{month}.parquet"
    known = (_read_month(target) if target.exists() else {}) | dict(_texts(files))
    columns = {"run_id": sorted(known), "record": [known[run_id] for run_id in sorted(known)]}
    with atomic_file(target) as path:
        pq.write_table(pa.table(columns), path, compression="zstd")
    for file in files:
        file.unlink(missing_ok=True)

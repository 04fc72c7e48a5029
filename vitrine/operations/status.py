"""What is published, how old it is beside the data, the last runs, and what is broken."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from vitrine import lake
from vitrine.errors import VitrineError
from vitrine.installation import Installation
from vitrine.interval import format_instant, parse_instant
from vitrine.operations import costs, local_stack
from vitrine.operations.airflow import DAGS, Airflow
from vitrine.paths import Paths
from vitrine.runlog import RECENT_MONTHS, peak_bytes, read_runs

STAMP = re.compile(r"\d{8}T\d{4}")


def report(installation: Installation) -> str:
    """Return the whole report, as a person reads it."""
    settings, paths = installation.settings, installation.paths
    newest = newest_receipt(installation)
    runs = read_runs(paths, RECENT_MONTHS)
    sections = {
        f"{settings.source} at {settings.home}": list(_data(installation, newest)),
        "Published": list(_published(paths, newest)),
        "Last run of each stage": list(_last_runs(runs)),
        "Airflow": list(_airflow(installation)),
        "Broken": list(broken(runs)) or ["nothing that the run log knows of"],
        "Refused, and not done since": list(refused(runs)) or ["nothing"],
    }
    return "\n\n".join(
        "\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in sections.items()
    )


def newest_receipt(installation: Installation) -> datetime | None:
    """Return the end of the newest landed interval; None where nothing has landed."""
    root = installation.paths.lake
    ends = []
    for table in sorted(installation.shop.provides):
        if days := lake.days(root, table):
            files = lake.partition_files(installation.paths.partition(root, table, days[-1]))
            ends += [lake.file_interval(file).end for file in files]
    return max(ends, default=None)


def landed_rows(paths: Paths) -> str:
    """Say how many raw rows came in, were accepted, and were quarantined for which reason."""
    files: list[dict[str, Any]] = []
    for path in sorted(paths.books.glob("[!.]*.json")):
        try:
            files += json.loads(path.read_text())["files"]
        except (ValueError, KeyError, TypeError):
            return f"raw rows: {path} is damaged; `vitrine land` its interval again to count them"
    reasons: Counter[str] = Counter()
    for file in files:
        reasons.update({q["reason"]: q["row_count"] for q in file["quarantined"]})
    rows_in = sum(file["row_count"] for file in files)
    accepted = sum(file["accepted_count"] for file in files)
    why = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
    return (
        f"raw rows in {rows_in:,} = accepted {accepted:,} + quarantined {reasons.total():,}"
        f" ({why or 'none'})"
    )


def refused_photographs(paths: Paths) -> Iterator[str]:
    """Say how many landed photographs cannot be used, and why; nothing where all can."""
    from pyarrow import parquet

    if not paths.quarantined_images.exists():
        return
    rows = parquet.read_table(paths.quarantined_images, columns=["reason"])
    reasons = Counter(rows["reason"].to_pylist())
    if reasons:
        why = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
        yield (
            f"photographs quarantined {reasons.total():,} ({why});"
            ' vitrine sql "from quarantined_images" lists them'
        )


def broken(runs: list[dict[str, Any]]) -> Iterator[str]:
    """Name each stage and interval whose last run failed, with its message."""
    ran = [run for run in runs if run["outcome"] != "refused"]
    last = {(run["stage"], run["interval_start_at"], run["interval_end_at"]): run for run in ran}
    for (stage, start, end), run in last.items():
        if run["outcome"] == "failed":
            yield f"{stage} [{start}, {end}): {run['figures'].get('error', 'no message')}"


def refused(runs: list[dict[str, Any]]) -> Iterator[str]:
    """Name each stage that nobody has called since it last refused, with what has to come first."""
    for run in {run["stage"]: run for run in runs}.values():
        if run["outcome"] == "refused":
            _, _, reason = run["figures"]["error"].partition(": ")
            yield f"{run['stage']}: {reason}"


def age(instant: datetime, newest: datetime | None) -> str:
    """Say how far an instant lies behind the newest data."""
    if newest is None or instant >= newest:
        return "up to the newest data"
    return f"{_duration(newest - instant)} behind the newest data"


def _data(installation: Installation, newest: datetime | None) -> Iterator[str]:
    if newest is None:
        yield f"nothing has landed yet; raw files are expected at {installation.paths.landing}"
        return
    yield f"data received up to {format_instant(newest)}"
    yield landed_rows(installation.paths)
    yield from refused_photographs(installation.paths)


def _published(paths: Paths, newest: datetime | None) -> Iterator[str]:
    places = {
        "daily warehouse": paths.warehouse / "daily.duckdb",
        "intraday warehouse": paths.warehouse / "intraday.duckdb",
        "training examples": _newest_file(paths.examples),
        "scores": paths.scores / "current",
        "embeddings": paths.embeddings / "current",
        "e-mail lists": max(paths.lists.glob("*/*/current"), key=_night, default=None),
    }
    for name, place in places.items():
        if place is None or not place.exists():
            yield f"{name:<20}not yet"
            continue
        # The names of the version and of its folders; the home itself may lie anywhere, in parts.
        stamps = STAMP.findall("/".join(place.resolve().parts[-3:]))
        as_of = parse_instant(stamps[-1]) if stamps else None
        when = f"as of {format_instant(as_of)}, {age(as_of, newest)}" if as_of else "published"
        yield f"{name:<20}{when}{_model(place)}"


def _night(current: Path) -> tuple[str, str]:
    """Return the night of a published list, which is its folder's name, then the list."""
    return current.parent.name, current.parent.parent.name


def _newest_file(folder: Path) -> Path | None:
    return max(folder.glob("*.parquet"), default=None)


def _model(place: Path) -> str:
    manifest = place / "manifest.json"
    if not manifest.is_file():
        return ""
    content = json.loads(manifest.read_text())
    model = content.get("model")
    name, version = (
        (model.get("model"), model.get("version"))
        if isinstance(model, dict)
        else (model, content.get("version"))
    )
    return f", by {name} version {version}" if name else ""


def _last_runs(runs: list[dict[str, Any]]) -> Iterator[str]:
    last = {run["stage"]: run for run in runs if run["outcome"] != "refused"}
    for stage, run in last.items():
        yield (
            f"{stage:<30}{run['outcome']:<10}[{run['interval_start_at']}, {run['interval_end_at']})"
            f"{run['elapsed_s']:>8.1f} s{peak_bytes(run) / 1024**2:>7.0f} MiB"
            f"  {costs.trend_of(runs, run)}".rstrip()
        )
    if not last:
        yield "none yet"


def _airflow(installation: Installation) -> Iterator[str]:
    if not local_stack.is_running(installation):
        yield "not running here; `make up` starts it"
        return
    client = Airflow.of(installation.settings)
    try:
        for dag in DAGS:
            runs = client.runs(dag)
            (_, run), state = next(iter(runs.items())) if runs else (("", "no run yet"), "")
            paused = ", paused" if client.is_paused(dag) else ""
            yield f"{dag:<24}{state:<9}{run}{paused}"
    except VitrineError as error:
        yield str(error)


def _duration(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h" if hours else f"{int(span.total_seconds() // 60)} min"

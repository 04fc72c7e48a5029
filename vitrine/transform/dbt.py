"""Call dbt in this process: one layer of a database or all of them, on the run's private file."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vitrine import contracts, deltas, lake, letters
from vitrine.errors import NotPublishedError, VitrineError
from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant
from vitrine.publish import atomic_file, full_disk, full_disk_said_in, told_of_a_full_disk
from vitrine.transform import builds, increments
from vitrine.transform.increments import PROJECT, Increment

LAYERS = ("staging", "intermediate", "features", "marts")
INCREMENT_FILE = "increment.json"
PROGRESS_FILE = "progress.json"


@dataclass(frozen=True)
class Outcome:
    """What one call of dbt did."""

    model_count: int
    test_count: int
    warnings: tuple[str, ...]
    """Names of the tests of severity `warn` that failed."""
    elapsed_s: float
    log: Path


def build_layers(
    installation: Installation, database: str, interval: Interval, layer: str | None = None
) -> tuple[Outcome, Increment]:
    """Build one layer's models, or all, and run their tests; return what the build goes on from.

    The first layer begins the build. A layer that was begun before, and perhaps half built, is
    built again from the beginning with those below it: rows are only added to a file, so nothing
    may be added twice.

    Raises
    ------
    NotPublishedError
        If the layers below were not built for this interval yet.
    VitrineError
        If a model or a test fails; the message names each. If another process builds the same.
    """
    folder = installation.paths.build_file(database, interval).parent
    wanted = LAYERS if layer is None else _layers_to_build(folder, database, interval, layer)
    with builds.held(folder):
        if wanted[0] == LAYERS[0]:
            begin(installation, database, interval)
        note_progress(folder, wanted[-1], is_ended=False)
        selection = " ".join(f"path:models/{database}/{each}" for each in wanted)
        outcome = build(installation, database, selection, interval)
        note_progress(folder, wanted[-1], is_ended=True)
        return outcome, Increment.load(folder / INCREMENT_FILE)


def _layers_to_build(
    folder: Path, database: str, interval: Interval, layer: str
) -> tuple[str, ...]:
    """Return the layer, after those below it where they must be built again."""
    number = LAYERS.index(layer)
    up_to_it = LAYERS[: number + 1]
    if number == 0:
        return up_to_it
    state = _progress(folder)
    if state["begun"] > number:
        return up_to_it
    if state["ended"] < number:
        raise NotPublishedError(
            f"no build of {database} for {interval} has come so far, or later ones took its place;"
            f" run `vitrine build {database} --layer {LAYERS[state['ended']]}` for it first"
        )
    return (layer,)


def is_built_to_the_end(folder: Path) -> bool:
    """Say whether the last layer of the build in a folder was built and its tests passed."""
    return _progress(folder)["ended"] == len(LAYERS)


def _progress(folder: Path) -> dict[str, int]:
    """Return how many layers were begun, and how many ended: none while one is under way."""
    file = folder / PROGRESS_FILE
    found: dict[str, int] = (
        json.loads(file.read_text()) if file.exists() else {"begun": 0, "ended": 0}
    )
    return found


def note_progress(folder: Path, layer: str, is_ended: bool) -> None:
    """Note how many layers were begun and ended, so that none is begun twice on one file."""
    count = LAYERS.index(layer) + 1
    with atomic_file(folder / PROGRESS_FILE) as path:
        path.write_text(json.dumps({"begun": count, "ended": count if is_ended else 0}))


def begin(installation: Installation, database: str, interval: Interval) -> Increment:
    """Make a fresh file for a build: a copy of the version that it goes on from, or nothing yet.

    Every table can be scanned afterwards, also those that were never written. Room is made first:
    what builds of long ago left goes.
    """
    file = installation.paths.build_file(database, interval)
    file.parent.mkdir(parents=True, exist_ok=True)
    builds.empty(file.parent)
    builds.forget_old(file, installation.settings.keep_versions)
    for table in contracts.TABLES.values():
        lake.ensure_table(installation.paths.lake, table.name, table.schema)
    for table in deltas.TABLES.values():
        lake.ensure_table(installation.paths.deltas, table.name, table.schema)
    for table in increments.LIST_TABLES[database]:
        lake.ensure_table(increments.empties(installation.paths), table.name, table.schema)
    increment = increments.plan(installation, database, interval, _definitions(installation))
    if increment.base:
        _copy(Path(increment.base), file)
    increment.store(file.parent / INCREMENT_FILE)
    return increment


def _copy(base: Path, file: Path) -> None:
    with told_of_a_full_disk(file):
        try:
            shutil.copyfile(base, file)
        except OSError:
            # The room that half a copy takes is what others lack.
            file.unlink(missing_ok=True)
            raise


def build(installation: Installation, database: str, selection: str, interval: Interval) -> Outcome:
    """Build the models that dbt's `--select` names, and run their tests.

    Raises
    ------
    VitrineError
        If a model or a test fails; the message names each.
    """
    file, settings = installation.paths.build_file(database, interval), installation.settings
    arguments = [
        "build",
        "--no-write-json",
        "--select",
        *selection.split(),
        # Their inputs are their own: they are tests of the code, and `make test` runs them.
        "--exclude-resource-type",
        "unit_test",
    ]
    environment: dict[str, str | Path] = {
        "WAREHOUSE_FILE": file,
        "DUCKDB_MEMORY_LIMIT": settings.duckdb_memory_limit,
        "DUCKDB_THREADS": str(settings.duckdb_threads or os.cpu_count() or 1),
    }
    increment = Increment.load(file.parent / INCREMENT_FILE)
    values = variables(installation, interval, increment)
    return run(arguments, database, file.parent, environment, values)


def variables(
    installation: Installation, interval: Interval, increment: Increment
) -> dict[str, Any]:
    """Return the values of `dbt_project.yml`'s vars for one run."""
    books = installation.paths.books
    return _definitions(installation) | {
        "books": str(books) if any(books.glob("[0-9]*.json")) else "",
        "files": {table: _sql_list(files) for table, files in increment.files.items()},
        "base_end_at": format_instant(increment.base_end_at),
        "start_at": format_instant(interval.start),
        "end_at": format_instant(interval.end),
        "history_start_at": format_instant(increment.history_start_at),
        "exact_from_at": format_instant(increment.exact_from_at),
        "input_digests": " ".join(f"{t}={d}" for t, d in increment.input_digests.items()),
        "definition_digest": increment.definition_digest,
        "vitrine_version": version("vitrine"),
    }


def _definitions(installation: Installation) -> dict[str, Any]:
    """Return the vars that change what the models give, beside what they read."""
    shop, settings = installation.shop, installation.settings
    return {
        "source": shop.name,
        "currency": shop.currency,
        "provided_tables": sorted(shop.provides),
        "day_features_delay_minutes": int(shop.day_features_delay.total_seconds() // 60),
        "intraday_delay_minutes": settings.intraday_delay_minutes,
        "late_after_hours": settings.late_after_hours,
        "permanent_campaign_days": settings.permanent_campaign_days,
        "attribution_hours": int(letters.ATTRIBUTED.total_seconds() // 3600),
    }


def _sql_list(files: list[str]) -> str:
    """Write paths as DuckDB reads them, in a template of dbt whose braces are doubled."""
    quoted = ("'" + file.replace("'", "''") + "'" for file in files)
    return f"[{', '.join(quoted)}]".replace("{", "{{").replace("}", "}}")


def run(
    arguments: list[str],
    target: str,
    work: Path,
    environment: Mapping[str, str | Path],
    values: Mapping[str, Any] | None = None,
) -> Outcome:
    """Call dbt with the values of its vars; its artifacts and its full log lie under `work/dbt`.

    Raises
    ------
    MachineError
        If the disk is full.
    VitrineError
        If dbt, a model or a test fails.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    places = {
        "project-dir": PROJECT,
        "profiles-dir": PROJECT,
        "target-path": work / "dbt" / "target",
        "log-path": work / "dbt" / "logs",
    }
    options = [text for name, place in places.items() for text in (f"--{name}", str(place))]
    log = work / "dbt" / "logs" / "dbt.log"
    with _environment(environment):
        try:
            result = dbtRunner().invoke(
                [*arguments, "--quiet", "--target", target, *options],
                vars=dict(values or {}),
                log_level="none",
                log_level_file="info",
            )
        finally:
            # Until then the file stays locked, also for this process.
            DuckDBConnectionManager.close_all_connections()
    if not result.success:
        if reason := full_disk_said_in(_messages(result)):
            raise full_disk(work, reason)
        raise VitrineError(f"dbt {arguments[0]} failed: {_failures(result)}; the full log is {log}")
    return _outcome(result.result, log)


def _outcome(result: Any, log: Path) -> Outcome:
    nodes = list(getattr(result, "results", ()))
    kinds = [str(node.node.resource_type) for node in nodes]
    return Outcome(
        model_count=kinds.count("model"),
        test_count=kinds.count("test") + kinds.count("unit_test"),
        warnings=tuple(node.node.name for node in nodes if str(node.status) == "warn"),
        elapsed_s=float(getattr(result, "elapsed_time", 0.0)),
        log=log,
    )


def _messages(result: Any) -> str:
    nodes = getattr(result.result, "results", ())
    return " ".join(str(said) for said in (result.exception, *(node.message for node in nodes)))


def _failures(result: Any) -> str:
    if result.exception is not None:
        return str(result.exception)
    bad = [node for node in result.result if str(node.status) in ("error", "fail", "runtime error")]
    return "; ".join(f"{node.node.name}: {_first_lines(node.message)}" for node in bad)


def _first_lines(message: str | None) -> str:
    return " ".join((message or "no message").split())[:400]


@contextmanager
def _environment(values: Mapping[str, str | Path]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update({name: str(value) for name, value in values.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

"""Call dbt in this process: one layer of one database, on the run's private file."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vitrine import contracts, deltas, lake
from vitrine.errors import NotPublishedError, VitrineError
from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant
from vitrine.settings import REPOSITORY

PROJECT = REPOSITORY / "dbt_project"
LAYERS = ("staging", "intermediate", "features", "marts")


@dataclass(frozen=True)
class Outcome:
    """What one call of dbt did."""

    model_count: int
    test_count: int
    warnings: tuple[str, ...]
    """Names of the tests of severity `warn` that failed."""
    elapsed_s: float
    log: Path


def build_layer(
    installation: Installation, database: str, layer: str, interval: Interval
) -> Outcome:
    """Build one layer's models and run their tests; the first layer starts from an empty file.

    Everything received before the interval's end is read, so the result does not depend on what
    was built before.

    Raises
    ------
    NotPublishedError
        If the layers below were not built for this interval yet.
    VitrineError
        If a model or a test fails; the message names each.
    """
    file = installation.paths.build_file(database, interval)
    if layer == LAYERS[0]:
        begin(installation, database, interval)
    elif not file.exists():
        raise NotPublishedError(
            f"no build of {database} for {interval} has begun;"
            f" run `vitrine build {database} --layer {LAYERS[0]}` for it first"
        )
    return build(installation, database, f"path:models/{database}/{layer}", interval)


def begin(installation: Installation, database: str, interval: Interval) -> None:
    """Make room for a build, and let every table be scanned, also those that were never written."""
    file = installation.paths.build_file(database, interval)
    shutil.rmtree(file.parent, ignore_errors=True)
    file.parent.mkdir(parents=True)
    for table in contracts.TABLES.values():
        lake.ensure_table(installation.paths.lake, table.name, table.schema)
    for table in deltas.TABLES.values():
        lake.ensure_table(installation.paths.deltas, table.name, table.schema)


def build(installation: Installation, database: str, selection: str, interval: Interval) -> Outcome:
    """Build the models that dbt's `--select` names, and run their tests.

    Raises
    ------
    VitrineError
        If a model or a test fails; the message names each.
    """
    file = installation.paths.build_file(database, interval)
    arguments = [
        "build",
        "--no-write-json",
        "--select",
        selection,
        # Their inputs are their own: they are tests of the code, and `make test` runs them.
        "--exclude-resource-type",
        "unit_test",
        "--vars",
        json.dumps(variables(installation, interval)),
    ]
    return run(arguments, target=database, work=file.parent, environment={"WAREHOUSE_FILE": file})


def variables(installation: Installation, interval: Interval) -> dict[str, Any]:
    """Return the values of `dbt_project.yml`'s vars for one run."""
    shop, settings, books = installation.shop, installation.settings, installation.paths.books
    return {
        "lake": str(installation.paths.lake),
        "deltas": str(installation.paths.deltas),
        "books": str(books) if any(books.glob("[0-9]*.json")) else "",
        "start_at": format_instant(interval.start),
        "end_at": format_instant(interval.end),
        "source": shop.name,
        "currency": shop.currency,
        "vitrine_version": version("vitrine"),
        "provided_tables": sorted(shop.provides),
        "day_features_delay_minutes": int(shop.day_features_delay.total_seconds() // 60),
        "intraday_delay_minutes": settings.intraday_delay_minutes,
        "permanent_campaign_days": settings.permanent_campaign_days,
    }


def run(
    arguments: list[str], target: str, work: Path, environment: Mapping[str, str | Path]
) -> Outcome:
    """Call dbt; its artifacts and its full log lie under `work/dbt`.

    Raises
    ------
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
                log_level="none",
                log_level_file="info",
            )
        finally:
            # Until then the file stays locked, also for this process.
            DuckDBConnectionManager.close_all_connections()
    if not result.success:
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

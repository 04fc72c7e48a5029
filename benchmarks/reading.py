"""How many rows the stages of a run read, by what they wrote into the run log."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from vitrine.paths import Paths

GOES_ON = re.compile(r"goes on from (\S+\.duckdb)")
KINDS = {
    # a stage's first word: what its `rows_in` counts
    "land": "rows of raw files",
    "check": "rows of the checked tables",
    "spark": "rows of the lake files opened: facts, and all versions of the catalogue",
    "build": "rows of the lake and delta files opened",
}


def stages(runs: Iterable[Mapping[str, Any]], paths: Paths) -> list[dict[str, Any]]:
    """Return each run's stage, seconds, `rows_in` (None: not counted) and copied `base`."""
    return [
        {
            "stage": run["stage"],
            "seconds": run["elapsed_s"],
            "rows_in": run["figures"].get("rows_in"),
            "base": _base(paths, run["figures"].get("begins", "")),
        }
        for run in runs
    ]


def rows_read(stages: Iterable[Mapping[str, Any]]) -> int:
    """Add up what the stages count: a row that three stages read counts three times."""
    return sum(stage["rows_in"] or 0 for stage in stages)


def bases(stages: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, int]]:
    """Return the versions that builds began from, by name: bytes copied, rows in them.

    Each layer of a build tells it, and the first of them has copied it.
    """
    return {s["base"]["version"]: s["base"] for s in stages if s.get("base")}


def what(stage: str) -> str:
    """Say what a stage's `rows_in` counts."""
    return KINDS.get(stage.split()[0], "")


def _base(paths: Paths, begins: str) -> dict[str, Any] | None:
    found = GOES_ON.search(begins)
    if found is None:
        return None
    file = paths.warehouse / "versions" / found[1]
    return {"version": file.name, "bytes": file.stat().st_size, "rows": _rows(file)}


def _rows(file: Path) -> int:
    with duckdb.connect(str(file), read_only=True) as connection:
        query = "select coalesce(sum(estimated_size), 0)::bigint from duckdb_tables()"
        ((rows,),) = connection.execute(query).fetchall()
    return int(rows)

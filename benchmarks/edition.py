"""Which code and settings figures were measured with, so that none outlive what they describe."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitrine.settings import PREFIX, REPOSITORY, Settings

MEASURED = ("vitrine", "spark_jobs", "dbt_project", "expectations", "benchmarks")
SOURCES = {".py", ".sql", ".yml", ".properties"}
MADE = {"target", "logs", "__pycache__"}


def digest(settings: Mapping[str, str], scale: float, root: Path = REPOSITORY) -> str:
    """Return the SHA-256 of the code that runs, of its dependencies, the settings and the scale."""
    told = json.dumps({"settings": dict(settings), "scale": scale}, sort_keys=True)
    found = hashlib.sha256(told.encode())
    for file in [root / "requirements.lock", *_sources(root)]:
        found.update(f"\0{file.relative_to(root)}\0".encode() + file.read_bytes())
    return found.hexdigest()


def departures(settings: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return each setting that is given, by name, as what is `used` and what is the `default`."""
    names = {name: name.removeprefix(PREFIX).lower() for name in settings}
    return {
        field: {"used": settings[name], "default": str(Settings.model_fields[field].default)}
        for name, field in names.items()
    }


def _sources(root: Path) -> list[Path]:
    return sorted(
        file
        for folder in MEASURED
        for file in (root / folder).rglob("*")
        if file.suffix in SOURCES and not MADE & set(file.relative_to(root).parts)
    )

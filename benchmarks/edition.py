"""Which code and settings figures were measured with, so that none outlive what they describe."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitrine.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
MEASURED = ("vitrine", "spark_jobs", "dbt_project", "expectations", "benchmarks")
SOURCES = {".py", ".sql", ".yml", ".properties"}
MADE = {"target", "logs", "__pycache__"}


def digest(settings: Mapping[str, str], scale: float) -> str:
    """Return the SHA-256 of the code that runs, of its dependencies, the settings and the scale."""
    told = json.dumps({"settings": dict(settings), "scale": scale}, sort_keys=True)
    found = hashlib.sha256(told.encode())
    for file in [ROOT / "requirements.lock", *_sources()]:
        found.update(f"\0{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return found.hexdigest()


def departures(settings: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return each setting that is given, by name, as what is `used` and what is the `default`."""
    names = {name: name.removeprefix(PREFIX).lower() for name in settings}
    return {
        field: {"used": settings[name], "default": str(Settings.model_fields[field].default)}
        for name, field in names.items()
    }


def _sources() -> list[Path]:
    return sorted(
        file
        for folder in MEASURED
        for file in (ROOT / folder).rglob("*")
        if file.suffix in SOURCES and not MADE & set(file.relative_to(ROOT).parts)
    )

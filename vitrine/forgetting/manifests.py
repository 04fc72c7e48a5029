"""Let a published version's manifest tell the truth about files that were replaced since.

A manifest names its files with their `bytes` and `sha256`; that of a list also counts who is in it.
What else it tells, such as the difference to the night before, is what was so at its publication.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from vitrine.forgetting.texts import kept_times, restore
from vitrine.letters import EXCLUSIONS_FILE, LETTERS_FILE
from vitrine.paths import Paths
from vitrine.publish import atomic_file

MANIFEST, PARTS = "manifest.json", "lists"


def correct(files: Iterable[Path], paths: Paths) -> None:
    """Correct the manifests of the versions that some files belong to; twice is as good as once.

    What lies in the landing folder is the shop's, its manifests too.
    """
    home, landing = paths.home, paths.landing
    changed = {f for f in files if f.is_relative_to(home) and not f.is_relative_to(landing)}
    for manifest in sorted({found for file in changed for found in _above(file, home)}):
        told = _told(manifest)
        if not isinstance(told.get("files"), dict):
            continue
        told |= {"files": dict(_entries(manifest.parent, told["files"], changed))}
        told |= _counts(manifest.parent, told)
        times = kept_times(manifest)
        with atomic_file(manifest) as path:
            path.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")
        restore(times)


def _above(file: Path, home: Path) -> Iterator[Path]:
    for folder in file.parents:
        if folder == home:
            return
        if (folder / MANIFEST).is_file() and folder / MANIFEST != file:
            yield folder / MANIFEST


def _told(manifest: Path) -> dict[str, Any]:
    """Read a manifest; of another program's file of that name, which may say anything, nothing."""
    try:
        told = json.loads(manifest.read_text())
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _entries(
    folder: Path, said: dict[str, Any], changed: Container[Path]
) -> Iterator[tuple[str, Any]]:
    for name, entry in said.items():
        file = folder / name
        if file not in changed or (file.exists() and not isinstance(entry, dict)):
            yield name, entry
        elif file.exists():
            data = file.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            yield name, entry | {"bytes": len(data), "sha256": digest}


def _counts(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Count the rows of a list's parts, its letters and its exclusions, where it has told them."""
    if not (folder / LETTERS_FILE).exists() or not {"customers", PARTS} <= told.keys():
        return {}
    parts = {part: folder / PARTS / f"{part}.parquet" for part in told[PARTS]}
    rows = {part: pq.read_metadata(file).num_rows for part, file in parts.items() if file.exists()}
    listed = pq.read_metadata(folder / LETTERS_FILE).num_rows
    reasons = Counter(pq.read_table(folder / EXCLUSIONS_FILE)["exclusion"].to_pylist())
    counted = {
        "known": listed + reasons.total(),
        "listed": listed,
        "excluded": reasons.total(),
        "excluded_by_reason": dict(sorted(reasons.items())),
    }
    return {PARTS: told[PARTS] | rows, "customers": told["customers"] | counted}

"""The staged list: what `build` leaves for the gate and for `publish`; without addresses."""

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from email_lists.composition import Composition
from vitrine.errors import NotPublishedError
from vitrine.interval import format_instant
from vitrine.paths import Paths, stamp
from vitrine.publish import beside

PEOPLE, PRODUCTS, EXCLUSIONS = "list.parquet", "list_products.parquet", "exclusions.parquet"
PROVENANCE = "provenance.json"


def folder_of(paths: Paths, as_of: datetime) -> Path:
    """Return the folder of one instant's staged list."""
    return paths.staging / "lists" / stamp(as_of)


def write(paths: Paths, composed: Composition, as_of: datetime, provenance: dict[str, Any]) -> Path:
    """Stage a list whole: a killed run leaves the earlier one, or none, but never a mixture."""
    target = folder_of(paths, as_of)
    target.parent.mkdir(parents=True, exist_ok=True)
    with beside(target, f"*-{target.name}") as fresh:
        fresh.mkdir()
        write_parquet(composed.people, fresh / PEOPLE)
        write_parquet(composed.products, fresh / PRODUCTS)
        write_parquet(composed.exclusions, fresh / EXCLUSIONS)
        (fresh / PROVENANCE).write_text(json.dumps(provenance, indent=2, sort_keys=True) + "\n")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    return target


def read(paths: Paths, as_of: datetime) -> tuple[Composition, dict[str, Any]]:
    """Read a staged list and its provenance.

    Raises
    ------
    NotPublishedError
        If that instant's list was not built.
    """
    folder = folder_of(paths, as_of)
    if not (folder / PROVENANCE).exists():
        moment = format_instant(as_of)
        raise NotPublishedError(
            f"no list as of {moment} is built; run `vitrine lists build --as-of {moment}` first"
        )
    tables = [pq.read_table(folder / name) for name in (PEOPLE, PRODUCTS, EXCLUSIONS)]
    return Composition(*tables), json.loads((folder / PROVENANCE).read_text())


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a Parquet file whose bytes depend on the rows alone."""
    pq.write_table(table, path, compression="zstd")

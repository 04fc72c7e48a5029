"""The staged list: the state wanted of one night; without addresses."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from email_lists import people
from email_lists.composition import Composition
from email_lists.handover import harmless
from vitrine import letters
from vitrine.contracts import INSTANT, TEXT, Column, Table
from vitrine.errors import NotPublishedError
from vitrine.paths import Paths
from vitrine.publish import new_version
from vitrine.staged_lists import (
    EXCLUSIONS,
    PEOPLE,
    PROVENANCE,
    SCARCITY,
    StagedList,
    digest,
)

LEFT_OUT = Table(
    "left_out",
    "One row per customer who is not on a staged list.",
    letters.EXCLUSIONS.key,
    (
        *letters.EXCLUSIONS.columns,
        Column("send_at", INSTANT, "When a letter would have been sent.", nullable=True),
        Column("country", TEXT, "As of the night.", nullable=True),
        Column("timezone", TEXT, "As of the night.", nullable=True),
        Column("strategy", TEXT, "What the letter would have been.", nullable=True),
    ),
)
"""The hand-off checks those held out like those listed: else only these would lose somebody."""
KEPT = 2
"""Builds of one night: the newest, and the one that somebody may still be reading."""
ROW_GROUP = 65_536
"""People whose text is treated, and written, together; bounds the memory."""


@dataclass(frozen=True)
class Staged:
    """What was read of a staged list, and the digest of just that."""

    people: pa.Table
    """As `people.SCHEMA`."""
    exclusions: pa.Table
    """`LEFT_OUT`."""
    scarcity: pa.Table
    provenance: dict[str, Any]
    digest: str


class _AlreadyStagedError(Exception):
    pass


def write(target: Path, composed: Composition, provenance: dict[str, Any]) -> Path:
    """Stage a list whole at `Paths.staged_list`, its text made harmless.

    A killed run leaves the earlier one, or none, but never a mixture; one that is built again as it
    was keeps the gate's mark.
    """
    root = target.parent

    def is_other() -> None:
        if (target / PROVENANCE).exists() and digest(target) == digest(fresh):
            raise _AlreadyStagedError

    with suppress(_AlreadyStagedError), new_version(root, root.name, KEPT, agree=is_other) as fresh:
        _write_people(composed.people, fresh / PEOPLE)
        write_parquet(LEFT_OUT.conform(composed.exclusions), fresh / EXCLUSIONS)
        write_parquet(composed.scarcity, fresh / SCARCITY)
        (fresh / PROVENANCE).write_text(json.dumps(provenance, indent=2, sort_keys=True) + "\n")
    return target


def read(paths: Paths, name: str, as_of: datetime, policy: str) -> Staged:
    """Read the staged list of a name and an instant, if the gate has found it in order.

    Parameters
    ----------
    policy
        The version of the policy that holds; the gate must have gone by it.

    Raises
    ------
    NotPublishedError
        If that instant's list was not built, or has no mark of the gate that holds.
    """
    found = StagedList.of(paths, name, as_of)
    before = found.digest()
    found.require_mark(before, policy)
    rows = pq.read_table(found.folder / PEOPLE)
    exclusions, scarcity = (pq.read_table(found.folder / name) for name in (EXCLUSIONS, SCARCITY))
    provenance = json.loads((found.folder / PROVENANCE).read_text())
    if found.digest() != before:
        raise NotPublishedError(
            f"the list {name} was built anew while it was read; check it again, then publish it"
        )
    return Staged(rows, exclusions, scarcity, provenance, before)


def _write_people(rows: pa.Table, path: Path) -> None:
    with pq.ParquetWriter(path, people.SCHEMA, compression="zstd") as writer:
        for start in range(0, rows.num_rows, ROW_GROUP):
            writer.write_table(harmless.in_letters(rows.slice(start, ROW_GROUP)))


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a Parquet file whose bytes depend on the rows alone."""
    pq.write_table(table, path, compression="zstd")

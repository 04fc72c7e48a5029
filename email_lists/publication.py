"""The hand-off: joins addresses, checks everyone once more, and makes one night's lists visible.

A night's lists lie under `lists/<night>/current/`; the night is the UTC day of the instant that
they are made for. Running again gives the same bytes, as long as nobody has left since.
"""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from email_lists import export, previews, staged
from email_lists.composition import PRODUCTS_SHOWN, Composition
from email_lists.delivery import deliverable
from email_lists.eligibility import counts
from email_lists.frames import select
from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.errors import NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import DAY, floor, format_instant
from vitrine.operations.schedule import SEND_DECISION
from vitrine.paths import Paths, stamp
from vitrine.publish import current_version, new_version

LISTS, PREVIEWS, MANIFEST = "lists", "previews", "manifest.json"

_REMAINING = """
select {columns}
from people
join checked using (customer_id)
where exclusion is null
order by customer_id
"""

_ALL_EXCLUDED = """
select customer_id, exclusion from exclusions
union all
select customer_id, exclusion from checked where exclusion is not null
order by customer_id
"""


def folder_of(paths: Paths, as_of: datetime) -> Path:
    """Return the folder that holds the published versions of an instant's night."""
    return paths.lists / as_of.date().isoformat()


def publish(installation: Installation, as_of: datetime) -> dict[str, Any]:
    """Publish the staged list of an instant; return its manifest.

    Raises
    ------
    NotPublishedError
        If it was not built.
    """
    paths = installation.paths
    composed, provenance = staged.read(paths, as_of)
    composed = _checked(paths, composed, provenance)
    keep = installation.settings.keep_versions
    with new_version(folder_of(paths, as_of), stamp(as_of), keep) as folder:
        head = {"night": as_of.date().isoformat(), "currency": provenance["currency"]}
        parts = export.write(composed.people, folder / LISTS)
        images = _received(paths, "product_images")
        previews.write(composed.people, images, paths.landing, folder / PREVIEWS, head)
        staged.write_parquet(composed.exclusions, folder / staged.EXCLUSIONS)
        manifest = {
            **provenance,
            "night": head["night"],
            "as_of": format_instant(as_of),
            "customers": _counted(composed),
            "lists": parts,
            "slates": _slates(composed.people),
            "files": _checksums(folder),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    return manifest


def read(paths: Paths, as_of: datetime) -> tuple[dict[str, Any], pa.Table, pa.Table]:
    """Read a published list: its manifest, its people, its exclusions.

    Raises
    ------
    NotPublishedError
        If that night's list, or the list of exactly that instant, is not published.
    """
    moment = format_instant(as_of)
    try:
        folder = current_version(folder_of(paths, as_of))
    except NotPublishedError:
        raise NotPublishedError(
            f"no list as of {moment} is published; run `vitrine lists build`,"
            " `vitrine check lists`, then `vitrine lists publish`, with"
            f" --as-of {format_instant(_decision(as_of))}"
        ) from None
    manifest = json.loads((folder / MANIFEST).read_text())
    if manifest["as_of"] != moment:
        raise NotPublishedError(
            f"the list of that night is the one as of {manifest['as_of']}, not {moment};"
            f" run `vitrine lists show --as-of {manifest['as_of']}`"
        )
    people = [pq.read_table(file) for file in sorted((folder / LISTS).glob("*.parquet"))]
    rows = pa.concat_tables(people) if people else staged.read(paths, as_of)[0].people.slice(0, 0)
    return manifest, rows, pq.read_table(folder / staged.EXCLUSIONS)


def _decision(as_of: datetime) -> datetime:
    """Return the instant that a night's list is made for, where only the night was named."""
    is_date = as_of == floor(as_of, DAY)
    return as_of + SEND_DECISION if is_date else as_of


def _checked(paths: Paths, composed: Composition, provenance: dict[str, Any]) -> Composition:
    """Take out whoever must not be written to any more; join addresses if letters may go out."""
    sendable, provides = provenance["sendable"], provenance["provides"]
    checked = deliverable(
        composed.people.select(["customer_id", "send_at"]),
        _received(paths, "contacts") if sendable else None,
        _received(paths, "consents") if "consents" in provides else None,
        _received(paths, "suppressions"),
    )
    columns = "people.*, email_address" if sendable else "people.*"
    return Composition(
        select(_REMAINING.format(columns=columns), people=composed.people, checked=checked),
        composed.products,
        select(_ALL_EXCLUDED, exclusions=composed.exclusions, checked=checked),
    )


def _received(paths: Paths, table: str) -> pa.Table:
    """Read all that the lake holds of a contract table."""
    days = lake.days(paths.lake, table)
    files = [
        file
        for day in days
        for file in lake.partition_files(paths.partition(paths.lake, table, day))
    ]
    rows = [pq.ParquetFile(file).read() for file in files]
    return pa.concat_tables(rows) if rows else TABLES[table].empty()


def _counted(composed: Composition) -> dict[str, Any]:
    listed, excluded = composed.people.num_rows, composed.exclusions.num_rows
    return {
        "known": listed + excluded,
        "listed": listed,
        "excluded": excluded,
        "excluded_by_reason": counts(composed.exclusions),
    }


def _slates(people: pa.Table) -> dict[str, Any]:
    sql = """
    select
        count(*) filter (where len(products) = $full) as complete,
        count(*) filter (where len(products) < $full) as short,
        coalesce(sum(len(products)), 0)::bigint as product_count
    from people
    """
    [row] = select(sql, {"full": PRODUCTS_SHOWN}, people=people).to_pylist()
    shown = select("select unnest(products).slot as slot from people", people=people)
    by_slot = select("select slot, count(*) as n from shown group by all order by all", shown=shown)
    return row | {"by_slot": {r["slot"]: r["n"] for r in by_slot.to_pylist()}}


def _checksums(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        file.relative_to(folder).as_posix(): {
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }

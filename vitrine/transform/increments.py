"""What a build goes on from, and which files it reads: decided once, when it begins.

A build is an increment on the newest published version that is still true; where there is none it
is the same models from an empty file. Both give the same tables.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from vitrine import deltas, lake, letters, publish
from vitrine.installation import Installation
from vitrine.interval import (
    DAY,
    EPOCH,
    QUARTER_HOUR,
    Interval,
    floor,
    format_instant,
    parse_instant,
)
from vitrine.paths import Paths
from vitrine.settings import REPOSITORY

PROJECT = REPOSITORY / "dbt_project"
STEPS = {"daily": DAY, "intraday": QUARTER_HOUR}
"""A version is gone on from at the end of such a step only: until then its last rows may change."""

LAKE_TABLES = {
    "daily": (
        "customers",
        "products",
        "campaigns",
        "campaign_products",
        "orders",
        "events",
        "consents",
        "suppressions",
        "email_events",
        "stock_levels",
    ),
    "intraday": ("campaigns", "campaign_products"),
}
LIST_TABLES = {"daily": (letters.LETTERS, letters.EXCLUSIONS), "intraday": ()}
"""What published lists say; a night's lists are known to whoever knows the whole UTC day."""
FACTS = ("orders", "events")
LOOK_BACK = timedelta(days=28)
"""The longest look-back of an intraday feature, from the newest window that is readable."""
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Increment:
    """Where a build begins, and what it reads beyond that."""

    base: str
    """The published version that is gone on from; empty: none."""
    base_end_at: datetime
    """What was received before is in the base; the epoch where there is none."""
    reason: str
    """Why the base, or none, in words for the operator."""
    history_start_at: datetime
    """What was received before is known to no feature; the epoch where nothing is left out."""
    exact_from_at: datetime
    """The first instant about which the features may be asked."""
    input_digests: dict[str, str]
    """Per input table, of when all files that it comes from changed last, the base's files too."""
    definition_digest: str
    """SHA-256 of the models and of the settings that change what they give."""
    files: dict[str, list[str]]
    """Per input table the files with receipts since the base; a file without rows if none."""

    def row_count(self) -> int:
        """Count the rows of the files that are read, by what each file says of itself."""
        import pyarrow.parquet as pq

        return sum(
            pq.read_metadata(file).num_rows for files in self.files.values() for file in files
        )

    def store(self, file: Path) -> None:
        """Keep the decision for the build's next layers."""
        file.write_text(json.dumps(asdict(self), default=format_instant, indent=1) + "\n")

    @classmethod
    def load(cls, file: Path) -> "Increment":
        """Read what `store` wrote."""
        values = json.loads(file.read_text())
        instants = {name: parse_instant(values[name]) for name in values if name.endswith("_at")}
        return cls(**(values | instants))


@dataclass(frozen=True)
class Origin:
    """What a published version says about itself in `features.build_info`."""

    version: Path
    data_end_at: datetime
    input_digests: dict[str, str]
    definition_digest: str


@dataclass(frozen=True)
class _Input:
    root: Path
    table: str
    start: datetime
    """Files of earlier receipts are not read."""

    @property
    def empty(self) -> Path:
        """The file without rows that stands for none."""
        return self.root / self.table / f"ds={lake.NO_DAY.isoformat()}" / "empty.parquet"

    def interval(self, file: Path) -> Interval:
        """Return the interval of receipt that a file owns."""
        return lake.file_interval(file)

    def name(self, file: Path, until: datetime) -> str:
        """Return what a file's change is remembered by; a finished day's files may be merged."""
        is_whole_day = self.interval(file).start < floor(until, DAY)
        return file.parent.name if is_whole_day else file.stem

    def files(self, until: datetime) -> list[Path]:
        """List the files with receipts in `[start, until)`, in the order of time."""
        days = lake.days(self.root, self.table)
        wanted = [d for d in days if self.start.date() <= d <= (until - MICROSECOND).date()]
        folders = (self.root / self.table / f"ds={day.isoformat()}" for day in wanted)
        return [
            file
            for folder in folders
            for file in lake.partition_files(folder)
            if self.start < lake.file_interval(file).end and lake.file_interval(file).start < until
        ]


@dataclass(frozen=True)
class _ListInput(_Input):
    """A file of each published list and night; published again, it is another version's."""

    empties: Path

    @property
    def empty(self) -> Path:
        """A file beside other passing work: the lists' folder holds lists alone."""
        return _Input(self.empties, self.table, self.start).empty

    def interval(self, file: Path) -> Interval:
        """Return the UTC day of the file's night."""
        return Interval.of_day(letters.of_file(file).night)

    def name(self, file: Path, until: datetime) -> str:
        """Return the list and the night, whatever the version."""
        night = letters.of_file(file)
        return f"{night.list_name} {night.night}"

    def files(self, until: datetime) -> list[Path]:
        """List the files of the nights that ended by `until`."""
        return [
            night.folder / letters.FILES[self.table]
            for night in letters.published(self.root)
            if Interval.of_day(night.night).end <= until
        ]


def plan(
    installation: Installation,
    database: str,
    interval: Interval,
    definitions: Mapping[str, Any],
) -> Increment:
    """Choose the version that a build of `interval` goes on from, and list the files it reads.

    Parameters
    ----------
    definitions
        The settings that change what the models give; a version built by others is not gone on
        from.
    """
    start = _history_start(installation, database, interval.end)
    digest = _digest(database, {**definitions, "history_start_at": format_instant(start)})
    inputs = list(_inputs(installation, database, start))
    found = {each: each.files(interval.end) for each in inputs}
    origin, reason = _newest_true(installation, database, interval.start, digest, found)
    since = origin.data_end_at if origin else EPOCH
    return Increment(
        base=str(origin.version) if origin else "",
        base_end_at=since,
        reason=reason,
        history_start_at=start,
        exact_from_at=_exact_from(installation, start),
        input_digests={
            each.table: _changes_digest(each, files, interval.end) for each, files in found.items()
        },
        definition_digest=digest,
        files={each.table: _since(each, files, since) for each, files in found.items()},
    )


def _newest_true(
    installation: Installation,
    database: str,
    start: datetime,
    digest: str,
    found: dict[_Input, list[Path]],
) -> tuple[Origin | None, str]:
    """Return the newest version that ends by `start` and that nothing has changed since."""
    reasons = []
    for origin in published_origins(installation.paths.warehouse, database):
        if origin.data_end_at > start:
            continue
        reason = _why_untrue(origin, database, digest, found)
        if reason is None:
            return origin, f"it goes on from {origin.version.name}"
        reasons.append(f"{origin.version.name} {reason}")
    if reasons:
        return None, f"it begins anew: {reasons[0]}"
    return None, f"it begins anew: no version is published that ends by {format_instant(start)}"


def _why_untrue(
    origin: Origin, database: str, digest: str, found: dict[_Input, list[Path]]
) -> str | None:
    if origin.definition_digest != digest:
        return "was built by other definitions, settings or bounds of history"
    if floor(origin.data_end_at, STEPS[database]) != origin.data_end_at:
        return f"ends within a step, at {format_instant(origin.data_end_at)}"
    for each, files in found.items():
        digest = _changes_digest(each, files, origin.data_end_at)
        if digest != origin.input_digests.get(each.table):
            return f"was built from other files of {each.table} than are there now"
    return None


def published_origins(warehouse: Path, database: str) -> list[Origin]:
    """Return what the kept versions that may be gone on from say of themselves, newest data first.

    They are the one that readers see and those published before it. A version that was withdrawn,
    by publishing older data over it, is left out, and one that does not say what it was built from.
    """
    link = warehouse / f"{database}.duckdb"
    versions = (warehouse / "versions").glob(f"{database}-*.duckdb") if link.exists() else ()
    seen = [version for version in versions if publish.age(version) <= publish.age(link.resolve())]
    found: list[Origin] = []
    for version in sorted(seen, key=publish.age, reverse=True):
        origin = _origin(version)
        if origin and (not found or origin.data_end_at <= found[-1].data_end_at):
            found.append(origin)
    return found


def _origin(version: Path) -> Origin | None:
    with duckdb.connect(str(version), read_only=True) as connection:
        try:
            ((end_us, inputs, definition),) = connection.execute(
                "select epoch_us(data_end_at), input_digests, definition_digest"
                " from features.build_info"
            ).fetchall()
        except (duckdb.BinderException, duckdb.CatalogException):
            return None
    digests = dict(said.split("=") for said in inputs.split())
    return Origin(version, EPOCH + timedelta(microseconds=end_us), digests, definition)


def _history_start(installation: Installation, database: str, end: datetime) -> datetime:
    """Return the first instant of receipt that is read: the epoch where nothing is left out."""
    history_days = installation.settings.intraday_history_days
    start = deltas.history_start(database, end, history_days)
    firsts = [lake.days(installation.paths.lake, table)[:1] for table in FACTS]
    return start if any(day < start.date() for first in firsts for day in first) else EPOCH


def _exact_from(installation: Installation, history_start: datetime) -> datetime:
    if history_start == EPOCH:
        return EPOCH
    return (
        history_start + LOOK_BACK + timedelta(minutes=installation.settings.intraday_delay_minutes)
    )


def _inputs(installation: Installation, database: str, start: datetime) -> Iterator[_Input]:
    paths = installation.paths
    yield from (_Input(paths.lake, table, EPOCH) for table in LAKE_TABLES[database])
    yield from (_Input(paths.deltas, table.name, start) for table in deltas.BY_DATABASE[database])
    yield from (
        _ListInput(paths.lists, table.name, EPOCH, empties(paths))
        for table in LIST_TABLES[database]
    )


def empties(paths: Paths) -> Path:
    """Return the root of files without rows that stand for lists before the first one."""
    return paths.staging / "lists_before_the_first"


def _since(table: _Input, files: list[Path], since: datetime) -> list[str]:
    new = [str(file) for file in files if table.interval(file).end > since]
    return new or [str(table.empty)]


def _changes_digest(table: _Input, files: list[Path], until: datetime) -> str:
    """Return a digest of when the files with receipts before `until` changed last.

    A whole day counts by its newest change, which merging its files leaves as it was.
    """
    changes: dict[str, int] = {}
    for file in files:
        if table.interval(file).start < until:
            name = table.name(file, until)
            changes[name] = max(changes.get(name, 0), file.stat().st_mtime_ns)
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:16]


def _digest(database: str, definitions: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(definitions, sort_keys=True).encode())
    folders = (PROJECT / "models" / database, PROJECT / "macros")
    files = [file for folder in folders for file in folder.rglob("*.*")]
    for file in sorted([*files, PROJECT / "models" / "sources.yml", PROJECT / "dbt_project.yml"]):
        digest.update(f"\0{file.relative_to(PROJECT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()

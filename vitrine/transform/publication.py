"""Make a built DuckDB file visible: checkpoint, check that it is newer, switch."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from vitrine import publish
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant
from vitrine.paths import stamp
from vitrine.transform import builds, dbt


def publish_build(
    installation: Installation, database: str, interval: Interval, force: bool = False
) -> Path:
    """Move the file that was built for `interval` to where readers look; return its new place.

    Where a run that was killed has moved it already, what it left is completed. Of the folder that
    it was built in the log stays, for as many builds as versions are kept.

    Raises
    ------
    NotPublishedError
        If the interval's last layer was not built: a file that goes on from a published version
        looks whole from its beginning on. If there is no build, or not any more.
    BadArgumentError
        If newer data is published already and `force` is not given.
    VitrineError
        If another process is at work on the same build.
    MachineError
        If the disk is full; readers see what they saw before.
    """
    file = installation.paths.build_file(database, interval)
    link = installation.paths.warehouse / file.name
    if not file.exists() and not file.parent.exists():
        return _completed(link, database, interval, file)
    with builds.held(file.parent):
        published = (
            _moved(installation, file, link, interval, force)
            if file.exists()
            else _completed(link, database, interval, file)
        )
        builds.keep_log(file.parent, (dbt.INCREMENT_FILE, dbt.PROGRESS_FILE))
    builds.forget_old(file, installation.settings.keep_versions)
    return published


def _moved(
    installation: Installation, file: Path, link: Path, interval: Interval, force: bool
) -> Path:
    _require_whole(file, interval)
    _checkpoint(file)
    built, published = data_end(file), published_end(link)
    if published is not None and built < published and not force:
        raise BadArgumentError(
            f"{file.stem} is published with data until {format_instant(published)}, this build ends"
            f" at {format_instant(built)}: give an --end that is not earlier, or --force"
        )
    return publish.publish_file(
        file, link.parent, stamp(interval.end), installation.settings.keep_versions
    )


def _completed(link: Path, database: str, interval: Interval, file: Path) -> Path:
    """Let readers see the version that was moved for `interval`, unless another came after it."""
    versions = sorted((link.parent / "versions").glob(f"{database}-*.duckdb"), key=publish.age)
    moved = [
        version
        for version in versions
        if version.stem.startswith(f"{database}-{stamp(interval.end)}")
        and _built_for(version) == interval
    ]
    if not moved:
        raise NotPublishedError(
            f"no build of {database} for {interval} is there ({file}): there was none, or later"
            " ones took its place; `vitrine build` makes it layer by layer"
        )
    if moved[-1] == versions[-1]:
        publish.point(link, moved[-1])
    return moved[-1]


def _require_whole(file: Path, interval: Interval) -> None:
    if not dbt.is_built_to_the_end(file.parent) or _built_for(file) != interval:
        raise NotPublishedError(
            f"{file} is not built to the end; run `vitrine build` for its next layers first"
        )


def _built_for(file: Path) -> Interval:
    with duckdb.connect(str(file), read_only=True) as connection:
        ((start, end),) = connection.execute(
            "select epoch_us(interval_start_at), epoch_us(data_end_at) from features.build_info"
        ).fetchall()
    return Interval(*(datetime.fromtimestamp(at / 1e6, UTC) for at in (start, end)))


def data_end(file: Path) -> datetime:
    """Return the instant up to which a file holds what was received."""
    return _built_for(file).end


def published_end(link: Path) -> datetime | None:
    """Return the data end of what is published, or None where nothing is."""
    return data_end(link.resolve()) if link.exists() else None


def _checkpoint(file: Path) -> None:
    try:
        with duckdb.connect(str(file)) as connection:
            connection.execute("checkpoint")
    except duckdb.Error as error:
        if reason := publish.full_disk_said_in(str(error)):
            raise publish.full_disk(file, reason) from error
        raise

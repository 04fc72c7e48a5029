"""The folders that builds are made in: who is at work in one, and how long it stays.

A folder belongs to one database and interval. It holds the DuckDB file until that is published,
what the build was made from, and dbt's log.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from vitrine import publish
from vitrine.errors import VitrineError

OTHERS_AT_WORK = 2
"""A database is built by two DAGs in turn, task by task, each one run at a time, and by hand: so a
build meets two others that still wait for their next layer, their gate or their publication."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a build's folder, made if need be, while one is at work in it.

    Raises
    ------
    VitrineError
        If another process is at work in it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # Nobody may remove it between its making and its lock.
        with publish.alone(folder.parent):
            folder.mkdir(exist_ok=True)
            try:
                stack.enter_context(publish.alone(folder, is_patient=False))
            except BlockingIOError:
                raise VitrineError(
                    f"another process is at work on the build {folder}; type the same command"
                    " again once that has ended"
                ) from None
        yield


def empty(folder: Path, but: tuple[str, ...] = ()) -> None:
    """Remove what lies in a folder, except what it is held by and what is named."""
    for path in folder.glob("*"):
        if path.name not in (publish.LOCK, *but):
            publish.remove(path)


def keep_log(folder: Path, files: tuple[str, ...]) -> None:
    """Leave of a build that was published dbt's log and the named files."""
    empty(folder, but=("dbt", *files))
    empty(folder / "dbt", but=("logs",))


def forget_old(file: Path, keep_versions: int) -> None:
    """Remove the folders of a database's builds that nobody comes back to.

    What stays: those worked on last of the builds that wait for their next step, as many as may be
    under way beside the one of `file`; the logs of the last `keep_versions` published ones; and
    every folder that a process is at work in.
    """
    root = file.parent.parent
    with publish.alone(root):
        others = [f for f in root.glob(f"{file.stem}-[0-9]*") if f != file.parent]
        by_age = sorted(others, key=publish.age, reverse=True)
        waiting = [folder for folder in by_age if (folder / file.name).exists()]
        published = [folder for folder in by_age if folder not in waiting]
        for folder in waiting[OTHERS_AT_WORK:] + published[max(0, keep_versions - 1) :]:
            with suppress(BlockingIOError), publish.alone(folder, is_patient=False):
                # What cannot be removed now is tried again by the next build.
                shutil.rmtree(folder, ignore_errors=True)

"""Write beside, check, make visible in one atomic step; keep the last versions.

A reader sees the old version or the new one, never a mixture, and a killed writer leaves nothing
but a file or folder whose name starts with `.tmp-`, which a later writer of that place removes.
Process ids say nothing here: containers that share the disk number their processes each for itself.
"""

import errno
import fcntl
import filecmp
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from vitrine.errors import MachineError, NotPublishedError

TEMPORARY = ".tmp-"
LOCK = ".lock"
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Give a path beside `target` to write to; on success it replaces `target` at once.

    A target that holds the same bytes already is left alone, its time of change included: what was
    made from it is still true.

    Raises
    ------
    MachineError
        If the disk is full; the target is as it was.
    """
    with told_of_a_full_disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside(target, f"*-{target.name}") as temporary:
            yield temporary
            if not _is_same(temporary, target):
                _sync(temporary)
                temporary.replace(target)
                _sync(target.parent)


@contextmanager
def beside(target: Path, leftovers: str) -> Iterator[Path]:
    """Give a name beside `target` that nobody else has; what is left under it at the end goes.

    Writers hold the folder together while they write, and the system lets go for one that is
    killed. So whoever gets it alone may remove what others left there: what `leftovers`, a pattern
    for what follows `.tmp-`, matches.
    """
    temporary = target.with_name(f"{TEMPORARY}{uuid4().hex}-{target.name}")
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for leftover in target.parent.glob(TEMPORARY + leftovers):
                remove(leftover)
        fcntl.flock(folder, fcntl.LOCK_SH)
        try:
            yield temporary
        finally:
            remove(temporary)
    finally:
        os.close(folder)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder; what cannot be removed of a folder stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def told_of_a_full_disk(place: Path) -> Iterator[None]:
    """Turn the system's errors about a full disk into the one line that says what to do.

    Raises
    ------
    MachineError
        If what is written in the block does not fit on the disk.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        raise full_disk(place, os.strerror(error.errno)) from error


def full_disk(place: Path, reason: str) -> MachineError:
    """Return the error that says that `place` was not written for lack of room."""
    return MachineError(
        f"{place} was not written: {reason.lower()}; what was there before is unharmed;"
        " make room on that disk, then type the same command again"
    )


def full_disk_said_in(text: str) -> str | None:
    """Return the system's words for a full disk if another program's message holds them."""
    return next((os.strerror(n) for n in FULL_DISK if os.strerror(n) in text), None)


def _is_same(file: Path, target: Path) -> bool:
    return target.is_file() and filecmp.cmp(file, target, shallow=False)


Sparing = Callable[[Sequence[Path]], Iterable[Path]]
Agreement = Callable[[], object]


def spare_none(_: Sequence[Path]) -> Iterable[Path]:
    """Let all go that are older than the last so many."""
    return ()


def agreed() -> None:
    """Agree with whatever was published in the meantime."""


@contextmanager
def new_version(
    root: Path,
    version: str,
    keep: int = 3,
    spared: Sparing = spare_none,
    agree: Agreement = agreed,
) -> Iterator[Path]:
    """Give an empty folder to fill; on success it becomes `root/current`, and old ones go.

    Of all versions, the newest first, `spared` says which stay beside the last `keep`. Right before
    the switch, while nobody else can publish here, `agree` may raise: then nothing is published.

    The layout is `root/versions/<version>/` and the symbolic link `root/current`. Publishing a
    version again replaces it: the link moves to a fresh folder first, so readers never miss it.
    Several processes may publish under one root; the last one to finish is current.

    Raises
    ------
    MachineError
        If the disk is full; the current version is as it was.
    """
    with told_of_a_full_disk(root), _new_version(root, version, keep, spared, agree) as folder:
        yield folder


@contextmanager
def _new_version(
    root: Path, version: str, keep: int, spared: Sparing, agree: Agreement
) -> Iterator[Path]:
    versions = root / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    with beside(versions / version, "*") as temporary:
        temporary.mkdir()
        yield temporary
        for path in temporary.rglob("*"):
            _sync(path)
        with alone(root):
            agree()
            _switch(root, temporary, _free_name(versions, version))
            _prune(root, keep, spared)


def current_version(root: Path) -> Path:
    """Return the folder that `root/current` points at now; it stays readable while it is kept.

    Raises
    ------
    NotPublishedError
        If nothing was ever published under `root`.
    """
    link = root / "current"
    if not link.exists():
        raise NotPublishedError(
            f"nothing is published at {root} yet; `vitrine status` shows what is"
        )
    return link.resolve()


def publications(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield folder and manifest of the versions that are kept, the newest publication first."""
    manifests = (root / "versions").glob("[!.]*/manifest.json")
    for manifest in sorted(manifests, key=age, reverse=True):
        yield manifest.parent, json.loads(manifest.read_text())


def publish_file(source: Path, root: Path, version: str, keep: int = 3) -> Path:
    """Move a finished file to `root/versions/` and let `root/<name>` point at it; return it.

    Readers open `root/<name>`; long-lived readers open the returned path. The version that a
    reader has open stays on disk until `keep` newer ones exist, and open even after that.

    Raises
    ------
    MachineError
        If the disk is full; readers see what they saw before.
    """
    with told_of_a_full_disk(root):
        versions = root / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        target = _free_name(versions, f"{source.stem}-{version}", source.suffix)
        os.utime(source)  # versions are sorted by when they were published, not built
        _sync(source)
        source.replace(target)
        point(root / source.name, target)
        for old in sorted(versions.glob(f"{source.stem}-*{source.suffix}"), key=age)[:-keep]:
            if old != target:
                old.unlink()
    return target


@contextmanager
def alone(folder: Path, is_patient: bool = True) -> Iterator[None]:
    """Wait until no other process holds `folder` so, and hold it.

    Raises
    ------
    BlockingIOError
        If another process holds it and `is_patient` is not given.
    """
    with (folder / LOCK).open("w") as lock:
        # The system lets go of it when the file is closed, also for a process that is killed.
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
        yield


def _switch(root: Path, temporary: Path, final: Path) -> None:
    temporary.replace(final)
    point(root / "current", final)


def point(link: Path, target: Path) -> None:
    """Let a symbolic link name another place beside it, in one step."""
    with beside(link, f"*-{link.name}") as fresh:
        fresh.symlink_to(target.relative_to(link.parent))
        fresh.replace(link)
        _sync(link.parent)


def _free_name(folder: Path, stem: str, suffix: str = "") -> Path:
    candidate, attempt = folder / f"{stem}{suffix}", 1
    while candidate.exists():
        attempt += 1
        candidate = folder / f"{stem}.{attempt}{suffix}"
    return candidate


def _prune(root: Path, keep: int, spared: Sparing) -> None:
    versions = [p for p in (root / "versions").iterdir() if not p.name.startswith(TEMPORARY)]
    newest_first = sorted(versions, key=age, reverse=True)
    staying = {(root / "current").resolve(), *newest_first[:keep], *spared(newest_first)}
    for old in newest_first:
        if old not in staying:
            shutil.rmtree(old)


def age(path: Path) -> tuple[int, str]:
    """Return what versions are sorted by: when they were published, then their names."""
    return path.stat().st_mtime_ns, path.name


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

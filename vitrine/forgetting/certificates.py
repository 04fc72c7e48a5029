"""What is kept of an erasure: while it is under way what it needs, at the end a certificate.

`erasures/begun/<hash>` says that a customer counts as erased, `erasures/unfinished/<hash>.json` who
it is and `….files` what was found where, both readable by this user alone and removed at the end.
`erasures/<hash>.json` is the certificate: counts and digests per place, nothing personal.
"""

import hashlib
import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from vitrine import lake
from vitrine.forgetting.person import Person
from vitrine.interval import format_instant
from vitrine.paths import Paths
from vitrine.publish import atomic_file, remove

_BY_TABLE = ("lake", "deltas", "landing")
GONE = "removed"


@dataclass(frozen=True)
class Place:
    """What was erased in one folder, or one table of a folder."""

    files_changed: int
    removed_count: int
    """Rows, lines and texts."""
    sha256_before: str
    """Digest of the names and digests of the changed files."""
    sha256_after: str


@dataclass(frozen=True)
class Certificate:
    """One completed erasure."""

    person: str
    """Salted hash of the customer's id."""
    places: dict[str, Place]
    ids: dict[str, int]
    """How many ids and addresses of each kind were searched for, beside the customer's."""
    shared_address_count: int
    """Addresses that another customer gave too, so they stayed there."""
    searched_count: int
    """Files that the last search has gone through; it found the person in none."""
    received: tuple[str, ...]
    """Start and end of the drops that the person's orders and events came in, if there were any."""
    vitrine_version: str
    file: Path

    @property
    def removed_count(self) -> int:
        """Rows, lines and texts that were taken out, in all places."""
        return sum(place.removed_count for place in self.places.values())

    @property
    def files_changed(self) -> int:
        """Files that were replaced or removed."""
        return sum(place.files_changed for place in self.places.values())


def kept_file(paths: Paths, person: str) -> Path:
    """Return the file that says who is being erased, until that is completed."""
    return paths.erasures / "unfinished" / f"{person}.json"


def _notes_file(paths: Paths, person: str) -> Path:
    return kept_file(paths, person).with_suffix(".files")


def relative(paths: Paths, file: Path) -> Path:
    """Return a file's place under the home, or under `landing` wherever that lies."""
    if file.is_relative_to(paths.landing):
        return Path("landing") / file.relative_to(paths.landing)
    return file.relative_to(paths.home)


def note(paths: Paths, person: str, file: Path, found: int) -> None:
    """Say what a file holds, before it is changed: a killed erasure loses no count."""
    entry = [str(file), found, _digest(file)]
    with _notes_file(paths, person).open("a") as notes:
        notes.write(json.dumps(entry) + "\n")


def complete(paths: Paths, person: str, who: Person, searched_count: int) -> Certificate:
    """Write the certificate and let go of all that says who it was."""
    certificate = Certificate(
        person=person,
        places=_places(paths, person),
        ids=who.count(),
        shared_address_count=len(who.shared_addresses),
        searched_count=searched_count,
        received=_received(paths, person),
        vitrine_version=version("vitrine"),
        file=_free_name(paths, person),
    )
    told = {name: value for name, value in asdict(certificate).items() if name != "file"}
    with atomic_file(certificate.file) as path:
        path.write_text(json.dumps(told, indent=2) + "\n")
    for file in (_notes_file(paths, person), kept_file(paths, person)):
        remove(file)
    return certificate


def newest(paths: Paths, person: str) -> Certificate:
    """Return the last certificate of a person who was erased."""
    file = _named(paths, person)[-1]
    told = json.loads(file.read_text())
    told["places"] = {name: Place(**place) for name, place in told["places"].items()}
    return Certificate(**told | {"received": tuple(told["received"])}, file=file)


def _named(paths: Paths, person: str) -> list[Path]:
    found = paths.erasures.glob(f"{person}*.json")
    return sorted(found, key=lambda file: (len(file.name), file.name))


def _free_name(paths: Paths, person: str) -> Path:
    """A person who comes back under the same id and is erased again gets one more certificate."""
    count = len(_named(paths, person))
    return paths.erasures / (f"{person}.{count + 1}.json" if count else f"{person}.json")


def noted(paths: Paths, person: str) -> dict[Path, tuple[int, str]]:
    """Return count and digest of each file as it was noted first, before it was changed."""
    notes = _notes_file(paths, person)
    lines = notes.read_text().splitlines() if notes.exists() else []
    found: dict[Path, tuple[int, str]] = {}
    # A line that its writer did not end was killed with it, before the file was changed.
    for file, count, digest in (json.loads(line) for line in lines if line.endswith("]")):
        found.setdefault(Path(file), (count, digest))
    return found


def _places(paths: Paths, person: str) -> dict[str, Place]:
    found: dict[str, dict[Path, tuple[int, str]]] = defaultdict(dict)
    for file, entry in noted(paths, person).items():
        found[_place(relative(paths, file))][file] = entry
    return {
        place: Place(
            files_changed=len(entries),
            removed_count=sum(count for count, _ in entries.values()),
            sha256_before=_together({file: digest for file, (_, digest) in entries.items()}),
            sha256_after=_together({file: _digest(file) for file in entries}),
        )
        for place, entries in sorted(found.items())
    }


def _received(paths: Paths, person: str) -> tuple[str, ...]:
    facts = [paths.lake / table for table in ("orders", "events")]
    files = [f for f in noted(paths, person) if any(f.is_relative_to(root) for root in facts)]
    drops = [lake.file_interval(file) for file in files]
    if not drops:
        return ()
    return format_instant(min(d.start for d in drops)), format_instant(max(d.end for d in drops))


def _place(file: Path) -> str:
    return "/".join(file.parts[: 2 if file.parts[0] in _BY_TABLE else 1])


def _together(digests: dict[Path, str]) -> str:
    lines = "".join(f"{file} {digest}\n" for file, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _digest(file: Path) -> str:
    if not file.exists():
        return GONE
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()

"""A staged list as its maker, the gate and the hand-off know it: the files, and the gate's mark.

The gate leaves its mark beside what it found in order, with the digest of just that. So a list that
was never checked, was found wrong, or was built anew since, has no mark that holds.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vitrine.errors import NotPublishedError
from vitrine.interval import format_instant, instead
from vitrine.paths import Paths
from vitrine.publish import atomic_file

PEOPLE, EXCLUSIONS = "list.parquet", "exclusions.parquet"
SCARCITY, PROVENANCE = "scarcity.parquet", "provenance.json"
FILES = (PEOPLE, EXCLUSIONS, SCARCITY, PROVENANCE)
MARK = "checked.json"


def digest(folder: Path) -> str:
    """Return the SHA-256 of a staged list's files, in hexadecimal."""
    whole = hashlib.sha256()
    for name in FILES:
        with (folder / name).open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


@dataclass(frozen=True)
class StagedList:
    """The newest build of the list of one name and instant, when it was looked for."""

    name: str
    as_of: datetime
    folder: Path

    @classmethod
    def of(cls, paths: Paths, name: str, as_of: datetime) -> "StagedList":
        """Find a list that was built.

        Raises
        ------
        NotPublishedError
            If it was not.
        """
        folder = paths.staged_list(name, as_of)
        if not (folder / PROVENANCE).exists():
            moment = format_instant(as_of)
            raise NotPublishedError(
                f"no list {name} as of {moment} is built"
                f"{instead(as_of, paths.staged_instants(name))};"
                f" run `vitrine lists build --list {name} --as-of {moment}` first"
            )
        return cls(name, as_of, folder.resolve())

    def digest(self) -> str:
        """Return what the mark holds for; see `digest`."""
        return digest(self.folder)

    def mark(self, digest: str, policy: str) -> None:
        """Say that what had this digest was found in order by a version of the policy."""
        with atomic_file(self.folder / MARK) as file:
            file.write_text(json.dumps({"digest": digest, "policy": policy}, indent=2) + "\n")

    def unmark(self) -> None:
        """Take the mark away."""
        (self.folder / MARK).unlink(missing_ok=True)

    def require_mark(self, digest: str, policy: str) -> None:
        """Let what has this digest pass, under this version of the policy.

        Raises
        ------
        NotPublishedError
            If the gate did not find just that in order, or by another policy: what was banned since
            may be shown.
        """
        file, moment = self.folder / MARK, format_instant(self.as_of)
        mark = json.loads(file.read_text()) if file.exists() else {}
        if mark.get("digest") != digest:
            raise NotPublishedError(
                f"the list {self.name} as of {moment} has not passed the gate since it was built;"
                f" run `vitrine check lists --list {self.name} --as-of {moment}` first,"
                " and mend what it names"
            )
        if mark["policy"] != policy:
            raise NotPublishedError(
                f"the list {self.name} as of {moment} passed the gate by version {mark['policy']}"
                f" of the policy, and now {policy} holds; run `vitrine lists build`, then"
                f" `vitrine check lists`, with --list {self.name} --as-of {moment}"
            )

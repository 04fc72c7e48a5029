"""The ledger of champions: which version of a model served when, and why.

Each decision about a version is a JSON file of its own in `champions/`, written once and never
changed; its name begins with the instant of the decision. The registry's alias `champion` moves
with it: a decision is first written down as pending, then carried out, then becomes a row. A call
that was killed in between leaves it pending, and the next one carries it out again.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vitrine import publish
from vitrine.paths import Paths
from vitrine.publish import atomic_file

FIRST, REFRESH, CHALLENGE = "first", "refresh", "challenge"
ROLLBACK, CHOICE, FOUND = "rollback", "choice", "found"
PROMOTED, PASSED, HELD, REFUSED = "promoted", "passed", "held", "refused"
RESTORED = "restored"


@dataclass(frozen=True)
class Entry:
    """One decision about one version."""

    model: str
    version: int
    kind: str
    """first, refresh (the champion's settings on newer data), challenge (other settings), rollback,
    choice (of a person, among what was held) or found (the alias was moved by other means than
    Vitrine's)."""
    verdict: str
    """promoted; passed, but the champion knows newer data; held, though it passed, since a rollback
    holds refreshes; refused; or restored by a rollback."""
    reason: str
    champion_version: int | None
    """Who serves from now on."""
    previous_version: int | None
    """Who served until now."""
    data_end_at: str
    """The version knows what was received before this instant."""
    metric: str = ""
    """What was compared, such as map_at_12; nothing for a rollback."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What it was decided by, such as `version_value`, `difference_low`."""
    decided_at: str = ""
    """By the clock; given when it is written down."""

    @property
    def is_promoted(self) -> bool:
        """Whether the version became champion, and not by a rollback."""
        return self.verdict == PROMOTED

    @property
    def is_move(self) -> bool:
        """Whether somebody else serves from now on."""
        return self.champion_version != self.previous_version


@dataclass(frozen=True)
class Ledger:
    """The decisions of one home."""

    folder: Path

    @classmethod
    def of(cls, paths: Paths) -> "Ledger":
        """Open the ledger of a home; nothing need be there yet."""
        return cls(paths.champions)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process decides."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with publish.alone(self.folder):
            yield

    def texts(self) -> dict[str, str]:
        """Return the decisions' texts by id, oldest first."""
        return {file.stem: file.read_text() for file in sorted(self.folder.glob("[0-9]*.json"))}

    def entries(self, model: str) -> list[Entry]:
        """Return the decisions about one model, oldest first."""
        every = (Entry(**json.loads(text)) for text in self.texts().values())
        return [entry for entry in every if entry.model == model]

    def champion_at(self, model: str, instant: datetime) -> int | None:
        """Return the version that served at an instant of the clock, or None."""
        known = [e for e in self.entries(model) if datetime.fromisoformat(e.decided_at) <= instant]
        return known[-1].champion_version if known else None

    def champion(self, model: str) -> int | None:
        """Return the version that serves since the last decision, or None."""
        entries = self.entries(model)
        return entries[-1].champion_version if entries else None

    def served(self, model: str) -> set[int]:
        """Return every version that ever was champion."""
        numbers = {entry.champion_version for entry in self.entries(model)}
        return {number for number in numbers if number is not None}

    def line(self, model: str) -> list[int]:
        """Return the champions from the first to the present one, without those rolled back from.

        A rollback takes back what came after the version that it restores: of 1, 2, 3 and a return
        to 1 only 1 is left, so that the next return does not lead to 3 again.
        """
        line: list[int] = []
        for entry in filter(lambda entry: entry.is_move, self.entries(model)):
            number = entry.champion_version
            if entry.verdict == RESTORED and number in line:
                line = line[: line.index(number)]
            elif entry.verdict == RESTORED and line:
                line.pop()
            line += [number] if number is not None else []
        return line

    def rolled_back(self, model: str) -> set[int]:
        """Return the versions that were rolled back from and not restored since."""
        taken: set[int] = set()
        for entry in self.entries(model):
            if entry.verdict == RESTORED:
                taken |= {entry.previous_version} if entry.previous_version is not None else set()
                taken -= {entry.version}
        return taken

    def holding(self, model: str) -> Entry | None:
        """Return the rollback that holds refreshes, if one does.

        Who rolled back saw what the gate did not see, and tomorrow's refresh has the same causes.
        So it holds until somebody serves by other means than a refresh: a challenge that won, a
        choice or the alias. A return to what was rolled back from takes that rollback alone back:
        of 1, 2, 3 and two rollbacks to 1, a return to 2 still holds for what was seen of 3.
        """
        by: dict[int | None, Entry] = {}
        for entry in filter(lambda entry: entry.is_move, self.entries(model)):
            if entry.verdict != RESTORED:
                by = {}
            elif by.pop(entry.version, None) is None:
                by[entry.previous_version] = entry
        return next(reversed(by.values()), None)

    def held(self, model: str) -> list[int]:
        """Return the versions that were held since somebody else began to serve, oldest first."""
        held: list[int] = []
        for entry in self.entries(model):
            held = [] if entry.is_move else held
            held += [entry.version] if entry.verdict == HELD else []
        return held

    def pending(self, model: str) -> Entry | None:
        """Return the decision that a killed call has written down and not carried out, if any."""
        file = self._pending(model)
        return Entry(**json.loads(file.read_text())) if file.exists() else None

    def write_down(self, entry: Entry) -> Entry:
        """Keep a decision as pending, with the instant it was made at, later than all others."""
        newest = max((e.decided_at for e in self.entries(entry.model)), default=None)
        now = datetime.now(UTC)
        if newest is not None:
            now = max(now, datetime.fromisoformat(newest) + timedelta(microseconds=1))
        dated = Entry(**asdict(entry) | {"decided_at": now.isoformat(timespec="microseconds")})
        with atomic_file(self._pending(entry.model)) as file:
            file.write_text(json.dumps(asdict(dated), indent=2) + "\n")
        return dated

    def close(self, entry: Entry) -> None:
        """Make a pending decision, which was carried out, a row for good."""
        decided_at = datetime.fromisoformat(entry.decided_at)
        name = f"{decided_at:%Y%m%dT%H%M%S%f}-{entry.model}-{entry.version}.json"
        self._pending(entry.model).replace(self.folder / name)

    def _pending(self, model: str) -> Path:
        return self.folder / f"pending-{model}.json"

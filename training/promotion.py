"""Who serves: the gate's decisions, rollbacks and choices, each a row of the ledger.

The only module that moves the alias `champion`. See docs/adr/0021.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from training.evaluation.gate import Decision
from training.registry import ModelVersion, Registry
from vitrine import champions, lake
from vitrine.champions import Entry, Ledger
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.interval import format_instant
from vitrine.paths import Paths


@dataclass(frozen=True)
class Promotion:
    """The registry's aliases and the ledger, moved together."""

    models: Registry
    ledger: Ledger
    lake: Path

    @classmethod
    def of(cls, models: Registry, paths: Paths) -> "Promotion":
        """Open the ledger of a home beside its registry."""
        return cls(models, Ledger.of(paths), paths.lake)

    def settle(self, name: str) -> ModelVersion | None:
        """Carry out what a killed call has left half done; return the version that serves."""
        with self.ledger.alone():
            return self._settled(name)

    def promote(self, version: ModelVersion, decision: Decision) -> Entry:
        """Enter the gate's decision, and let the version serve if it passed.

        A version fitted to older data than the champion's, such as one that a question about the
        past has called for, never takes the champion's place. A champion fitted as of later than
        anything has been received knows no more than that. One with the files of a version that
        was rolled back from is refused, whatever the gate says, and a refresh that passed is held
        while a rollback holds them.
        """
        with self.ledger.alone():
            champion = self._settled(version.name)
            decision = self._without_return(version, decision)
            is_older = champion is not None and version.data.end < self._known_until(champion)
            entry = _entry(version, champion, decision.reason)
            entry = replace(
                entry,
                kind=champions.FIRST if champion is None else decision.kind,
                verdict=_verdict(decision, is_older),
                metric=decision.metric,
                figures=decision.figures,
            )
            entry = self._held(entry)
            if entry.verdict == champions.PROMOTED:
                entry = replace(entry, champion_version=version.version)
            return self._carry_out(self.ledger.write_down(entry))

    def roll_back(self, name: str, to: int | None = None, reason: str = "") -> Entry:
        """Let an earlier champion serve again: the one before the present one, or version `to`.

        Raises
        ------
        NotPublishedError
            If no version serves.
        BadArgumentError
            If there is no earlier champion, or `to` never was one or is the present one.
        """
        with self.ledger.alone():
            champion = self._settled(name)
            if champion is None:
                raise NotPublishedError(f"no version of the {name} serves: nothing to roll back")
            target = self.models.version(name, self._target(champion, to))
            entry = replace(
                _entry(target, champion, reason or "no reason was given"),
                kind=champions.ROLLBACK,
                verdict=champions.RESTORED,
                champion_version=target.version,
            )
            return self._carry_out(self.ledger.write_down(entry))

    def choose(self, name: str, number: int | None = None, reason: str = "") -> Entry:
        """Let a version serve that a rollback held: the newest, or the one of that number.

        Refreshes are promoted by the gate again from then on.

        Raises
        ------
        BadArgumentError
            If none was held since the present champion began to serve, or not that one.
        """
        with self.ledger.alone():
            champion = self._settled(name)
            held = self.ledger.held(name)
            if not held or number not in {None, *held}:
                raise BadArgumentError(self._why_not(champion, name, number))
            version = self.models.version(name, held[-1] if number is None else number)
            entry = replace(
                _entry(version, champion, reason or "no reason was given"),
                kind=champions.CHOICE,
                champion_version=version.version,
            )
            return self._carry_out(self.ledger.write_down(entry))

    def _known_until(self, version: ModelVersion) -> datetime:
        end = version.data.end
        return min(end, lake.received_until(self.lake) or end)

    def _settled(self, name: str) -> ModelVersion | None:
        """Return the champion, with nothing pending and its row in the ledger."""
        pending = self.ledger.pending(name)
        if pending is not None:
            self._carry_out(pending)
        champion = self.models.champion(name)
        known = self.ledger.champion(name)
        if champion is not None and champion.version != known:
            reason = "its alias had been set in MLflow, or before there was a ledger"
            found = replace(_entry(champion, None, reason), previous_version=known)
            found = replace(found, kind=champions.FOUND, champion_version=champion.version)
            self._carry_out(self.ledger.write_down(found))
        return champion

    def _carry_out(self, entry: Entry) -> Entry:
        """Do what a decision says; twice is as good as once."""
        is_passed = entry.verdict not in {champions.REFUSED, champions.HELD}
        self.models.note(entry.model, entry.version, Decision(is_passed, entry.reason))
        if entry.verdict == champions.RESTORED and entry.previous_version is not None:
            reason = f"rolled back to version {entry.version}: {entry.reason}"
            self.models.note(entry.model, entry.previous_version, Decision(False, reason))
        if entry.is_move and entry.champion_version is not None:
            self.models.crown(entry.model, entry.champion_version)
        self.ledger.close(entry)
        return entry

    def _held(self, entry: Entry) -> Entry:
        """Hold a refresh that would be promoted while a rollback holds them."""
        holding = self.ledger.holding(entry.model)
        is_due = entry.is_promoted and entry.kind == champions.REFRESH
        if holding is None or not is_due:
            return entry
        reason = (
            f"held since version {holding.previous_version} was rolled back from"
            f" ({holding.reason}); `vitrine promote {entry.model}` lets it serve: {entry.reason}"
        )
        return replace(entry, verdict=champions.HELD, reason=reason)

    def _without_return(self, version: ModelVersion, decision: Decision) -> Decision:
        """Refuse what was rolled back from, should the same fit be made again."""
        taken = (
            self.models.version(version.name, n) for n in self.ledger.rolled_back(version.name)
        )
        same = [v.version for v in taken if v.files_sha256 == version.files_sha256]
        if not same or not decision.is_passed:
            return decision
        reason = f"its files are those of version {same[0]}, which was rolled back from"
        return replace(decision, is_passed=False, reason=reason)

    def _why_not(self, champion: ModelVersion | None, name: str, number: int | None) -> str:
        """Say why no version, or not that one, can be promoted, and what can."""
        held = ", ".join(map(str, self.ledger.held(name))) or "none"
        can = f"only what a rollback holds can be promoted, now: {held}"
        if number is None:
            return f"no version of the {name} is held; {can}"
        why = self._state(name, number)
        if champion is not None and champion.version == number:
            why = "is the champion already"
        elif number in self.ledger.served(name):
            why = f"{why}, and `vitrine rollback {name} --to {number}` leads back to it"
        return f"version {number} of the {name} {why}; {can}"

    def _state(self, name: str, number: int) -> str:
        """Say what became of a version that is not held."""
        if number not in {version.version for version in self.models.versions(name)}:
            return "does not exist"
        if number in self.ledger.rolled_back(name):
            return "was rolled back from"
        if number in self.ledger.served(name):
            return "has served before"
        newest = {entry.version: entry for entry in self.ledger.entries(name)}.get(number)
        if newest is None:
            return "was trained for a question about the past"
        if newest.verdict == champions.REFUSED:
            return f"was refused ({newest.reason})"
        before = "began to serve" if newest.verdict == champions.HELD else "knew newer data"
        return f"was {newest.verdict}, but another champion {before}"

    def _target(self, champion: ModelVersion, to: int | None) -> int:
        name, serving = champion.name, champion.version
        served = self.ledger.served(name) - {serving}
        others = f"other champions so far: {', '.join(map(str, sorted(served))) or 'none'}"
        if to == serving:
            raise BadArgumentError(f"version {to} of the {name} is the champion already; {others}")
        if to is not None and to not in served:
            raise BadArgumentError(f"version {to} of the {name} never was champion; {others}")
        line = self.ledger.line(name)
        if to is None and len(line) < 2:
            where = f"{others}; --to names the one to return to" if served else "it is the first"
            raise BadArgumentError(
                f"no champion came before version {serving} of the {name}: {where}"
            )
        return line[-2] if to is None else to


def _entry(version: ModelVersion, champion: ModelVersion | None, reason: str) -> Entry:
    """Return an entry about a version that changes nothing yet."""
    serving = None if champion is None else champion.version
    return Entry(
        version.name,
        version.version,
        champions.REFRESH,
        champions.PROMOTED,
        reason,
        champion_version=serving,
        previous_version=serving,
        data_end_at=format_instant(version.data.end),
    )


def _verdict(decision: Decision, is_older: bool) -> str:
    if not decision.is_passed:
        return champions.REFUSED
    return champions.PASSED if is_older else champions.PROMOTED

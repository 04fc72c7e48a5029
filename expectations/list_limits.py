"""How far a staged list may go from what is usual, by the policy's limits: beyond, it is withheld.

Each limit is a table of at most one row, so that a broken one is told with its figures.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from expectations import frames
from expectations.rules import Check, Rule, advised, between, required
from vitrine import letters
from vitrine.champions import FOUND, PASSED, PROMOTED, RESTORED, Entry, Ledger
from vitrine.interval import format_instant, parse_instant
from vitrine.list_policy import GateLimits
from vitrine.paths import Paths
from vitrine.staged_lists import EXCLUSIONS, PEOPLE, PROVENANCE, StagedList

PRODUCTS_SHOWN = 7
TAKEN = ("cap_", letters.HOLD_OUT)
"""How the reasons begin of who may be written to, but not by this list tonight."""

_LEFT_OUT = "select exclusion, count(*) as n from {exclusions} group by all order by all"

_SHAPE = """
with first as (
    select campaigns[1].campaign_id as campaign_id, count(*) as letter_count
    from {people}
    where len(campaigns) > 0
    group by all
)
select
    (select count(*) from {people}) as letter_count,
    (select 1 - sum(len(products)) / (count(*) * $shown) from {people}) as empty_ratio,
    (select arg_max(campaign_id, (letter_count, campaign_id)) from first) as first_campaign,
    (select max(letter_count) / sum(letter_count) from first) as first_campaign_ratio
"""


@dataclass(frozen=True)
class Night:
    """A staged list, and what it is held against."""

    paths: Paths
    staged: StagedList
    built_until: datetime
    """The published warehouse holds what was received before."""
    limits: GateLimits

    @property
    def provenance(self) -> dict[str, Any]:
        """What the list says it was made of."""
        found: dict[str, Any] = json.loads((self.staged.folder / PROVENANCE).read_text())
        return found

    def shape(self) -> dict[str, Any]:
        """Count letters, empty places, and letters per first campaign."""
        people = frames.parquet([self.staged.folder / PEOPLE])
        rows = frames.frame(_SHAPE.format(people=people), {"shown": PRODUCTS_SHOWN})
        return {str(name): value for name, value in rows.iloc[0].items()}

    def left_out(self) -> dict[str, int]:
        """Count the customers who are left out by reason, in the order of the reasons' names."""
        exclusions = frames.parquet([self.staged.folder / EXCLUSIONS])
        rows = frames.frame(_LEFT_OUT.format(exclusions=exclusions))
        return {str(reason): int(n) for reason, n in rows.itertuples(index=False)}

    def taken_count(self) -> int:
        """Count whom caps or the hold-out left out: who may be written to, and nobody else."""
        return sum(n for reason, n in self.left_out().items() if reason.startswith(TAKEN))

    def before(self) -> Iterator[tuple[letters.Night, dict[str, Any]]]:
        """Yield the list's published nights before this one and their manifests, newest first."""
        night, name = self.staged.as_of.date(), self.staged.name
        for each in reversed([*letters.published(self.paths.lists)]):
            if each.list_name == name and each.night < night:
                yield each, json.loads((each.folder / "manifest.json").read_text())


def checks(night: Night) -> list[Check]:
    """Return the checks of the limits; each has one row, or none where there is nothing to hold."""
    limits = night.limits
    return [
        _limit(
            "nobody",
            ("left_out",),
            between("fault_count", high=0),
            "no letter is left, and not because caps or the hold-out took those who may be written"
            " to: see that customers and consents are landed whole, and that the policy's lists"
            " have strategies for the segments there are; then build the list again",
            lambda: _nobody(night),
        ),
        _limit(
            "size",
            ("letter_count", "last_night", "last_letter_count"),
            between("change_ratio", high=limits.size_change),
            "`vitrine lists show` prints who was left out of the last one and why, `vitrine lists"
            " build` of this one; if the change is meant, raise gate.size_change in the policy"
            " and check again",
            lambda: _size(night),
        ),
        _limit(
            "dominance",
            ("first_campaign", "letter_count"),
            between("first_campaign_ratio", high=limits.campaign_share),
            "if everybody is meant to see it first, raise gate.campaign_share in the policy; else"
            " look at the scores and pins, and build the list again",
            lambda: _shape(night, "first_campaign", "first_campaign_ratio"),
        ),
        _limit(
            "empty_places",
            ("letter_count",),
            between("empty_ratio", high=limits.empty_share),
            "look at what is on sale, its stock, and the policy's bans; build the list again",
            lambda: _shape(night, "empty_ratio"),
        ),
        _limit(
            "features",
            ("newest_data_at",),
            between("age_hours", high=limits.features_age_hours),
            "land and build the days since (docs/runbooks/days-are-missing.md), then score and"
            " build the list again",
            lambda: _features(night),
        ),
        _limit(
            "champion",
            ("model", "version", "fault"),
            between("fault_count", high=0),
            "`vitrine rollback` lets the champion before serve again, a new training is judged by"
            " its gate (docs/runbooks/a-bad-champion.md); then score and build the list again",
            lambda: _champion(night),
        ),
    ]


def _count_of(manifest: dict[str, Any]) -> int:
    told = manifest["customers"]
    return int(told.get("staged", told["listed"]))


def _limit(
    name: str, keys: tuple[str, ...], rule: Rule, advice: str, row: Callable[[], dict[str, Any]]
) -> Check:
    return Check(
        name=name,
        keys=keys,
        rules=(*required(*rule.columns), advised(rule, advice)),
        load=lambda: _frame(row()),
        may_be_empty=True,
    )


def _frame(row: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([row] if row else [])


def _size(night: Night) -> dict[str, Any]:
    count = int(night.shape()["letter_count"])
    if not count and night.taken_count():
        return {}
    # As built, both: what the hand-off takes every night is no change. A night whose customers
    # other lists wrote to is no measure.
    sizes = ((each.night, _count_of(manifest)) for each, manifest in night.before())
    for last_night, before in sizes:
        if before:
            return {
                "letter_count": count,
                "last_night": last_night.isoformat(),
                "last_letter_count": before,
                "change_ratio": abs(count - before) / before,
            }
    return {}


def _nobody(night: Night) -> dict[str, Any]:
    if night.shape()["letter_count"]:
        return {}
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in night.left_out().items())
    return {"left_out": reasons or "nobody", "fault_count": int(not night.taken_count())}


def _shape(night: Night, *names: str) -> dict[str, Any]:
    shape = night.shape()
    wanted = {name: shape[name] for name in ("letter_count", *names)}
    return {} if any(pd.isna(value) for value in wanted.values()) else wanted


def _features(night: Night) -> dict[str, Any]:
    known_before = parse_instant(night.provenance["known_before"])
    newest = min(known_before, night.built_until, _delivered(night.paths, known_before))
    age = night.staged.as_of - newest
    return {"newest_data_at": format_instant(newest), "age_hours": age.total_seconds() / 3600}


def _delivered(paths: Paths, before: datetime) -> datetime:
    """Return the end of the newest drop that held files; `before` where no books say."""
    for book in sorted(paths.books.glob("*.json"), reverse=True):
        drop = json.loads(book.read_text())
        if drop["files"] and parse_instant(drop["interval_start_at"]) < before:
            return parse_instant(drop["interval_end_at"])
    return before


def _champion(night: Night) -> dict[str, Any]:
    model = night.provenance.get("model") or {}
    if not model:
        return {}
    _, last = next(night.before(), (None, {}))
    before = last.get("model") or {}
    fault = fault_of(Ledger.of(night.paths), model, before)
    return {
        "model": model["model"],
        "version": str(model["version"] or "none"),
        "fault": fault,
        "fault_count": int(bool(fault)),
    }


def fault_of(ledger: Ledger, model: dict[str, Any], before: dict[str, Any]) -> str:
    """Say why a list's model may not answer, or nothing where a decision of the ledger lets it.

    Parameters
    ----------
    model, before
        What the manifests of the scores of this list and of the one before say; `version` is None
        for the baseline.
    """
    if model["version"] is None:
        was = before.get("version")
        return f"the baseline answered, and {before['model']} {was} did before" if was else ""
    version = int(model["version"])
    entries = [entry for entry in ledger.entries(model["model"]) if entry.version == version]
    if version in ledger.rolled_back(model["model"]):
        return "it was rolled back from"
    if not any(_lets_serve(entry) for entry in entries):
        return "nobody promoted it"
    return ""


def _lets_serve(entry: Entry) -> bool:
    """Whether a decision lets its version answer.

    An alias that somebody moved by other means is no promotion, but for the first: then the ledger
    only takes note of who served before it began.
    """
    if entry.kind == FOUND:
        return entry.previous_version is None
    return entry.verdict in (PROMOTED, PASSED, RESTORED)

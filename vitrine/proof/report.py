"""The outcome of the proof as text."""

from collections import Counter
from datetime import datetime

from vitrine.interval import format_instant
from vitrine.proof.assortment import ON_SALE
from vitrine.proof.comparison import Difference, Verdict
from vitrine.proof.history import Fact, History
from vitrine.proof.plants import named
from vitrine.proof.proof import Outcome, Planted
from vitrine.proof.questions import Question

SHOWN = 2
NEAREST = 3


def written(outcome: Outcome) -> str:
    """Write the table, what was planted, and where functions differ with the raw rows around."""
    lines = [*_table(outcome.verdicts), "", *map(_planted, outcome.planted)]
    for verdict in outcome.verdicts:
        for difference in verdict.differences[:SHOWN]:
            lines += ["", *_difference(difference, outcome.history)]
    return "\n".join(lines)


def reason(outcome: Outcome) -> str:
    """Say in a line why the proof failed, or return an empty text."""
    reasons = []
    if outcome.differences:
        first = outcome.differences[0]
        reasons.append(
            f"{len(outcome.differences)} values are not what was known: first"
            f" {first.feature} of {' '.join(first.question.keys)}"
            f" at {first.question.as_of.isoformat()}"
        )
    reasons += [f"the planted {plant.name} was not seen" for plant in outcome.missed]
    return "; ".join(reasons)


def conclusion(outcome: Outcome) -> str:
    """Say of each kind of rows how many were proven, or why there was none to prove."""
    rows = Counter[str]()
    for verdict in outcome.verdicts:
        rows[verdict.kind] += verdict.row_count
    counted = " and ".join(f"{rows[kind]} of {kind}" for kind in sorted(rows))
    return "\n".join(
        [
            f"proven of {counted}: no row uses what was available only after its instant",
            *(f"not proven of {kind}: {why}" for kind, why in sorted(outcome.absent.items())),
        ]
    )


def _table(verdicts: tuple[Verdict, ...]) -> list[str]:
    lines = [f"{'function':<26}{'rows of':<10}{'rows':>6}{'features':>10}{'largest':>10}  verdict"]
    for v in sorted(verdicts, key=lambda v: (v.model, v.kind)):
        verdict = f"{len(v.differences)} DIFFER" if v.differences else "equal"
        lines.append(
            f"{v.model:<26}{v.kind:<10}{v.row_count:>6}{v.feature_count:>10}"
            f"{v.largest:>10.1e}  {verdict}"
        )
    return lines


def _planted(planted: Planted) -> str:
    plant = planted.plant
    seen = f"caught in {len(planted.seen)} values" if planted.seen else "NOT CAUGHT"
    lines = [f"planted a {plant.name}: {plant.description}: {seen}"]
    if planted.seen:
        lines.append("    " + _values(planted.seen[0]))
    return "\n".join(lines)


def _values(difference: Difference) -> str:
    question = difference.question
    return (
        f"{difference.feature} of {' '.join(question.keys)} at {question.as_of.isoformat()}"
        f" says {difference.found!r}, the raw rows {difference.expected!r}"
    )


def _difference(difference: Difference, history: History) -> list[str]:
    question = difference.question
    facts = [(_readable_at(question, f), f) for f in _about(difference, history)]
    past = [(at, f) for at, f in facts if at <= question.as_of][-NEAREST:]
    future = [(at, f) for at, f in facts if at > question.as_of][:NEAREST]
    return [
        f"{question.model.name} ({question.kind}): {_values(difference)}",
        *(f"    known      {named(f)}, readable {format_instant(at)}" for at, f in past),
        *(f"    not known  {named(f)}, readable {format_instant(at)}" for at, f in future),
    ]


def _readable_at(question: Question, fact: Fact) -> datetime:
    """Return when a row could first be used for a question; what is on sale knows it at once."""
    if question.model is ON_SALE:
        return fact.received_at
    return fact.day_at if question.model.database == "daily" else fact.window_at


def _about(difference: Difference, history: History) -> tuple[Fact, ...]:
    """Return the raw rows of the question's customer, campaign or product, of all that it names."""
    question = difference.question
    model, keys = question.model, question.keys
    subject = {
        name: key
        for name, key in zip(model.spine, keys, strict=False)
        if name in ("customer_id", "campaign_id", "product_id")
    }
    return history.facts(**subject)

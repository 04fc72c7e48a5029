"""The gate between a challenger and the alias `champion`: each verdict with its reason.

A *refresh* has the champion's settings and newer data: it may not fall far below the champion. A
*challenge* has other settings: it must be better beyond chance, and nowhere much worse
(docs/adr/0021).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vitrine.champions import CHALLENGE, REFRESH
from vitrine.errors import BadArgumentError

if TYPE_CHECKING:
    from training.evaluation.challenge import Comparison

SLICE_MARGIN = 0.10
"""A share of the champion's value that a challenger may fall short of in a slice."""
SMALLEST_SLICE = 200
"""Lists: of fewer, chance alone takes more than the margin."""


@dataclass(frozen=True)
class Decision:
    """What the gate says; all of it is kept in the ledger for whoever asks later."""

    is_passed: bool
    reason: str
    kind: str = REFRESH
    metric: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What it was decided by; names as in the ledger's table."""


def judge(
    metric: str,
    challenger: float,
    baseline: float,
    champion: float | None = None,
    *,
    margin: float = 0.02,
) -> Decision:
    """Compare a metric that is better when higher, measured on the same rows for all three.

    The challenger must beat the baseline, and must not fall below the champion by more than
    `margin`, a share of the champion's value: a daily retrain moves a little by chance alone.

    >>> judge("map_at_12", 0.15, 0.04, 0.16).is_passed
    False

    Raises
    ------
    BadArgumentError
        If `margin` is not in [0, 1).
    """
    if not 0 <= margin < 1:
        raise BadArgumentError(f"margin {margin} must be a share in [0, 1)")
    figures = {"version_value": challenger, "baseline_value": baseline}
    if champion is not None:
        figures |= {"champion_value": champion, "difference": challenger - champion}
    is_passed, reason = _verdict(metric, challenger, baseline, champion, margin)
    return Decision(is_passed, reason, metric=metric, figures=figures)


def judge_challenge(metric: str, found: "Comparison") -> Decision:
    """Let a challenger pass whose whole interval lies above the champion, worse in no slice."""
    is_passed, reason = _challenged(metric, found)
    return Decision(is_passed, reason, CHALLENGE, metric, found.figures())


def judge_latency(decision: Decision, p99_ms: float, budget_ms: float) -> Decision:
    """Refuse what passed but takes longer than it may; the figure is kept either way."""
    decision = replace(decision, figures={**decision.figures, "latency_p99_ms": p99_ms})
    if not decision.is_passed or p99_ms <= budget_ms:
        return decision
    reason = f"ranking for a customer takes {p99_ms:.1f} ms (99th percentile), the budget is"
    return replace(decision, is_passed=False, reason=f"{reason} {budget_ms:g} ms")


def _challenged(metric: str, found: "Comparison") -> tuple[bool, str]:
    overall, difference = found.overall, found.difference
    said = (
        f"{metric} {overall.challenger:.4f} and the champion's {overall.champion:.4f} on the same"
        f" {overall.list_count} lists of {found.week_count} weeks: difference"
        f" {difference.mean:+.4f}, 95 % of resamples {difference.low:+.4f} to"
        f" {difference.high:+.4f}"
    )
    if not difference.low > 0:
        return False, f"not better beyond chance: {said}"
    for name, part in found.slices.items():
        is_large = part.list_count >= SMALLEST_SLICE
        if is_large and not part.challenger >= part.champion * (1 - SLICE_MARGIN):
            worse = f"{part.challenger:.4f} is more than {SLICE_MARGIN:.0%} below"
            return False, f"worse in the slice {name}: {worse} {part.champion:.4f}; {said}"
    return True, f"better beyond chance: {said}"


def _verdict(
    metric: str, challenger: float, baseline: float, champion: float | None, margin: float
) -> tuple[bool, str]:
    if not challenger > baseline:
        return False, f"{metric} {challenger:.4f} does not beat the baseline's {baseline:.4f}"
    if champion is not None and not challenger >= champion * (1 - margin):
        below = f"is more than {margin:.0%} below the champion's {champion:.4f}"
        return False, f"{metric} {challenger:.4f} {below}"
    held = (
        "there is no champion that it could be compared with"
        if champion is None
        else f"the champion has {champion:.4f}"
    )
    return True, f"{metric} {challenger:.4f} beats the baseline's {baseline:.4f}; {held}"

"""The gate between a challenger and the alias `champion`: one comparison, one reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vitrine.champions import REFRESH
from vitrine.errors import BadArgumentError


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

"""What `vitrine lists judge` prints: uplifts and judged plans as tables of plain text."""

from collections.abc import Iterator, Sequence
from math import isnan

import pyarrow as pa

from email_lists.judging.off_policy import Bounded
from email_lists.judging.policies import Judged

TOO_FEW = 1_000
"""Customers of a group; below, a difference that matters is likely to go unseen."""


def uplift_lines(uplifts: pa.Table) -> Iterator[str]:
    """Say what each arm changed; rows are as `uplift.uplifts` gives them, of any outcomes."""
    rows = uplifts.to_pylist()
    if not rows:
        yield "there is no other arm"
        return
    yield from table_lines(
        ("per customer", "arm", "customers", "mean", "control", "change", "95 %", "share", "p"),
        [
            (
                row["outcome"],
                row["arm"],
                f"{row['customer_count']:,}",
                f"{row['mean']:.4g}",
                f"{row['control_mean']:.4g}",
                f"{row['difference']:+.3g}",
                _span(row["difference_low"], row["difference_high"], "+.3g"),
                _share(row["relative"], row["relative_low"], row["relative_high"]),
                "none" if isnan(row["p_value"]) else f"{row['p_value']:.3f}",
            )
            for row in rows
        ],
        texts=2,
    )
    least = min(min(row["customer_count"], row["control_customer_count"]) for row in rows)
    if least < TOO_FEW:
        yield f"the smallest group has {least:,} customers: only large changes can be seen"


def plan_lines(judged: Sequence[Judged]) -> Iterator[str]:
    """Say what is told of other plans, all by decisions of one unit."""
    yield from table_lines(
        (f"per {judged[0].unit}", "plan", "by", "value", "95 %", "logged", "change", "95 %"),
        [
            (it.reward, it.name, name, *_bounded(estimate), f"{logged:.4g}", *_signed(change))
            for it in judged
            for logged in [it.judgement.logged.value]
            for name, estimate in (
                ("ips", it.judgement.ips),
                ("snips", it.judgement.snips),
                ("doubly robust", it.judgement.doubly_robust),
            )
            for change in [estimate.change]
        ],
        texts=3,
    )
    for it in {it.name: it for it in judged}.values():
        weight = it.judgement.mean_weight
        yield (
            f"{it.name}: {it.decision_count:,} {it.unit}s tell as much as"
            f" {it.judgement.effective_decisions:,.0f} of its own; mean weight {weight.value:.3f}"
            f" ({weight.low:.3f} to {weight.high:.3f})"
        )
        if not weight.low <= 1 <= weight.high:
            yield f"{it.name}: a mean weight other than 1 says that the logged shares are wrong"


def table_lines(
    head: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1
) -> Iterator[str]:
    """Align a table's columns: the first `texts` to the left, figures to the right.

    >>> list(table_lines(("a", "n"), [("b", "10")]))
    ['a   n', 'b  10']
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        named = (c.ljust(w) for c, w in zip(row[:texts], widths[:texts], strict=True))
        figures = (c.rjust(w) for c, w in zip(row[texts:], widths[texts:], strict=True))
        yield "  ".join([*named, *figures])


def _share(share: float, low: float, high: float) -> str:
    """Write a change in per cent, unless the control may well be nothing."""
    return "none" if isnan(share) else f"{share:+.1%} ({_span(low, high, '+.0%')})"


def _bounded(of: Bounded) -> tuple[str, str]:
    return f"{of.value:.4g}", _span(of.low, of.high, ".4g")


def _signed(of: Bounded) -> tuple[str, str]:
    return f"{of.value:+.3g}", _span(of.low, of.high, "+.3g")


def _span(low: float, high: float, form: str) -> str:
    """Write bounds; there are none where nobody differs from anybody."""
    return "none" if isnan(low) else f"{low:{form}} to {high:{form}}"

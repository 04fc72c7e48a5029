"""What each stage cost and what it found, from the run log: one line a stage."""

from collections.abc import Iterable, Sequence
from typing import Any

MB = 1024**2
Record = dict[str, Any]


def table(runs: Sequence[Record]) -> str:
    """Return seconds and peak memory by stage, in the order in which stages first ran.

    A stage's memory is the largest of its own process or one child's, not the sum.
    """
    lines = [f"{'stage':<32}{'runs':>5}{'seconds':>10}{'slowest':>10}{'peak MB':>10}"]
    for stage in dict.fromkeys(run["stage"] for run in runs):
        own = [run for run in runs if run["stage"] == stage]
        seconds = [run["elapsed_s"] for run in own]
        peak = max(run["peak_memory_bytes"] for run in own) / MB
        lines.append(
            f"{stage:<32}{len(own):>5}{sum(seconds):>10.1f}{max(seconds):>10.1f}{peak:>10.0f}"
        )
    return "\n".join(lines)


def figures(runs: Sequence[Record], stages: Iterable[str]) -> str:
    """Return the figures that the last successful run of each stage noted."""
    lines = []
    for stage in stages:
        own = [run for run in runs if run["stage"] == stage and run["outcome"] == "succeeded"]
        noted = ", ".join(f"{k} {v}" for k, v in own[-1]["figures"].items()) if own else "not run"
        lines.append(f"  {stage:<18}{noted}")
    return "\n".join(lines)

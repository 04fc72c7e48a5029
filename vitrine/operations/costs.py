"""What each stage cost and what it found, from the run log: one line a stage."""

from collections.abc import Sequence
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


def comparison(runs: Sequence[Record], stage: str) -> str:
    """Return the metrics of a training stage's last good run, the model's above its baselines'.

    A run notes a metric under its own name and a baseline's under `<baseline>_<metric>`.
    """
    own = [run for run in runs if run["stage"] == stage and run["outcome"] == "succeeded"]
    if not own:
        return f"  {stage:<18}not run"
    noted = own[-1]["figures"]
    metrics = [name for name in noted if any(other.endswith(f"_{name}") for other in noted)]
    baselines = dict.fromkeys(
        other.removesuffix(f"_{name}")
        for name in metrics
        for other in noted
        if other.endswith(f"_{name}")
    )
    lines = [f"  {stage:<18}" + "".join(f"{name:>17}" for name in metrics)]
    for label, prefix in {"the model": "", **{name: f"{name}_" for name in baselines}}.items():
        values = (noted.get(f"{prefix}{name}") for name in metrics)
        lines.append(f"    {label:<16}" + "".join(_cell(value) for value in values))
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    return f"{'':>17}" if value is None else f"{value:>17.4f}"

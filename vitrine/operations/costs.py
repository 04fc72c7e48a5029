"""What each stage cost, how that changes, and what it found: from the run log."""

from collections.abc import Sequence
from itertools import groupby
from statistics import median
from typing import Any

from vitrine.interval import parse_instant
from vitrine.runlog import bytes_read, bytes_written, peak_bytes

MB = 1_000_000
MIB = 1024**2
LAST_RUNS = 5
"""The trend compares the median of so many last runs with the median of those before."""
BARS = "▁▂▃▄▅▆▇█"
DRAWN_RUNS = 12
Record = dict[str, Any]


def table(runs: Sequence[Record]) -> str:
    """Return the cost of each stage by length of interval, in the order in which they first ran.

    Runs that failed or were skipped are left out. A stage's memory is that of its largest process,
    not the sum; rows and bytes are medians.
    """
    head = (
        f"{'stage':<28}{'interval':>9}{'runs':>7}{'rows out':>12}{'MB read':>9}{'MB wrote':>9}"
        f"{'median s':>9}{'slowest':>9}{'sum s':>11}{'peak MiB':>9}  trend"
    )
    succeeded = _succeeded(runs)
    order = {kind: number for number, kind in reversed(list(enumerate(map(_kind, succeeded))))}
    by_kind = groupby(sorted(succeeded, key=lambda run: order[_kind(run)]), key=_kind)
    return "\n".join([head, *(_line(*kind, list(own)) for kind, own in by_kind)])


def trend_of(runs: Sequence[Record], run: Record) -> str:
    """Return the trend of a stage's good runs over intervals as long as this run's."""
    own = [other for other in _succeeded(runs) if other["stage"] == run["stage"]]
    same = [other["elapsed_s"] for other in own if _kind(other) == _kind(run)]
    return trend(same) if len(same) > 1 else ""


def trend(seconds: Sequence[float]) -> str:
    """Draw the last runs, and say how their median differs from that of the runs before.

    >>> trend([10.0, 10.0, 10.0, 20.0, 20.0, 20.0, 20.0, 20.0])
    '▅▅▅█████ +100 %'
    """
    earlier, last = seconds[:-LAST_RUNS], seconds[-LAST_RUNS:]
    drawn = _sparkline(seconds[-DRAWN_RUNS:])
    if not earlier or median(earlier) == 0:
        return drawn
    return f"{drawn} {median(last) / median(earlier) - 1:+.0%}".replace("%", " %")


def comparison(runs: Sequence[Record], stage: str) -> str:
    """Return the metrics of a training stage's last good run, the model's above its baselines'.

    A run notes a metric under its own name and a baseline's under `<baseline>_<metric>`.
    """
    own = [run for run in _succeeded(runs) if run["stage"] == stage]
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
    widths = {name: max(17, len(name) + 2) for name in metrics}
    lines = [f"  {stage:<18}" + "".join(f"{name:>{widths[name]}}" for name in metrics)]
    for label, prefix in {"the model": "", **{name: f"{name}_" for name in baselines}}.items():
        cells = (_cell(name, noted.get(f"{prefix}{name}")).rjust(widths[name]) for name in metrics)
        lines.append(f"    {label:<16}" + "".join(cells))
    return "\n".join(lines)


def _succeeded(runs: Sequence[Record]) -> list[Record]:
    return [run for run in runs if run["outcome"] == "succeeded"]


def _kind(run: Record) -> tuple[str, float]:
    """Return what makes two runs comparable: the stage, and the length of the interval."""
    start, end = (parse_instant(run[f"interval_{which}_at"]) for which in ("start", "end"))
    return run["stage"], (end - start).total_seconds()


def _line(stage: str, length_s: float, own: Sequence[Record]) -> str:
    seconds = [run["elapsed_s"] for run in own]
    peak = max(map(peak_bytes, own))
    return (
        f"{stage:<28}{_length(length_s):>9}{len(own):>7,}"
        f"{_median([run['figures'].get('rows_out') for run in own]):>12}"
        f"{_median([bytes_read(run) for run in own], MB):>9}"
        f"{_median([bytes_written(run) for run in own], MB):>9}"
        f"{median(seconds):>9.1f}{max(seconds):>9.1f}{sum(seconds):>11,.1f}{peak / MIB:>9,.0f}"
        f"  {trend(seconds)}"
    )


def _length(seconds: float) -> str:
    days, hours, minutes = seconds / 86400, seconds / 3600, seconds / 60
    if days >= 1:
        return f"{days:g} d" if days % 1 == 0 else f"{days:.1f} d"
    return f"{hours:g} h" if hours % 1 == 0 else f"{minutes:g} min"


def _median(values: Sequence[float | None], unit: int = 1) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known) / unit:,.0f}" if known else ""


def _sparkline(values: Sequence[float]) -> str:
    highest = max(values) or 1.0
    return "".join(BARS[round((len(BARS) - 1) * value / highest)] for value in values)


def _cell(name: str, value: float | None) -> str:
    """Write a metric; how many must be shown until so much is found is a whole number."""
    if value is None:
        return ""
    return f"{value:,.0f}" if name.startswith("needed_for_") else f"{value:.4f}"

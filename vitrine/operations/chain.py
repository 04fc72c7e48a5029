"""The stages of a DAG, one after the other in this process: for a machine without Airflow.

Retries, pools, schedules and the assets that start other DAGs are Airflow's part.
"""

import time
from collections.abc import Callable

from vitrine.errors import StageSkipped
from vitrine.interval import Interval, format_instant
from vitrine.operations.schedule import interval_options

CHAINS = {
    # DAG: its commands in order; all layers of a warehouse in one call, since loading dbt costs
    # more than most of them
    "history_load": (
        "land",
        "check landed",
        "spark days",
        "spark campaign-windows",
        "check deltas",
        "build daily",
        "check features --database daily",
        "publish daily",
        "build intraday",
        "check features --database intraday",
        "publish intraday",
        "compact",
    ),
    "daily_features": (
        "land",
        "check landed",
        "spark days",
        "check deltas --database daily",
        "build daily",
        "check features --database daily",
        "embed --as-of {end}",
        "publish daily",
        "compact",
    ),
    "campaign_performance": (
        "land",
        "spark campaign-windows",
        "check landed deltas --database intraday",
        "build intraday",
        "check features --database intraday",
        "publish intraday",
    ),
}
ENDS_WHERE_SKIPPED = {"campaign_performance"}
"""Nothing delivered, nothing changed: where a stage skips itself, so do those that come after."""


def run(
    dag: str, interval: Interval, call: Callable[[str], None], echo: Callable[[str], None]
) -> None:
    """Call the commands of `dag` for an interval; say after each how long it took.

    Each stage replaces exactly what its interval owns, so a chain that stopped is typed again.

    Parameters
    ----------
    call
        Runs a command such as `land --start … --end …`.

    Raises
    ------
    VitrineError
        That of the first stage that fails.
    """
    begun = time.monotonic()
    for stage in CHAINS[dag]:
        stage_begun = time.monotonic()
        outcome = "failed"
        try:
            call(_command(stage, interval))
            outcome = "succeeded"
        except StageSkipped as reason:
            echo(str(reason))
            outcome = "skipped"
        finally:
            now = time.monotonic()
            name = stage.partition(" --as-of")[0]
            echo(f"{_clock(now - begun)}  {name:<42}{outcome:<10}{now - stage_begun:7.1f} s")
        if outcome == "skipped" and dag in ENDS_WHERE_SKIPPED:
            return


def _command(stage: str, interval: Interval) -> str:
    """Write a stage as it is typed: most take an interval, some the instant at its end."""
    if "{end}" in stage:
        return stage.format(end=format_instant(interval.end))
    return f"{stage} {interval_options(interval)}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"

"""vitrine check landed|deltas|features --start … --end … ; vitrine check examples|lists --as-of …

Each gate checks the rows of its interval, builds its pages, prints what is only reported, and ends
with exit code 1 and the failed checks when something must not be published.
"""

from collections.abc import Callable, Sequence

import click

from expectations.rules import Check
from vitrine import runlog
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import interval_options
from vitrine.paths import interval_stamp

database_option = click.option(
    "--database", type=click.Choice(["daily", "intraday"]), help="What was built."
)


@click.group()
def check() -> None:
    """Run a suite of data checks; a failed one stops the line."""


@check.command()
@interval_options
def landed(interval: Interval) -> None:
    """Check the tables that were received in the interval."""
    from expectations import landed as suite

    _gate("landed", interval, lambda it: suite.checks(it, interval))


@check.command()
@interval_options
@database_option
def deltas(interval: Interval, database: str | None) -> None:
    """Check Spark's outputs: those of one database, or all that have files."""
    from expectations import deltas as suite

    _gate("deltas", interval, lambda it: suite.checks(it, interval, database))


def _gate(
    suite: str, interval: Interval, checks: Callable[[Installation], Sequence[Check]]
) -> None:
    installation = Installation.load()
    paths = installation.paths
    with runlog.record(paths, f"check {suite}", interval) as run:
        from expectations import gate

        report = gate.run(
            suite,
            checks(installation),
            paths.data_docs,
            interval_stamp(interval),
            installation.settings.keep_versions,
        )
        warnings = report.of("warn")
        run.note(rows=report.rows, failed=len(report.of("fail")), warned=len(warnings))
        for text in warnings:
            click.echo(f"warning: {text}")
        report.raise_failures(suite)
    click.echo(f"gate {suite} {interval}: {report.rows:,} rows are in order; pages: {report.page}")

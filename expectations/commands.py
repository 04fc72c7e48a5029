"""vitrine check landed|deltas|features --start … --end … ; vitrine check examples|lists --as-of …

Each gate checks the rows of its interval, builds its pages, prints what is only reported, and ends
with exit code 1 and the failed checks when something must not be published.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import click

from expectations.rules import Check
from vitrine import runlog
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval
from vitrine.options import as_of_option, interval_options
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


@check.command()
@interval_options
@database_option
def features(interval: Interval, database: str | None) -> None:
    """Check the feature functions of a build that is not published yet."""
    from expectations import features as suite

    _gate("features", interval, lambda it: suite.checks(it, interval, database))


@check.command()
@as_of_option
def examples(as_of: datetime) -> None:
    """Check the training examples as of an instant."""
    from expectations import examples as suite

    _gate("examples", Interval(as_of, as_of + DAY), lambda it: suite.checks(it, as_of))


@check.command()
@as_of_option
def lists(as_of: datetime) -> None:
    """Check the lists that are staged as of an instant."""
    from expectations import lists as suite

    _gate("lists", Interval(as_of, as_of + DAY), lambda it: suite.checks(it, as_of))


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

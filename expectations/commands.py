"""vitrine check landed|deltas|features --start … --end … ; vitrine check examples|lists --as-of …

Each gate checks the rows of its interval, builds its pages, prints what is only reported, and ends
with exit code 1 and the failed checks when something must not be published. Several suites in one
call share the seconds that loading Great Expectations takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from expectations.rules import Check
from vitrine import list_policy_file, runlog
from vitrine.errors import BadArgumentError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval
from vitrine.list_policy import DEFAULT_LIST
from vitrine.options import INSTANT, list_option
from vitrine.paths import interval_stamp
from vitrine.sources import require
from vitrine.staged_lists import StagedList

OF_INTERVALS = ("landed", "deltas", "features")
OF_INSTANTS = ("examples", "lists")


@click.command()
@click.argument("suites", nargs=-1, required=True, type=click.Choice([*OF_INTERVALS, *OF_INSTANTS]))
@click.option("--start", type=INSTANT, help="First instant, for landed, deltas, features.")
@click.option("--end", type=INSTANT, help="First instant after the last.")
@click.option("--as-of", type=INSTANT, help="The instant, for examples and lists.")
@click.option(
    "--database",
    type=click.Choice(["daily", "intraday"]),
    help="The warehouse that it is for; without it all deltas, or all builds, are checked.",
)
@list_option
def check(
    suites: tuple[str, ...],
    start: datetime | None,
    end: datetime | None,
    as_of: datetime | None,
    database: str | None,
    list_name: str,
) -> None:
    """Run suites of data checks in the given order; one that fails stops the line.

    vitrine check landed deltas --start 2026-03-01 --end 2026-03-02

    landed: the tables that were received in the interval. deltas: Spark's outputs. features: the
    feature functions of a build that is not published yet. examples: the training examples as of
    an instant. lists: the lists that are staged as of an instant.
    """
    interval = _interval(suites, start, end, as_of)
    for suite in suites:
        _gate(suite, interval, list_name if suite == "lists" else database)


def _interval(
    suites: Sequence[str], start: datetime | None, end: datetime | None, as_of: datetime | None
) -> Interval:
    """Return what the suites are asked about; for an instant the day that begins with it.

    Raises
    ------
    BadArgumentError
        If an option is missing, or stands where no suite reads it.
    """
    if set(suites) <= set(OF_INTERVALS) and start and end and not as_of:
        return Interval(start, end)
    if set(suites) <= set(OF_INSTANTS) and as_of and not start and not end:
        return Interval(as_of, as_of + DAY)
    raise BadArgumentError(
        f"{', '.join(OF_INTERVALS)} need --start and --end; {', '.join(OF_INSTANTS)} need --as-of;"
        " check the two kinds in two calls"
    )


def _gate(suite: str, interval: Interval, of: str | None) -> None:
    """Run one suite, of one warehouse or list where it is about one."""
    installation = Installation.load()
    paths = installation.paths
    with runlog.record(paths, " ".join(filter(None, ["check", suite, of])), interval) as run:
        from expectations import gate

        seal = Seal.of(installation, of, interval.start) if suite == "lists" else None
        # Each warehouse's pages lie apart: its runs neither race with the other's nor end them.
        name = f"{suite}_{of}" if of else suite
        report = gate.run(
            name,
            _checks(suite, installation, interval, of),
            paths.data_docs,
            interval_stamp(interval),
            installation.settings.keep_versions,
        )
        warnings = report.of("warn")
        run.note(rows_in=report.rows, failed=len(report.of("fail")), warned=len(warnings))
        for text in warnings:
            click.echo(f"warning: {text}")
        if seal:
            seal.close(is_in_order=not report.of("fail"))
        report.raise_failures(name)
    click.echo(f"gate {name} {interval} is open: {report.summary()}; pages: {report.page}")


@dataclass(frozen=True)
class Seal:
    """The mark that a staged list gets if what was looked at is in order, and else loses."""

    staged: StagedList
    digest: str
    policy: str

    @classmethod
    def of(cls, installation: Installation, name: str | None, as_of: datetime) -> "Seal":
        """Begin to look at a staged list.

        Raises
        ------
        NotPublishedError
            If it was not built.
        """
        require(installation.shop, "check lists", "orders")
        staged = StagedList.of(installation.paths, name or DEFAULT_LIST, as_of)
        return cls(staged, staged.digest(), list_policy_file.read(installation).version)

    def close(self, *, is_in_order: bool) -> None:
        """Let `vitrine lists publish` pass, or not any more."""
        if is_in_order:
            self.staged.mark(self.digest, self.policy)
        else:
            self.staged.unmark()


def _checks(
    suite: str, installation: Installation, interval: Interval, of: str | None
) -> list[Check]:
    from expectations import deltas, examples, features, landed, lists

    if suite == "landed":
        return landed.checks(installation, interval)
    if suite == "deltas":
        return deltas.checks(installation, interval, of)
    if suite == "features":
        return features.checks(installation, interval, of)
    if suite == "examples":
        return examples.checks(installation, interval.start)
    return lists.checks(installation, of or DEFAULT_LIST, interval.start)

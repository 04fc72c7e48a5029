"""`vitrine lists judge`: what a list's nights tell of its arms and of other plans."""

from collections.abc import Iterable
from pathlib import Path

import click

from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant
from vitrine.letters import HOLD_OUT
from vitrine.options import interval_options, list_option


@click.command(short_help="Judge the arms of some nights, and other plans.")
@list_option
@interval_options
@click.option(
    "--control", default=HOLD_OUT, show_default=True, help="Arm that the others are compared with."
)
@click.option(
    "--before-days",
    type=click.IntRange(min=1),
    default=28,
    show_default=True,
    help="Days before the nights whose purchases narrow the intervals.",
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another file of rules to judge the list by.",
)
@click.option(
    "--shown",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="list.parquet of a night as other rules would have made it; may be given again.",
)
def judge(
    list_name: str,
    interval: Interval,
    control: str,
    before_days: int,
    policy: Path | None,
    shown: tuple[Path, ...],
) -> None:
    """Judge the arms of some nights, and other plans by their letters.

    vitrine lists judge --start 2026-03-02 --end 2026-03-16

    Choose nights from the first of the experiment on: what customers did before narrows the
    intervals only if no letter of it had changed that.
    """
    from email_lists.judging import explorations, lines, policies, reading, uplift

    installation = Installation.load()
    plans = {} if policy is None else {policy.name: _plan(policy, list_name)}
    logged = reading.read(installation, list_name, interval, before_days)
    click.echo(
        f"list {list_name}, nights {interval.days()[0]} to {interval.days()[-1]}, as known at"
        f" {format_instant(logged.known_until)}: {logged.letters.num_rows:,} letters"
    )
    found = uplift.compared(logged.customers, control)
    _echo(f"arms beside {control}", lines.uplift_lines(found))
    arms = sorted(set(logged.letters["arm"].unique().to_pylist()))
    judged = [
        judgement
        for reward in policies.REWARDS
        for judgement in (
            *(policies.judged_arm(arm, logged.letters, reward) for arm in arms if len(arms) > 1),
            *(policies.judged(*plan, logged.letters, reward) for plan in plans.items()),
        )
    ]
    if judged:
        _echo("other plans for everybody", lines.plan_lines(judged))
    else:
        click.echo("\none arm tells of no other plan")
    if shown:
        by_both = reading.shown_by_both(installation, list_name, interval, shown)
        judged = explorations.judged("as shown", *by_both, logged.sales)
        _echo("the place that is drawn", lines.plan_lines(judged))


def _plan(policy: Path, list_name: str) -> dict[str, dict[str, float]]:
    from email_lists.judging.policies import of_rules
    from vitrine import list_policy_file

    return of_rules(list_policy_file.parse(policy.read_text(), str(policy)).list_named(list_name))


def _echo(title: str, said: Iterable[str]) -> None:
    click.echo("\n".join(["", title, *said]))

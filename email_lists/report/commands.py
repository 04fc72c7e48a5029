"""`vitrine lists report`: what became of a list's nights, as a page with pictures."""

import click

from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import interval_options, list_option


@click.command()
@list_option
@interval_options
def report(list_name: str, interval: Interval) -> None:
    """Show what became of a list's nights, with plots.

    vitrine lists report --start 2026-03-02 --end 2026-03-16

    Sizes, exclusions, reactions, sales, uplift, variety and stock, as the published warehouse
    knows them: a night comes with the build of its day, and events that come later change its
    figures with the next build.
    """
    from email_lists.report import page, publication, reading
    from vitrine.runlog import record

    installation = Installation.load()
    with record(installation.paths, f"lists report {list_name}", interval) as run:
        reported = reading.read(installation, list_name, interval)
        folder = publication.publish(installation, reported)
        run.note(rows_out=int(reported.arms["letter_count"].sum()), nights=len(reported.sizes))
    click.echo("\n".join(page.lines(reported)))
    click.echo(f"\nwith pictures, and what each figure means: {folder / publication.PAGE}")

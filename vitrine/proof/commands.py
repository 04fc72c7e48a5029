"""`vitrine prove-time`: recompute a sample of features from the lake, and say what differs."""

import click

from vitrine.errors import VitrineError
from vitrine.installation import Installation
from vitrine.sources import require

SAMPLE = 40


@click.command("prove-time")
@click.option(
    "--sample",
    type=click.IntRange(min=8),
    default=SAMPLE,
    show_default=True,
    help="Rows of each kind (training, scoring, history) for each feature function.",
)
def prove_time(sample: int) -> None:
    """Prove that no training or scoring row uses what was available only after its instant.

    Features are computed again from the rows of the lake, fact by fact. What landing made of the
    shop's files (types, duplicates, lateness, demographic clusters) is taken as given.

    vitrine prove-time --sample 100
    """
    from vitrine.proof import proof, report

    installation = Installation.load()
    require(installation.shop, "prove-time", "orders")
    with proof.proven(installation, sample, click.echo) as outcome:
        click.echo("\n" + report.written(outcome))
        if why := report.reason(outcome):
            raise VitrineError(why)
        click.echo("\n" + report.conclusion(outcome))

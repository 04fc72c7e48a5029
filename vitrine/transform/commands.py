"""`vitrine build`, `vitrine publish`, `vitrine docs` and `vitrine sql`."""

import click

from vitrine import runlog
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import interval_options
from vitrine.warehouse import DATABASES

LAYERS = ("staging", "intermediate", "features", "marts")


@click.command()
@click.argument("database", type=click.Choice(DATABASES))
@click.option("--layer", required=True, type=click.Choice(LAYERS), help="Models to build.")
@interval_options
def build(database: str, layer: str, interval: Interval) -> None:
    """Build one layer of a warehouse with dbt, in a private file.

    vitrine build daily --layer staging --start 2026-03-01 --end 2026-03-02
    """
    from vitrine.transform import dbt

    installation = Installation.load()
    with runlog.record(installation.paths, f"build {database} {layer}", interval) as run:
        outcome = dbt.build_layer(installation, database, layer, interval)
        run.note(model_count=outcome.model_count, test_count=outcome.test_count)
    click.echo(
        f"{database} {layer}: {outcome.model_count} models built, {outcome.test_count} tests"
        f" passed in {outcome.elapsed_s:.1f} s"
    )

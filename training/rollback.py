"""`vitrine rollback`: the champion of before serves again."""

import click

from vitrine.installation import Installation

MODELS = ("ranker", "classifier")


@click.command()
@click.argument("model", type=click.Choice(MODELS))
@click.option("--to", type=int, help="The version to return to; by default the champion before.")
@click.option("--reason", default="", help="Kept in the ledger of champions, for whoever asks why.")
def rollback(model: str, to: int | None, reason: str) -> None:
    """Let an earlier champion of a model serve again, from the next `vitrine score` on.

    vitrine rollback ranker --reason "recommended nothing but garden furniture"
    """
    from training.promotion import Promotion
    from training.registry import Registry
    from vitrine.transform import operations

    installation = Installation.load()
    models = Registry(installation.settings, installation.paths)
    entry = Promotion.of(models, installation.paths).roll_back(model, to, reason)
    operations.bring_up_to_date(installation)
    click.echo(
        f"{model} version {entry.version}, which knows the data until {entry.data_end_at}, serves"
        f" instead of version {entry.previous_version}; `vitrine score` publishes its scores"
    )

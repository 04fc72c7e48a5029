"""`vitrine rollback`: a champion of before serves again; `vitrine promote`: what was held does."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from vitrine.installation import Installation

if TYPE_CHECKING:
    from training.promotion import Promotion
    from vitrine.champions import Entry

MODELS = ("ranker", "classifier")


def _said(_: click.Context, __: click.Parameter, given: str | None) -> str:
    """Refuse a reason of nothing, which is a slip: who has none leaves the option out."""
    if given is not None and not given.strip():
        raise click.BadParameter("say what you saw, or leave the option out")
    return given or ""


REASON = click.option(
    "--reason", callback=_said, help="Kept in the ledger of champions, for whoever asks why."
)


@click.command()
@click.argument("model", type=click.Choice(MODELS))
@click.option("--to", type=int, help="The version to return to; by default the champion before.")
@REASON
def rollback(model: str, to: int | None, reason: str) -> None:
    """Let an earlier champion of a model serve again, from the next `vitrine score` on.

    vitrine rollback ranker --reason "recommended nothing but garden furniture"

    What training makes afterwards is held until `vitrine promote`, or a challenge that wins. The
    lists of tonight are made anew as docs/runbooks/a-bad-champion.md says.
    """
    _decided(lambda promotion: promotion.roll_back(model, to, reason))


@click.command()
@click.argument("model", type=click.Choice(MODELS))
@click.option("--version", type=int, help="The version to let serve; by default the newest held.")
@REASON
def promote(model: str, version: int | None, reason: str) -> None:
    """Let a version serve that passed the gate and was held, since a rollback came before it.

    vitrine promote ranker --reason "the feed of products is mended"
    """
    _decided(lambda promotion: promotion.choose(model, version, reason))


def _decided(decide: "Callable[[Promotion], Entry]") -> None:
    from training.promotion import Promotion
    from training.registry import Registry
    from vitrine.transform import operations

    installation = Installation.load()
    models = Registry(installation.settings, installation.paths)
    promotion = Promotion.of(models, installation.paths)
    entry = decide(promotion)
    operations.bring_up_to_date(installation)
    click.echo(
        f"{entry.model} version {entry.version}, which knows the data until {entry.data_end_at},"
        f" serves instead of version {entry.previous_version}{_next(installation, entry)}"
    )
    holding = promotion.ledger.holding(entry.model)
    if holding is None:
        click.echo("refreshes that pass the gate are promoted")
        return
    click.echo(
        f"refreshes are held from now on, since version {holding.previous_version} was rolled back"
        f" from, until `vitrine promote {entry.model}` or a challenge that wins"
    )


def _next(installation: Installation, entry: "Entry") -> str:
    """Say what publishes the work of the version that serves now, or has."""
    if entry.model == "ranker":
        return "; `vitrine score` publishes its scores"
    if not installation.paths.embeddings.exists():
        return ""

    from training.classifier.commands import say_aside
    from training.classifier.embeddings import embed_again
    from vitrine.errors import StageSkipped
    from vitrine.interval import parse_instant

    data_end = parse_instant(entry.data_end_at)
    try:
        made = embed_again(installation.settings, installation.paths, data_end, say_aside)
    except StageSkipped as reason:
        return f"; {reason}"
    return "" if made is None else f"; {made.line()}"

"""python -m benchmarks.ranker [--scale 0.01] [--device cuda] [--runs 3]

How fast the ranker samples, trains and scores at a large retailer's size, beside implicit and plain
torch in the same run. Sizes are real, feature values made up. Sampling and training are the code of
`vitrine train ranker`, ranking is that of `vitrine score`, from features that are in memory.
"""

from pathlib import Path
from typing import Any

import click

from benchmarks import measure, ranker_report
from vitrine.errors import VitrineError

PARTS = "benchmarks.ranker_phases"
PHASES = ("sampler", "training", "one", "mass")


@click.command()
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True, max=1),
    default=1.0,
    show_default=True,
    help="Share of the size: 1 is 1,370,000 customers.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where networks are trained and bare products run; auto takes a GPU where there is one.",
)
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(PHASES), help="Measure these parts alone.")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(__file__).parent / "results",
    help="Where ranker-<scale>-<device>.md and .json go.",
)
def main(scale: float, device: str, runs: int, only: tuple[str, ...], folder: Path) -> None:
    """Measure, print and keep the figures."""
    used = measure.device(device)
    click.echo(f"{scale:g} of a large retailer, networks on {used}: medians of {runs} runs")
    figures: dict[str, Any] = {"machine": measure.machine_of_networks(used), "runs": runs}
    for phase in only or PHASES:
        click.echo(f"{phase} …")
        try:
            figures[phase] = measure.figures(PARTS, phase, scale, used, runs)
        except VitrineError as error:
            raise click.ClickException(f"{phase}: {error}") from None
    text = ranker_report.table(figures, scale)
    click.echo(text)
    ranker_report.write(folder, figures, scale, used, text)


if __name__ == "__main__":
    main()

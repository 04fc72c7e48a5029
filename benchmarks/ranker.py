"""python -m benchmarks.ranker [--scale 0.01] [--device cuda] [--runs 3]

How fast the ranker samples, trains and scores at a large retailer's size, beside implicit and plain
torch in the same run. Sizes are real, feature values made up. Sampling and training are the code of
`vitrine train ranker`, ranking is that of `vitrine score`, from features that are in memory.
"""

from pathlib import Path
from typing import Any

import click

from benchmarks import measure, ranker_report
from benchmarks.markdown import keep
from benchmarks.options import device_option, out_option, runs_option, scale_option
from vitrine.errors import VitrineError

PARTS = "benchmarks.ranker_phases"
PHASES = ("sampler", "training", "one", "mass")


@click.command()
@scale_option("Share of the size: 1 is 1,370,000 customers.")
@device_option
@runs_option
@click.option("--only", multiple=True, type=click.Choice(PHASES), help="Measure these parts alone.")
@out_option("ranker-<scale>-<device>")
def main(scale: float, device: str, runs: int, only: tuple[str, ...], out: Path) -> None:
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
    keep(out, f"ranker-{scale:g}-{used}", text, figures)


if __name__ == "__main__":
    main()

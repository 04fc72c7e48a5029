"""python -m benchmarks.classifier [--scale 0.01] [--device cuda] [--preset resnet50] [--runs 3]

How fast the classifier trains beside the same network in a plain loop, how long a week's new
products of the largest shop take from photographs to published vectors, how much memory that takes,
and what a killed training loses. Photographs are made up, of a shop's usual size; the code is that
of `vitrine train classifier` and `vitrine embed`. The same command measures all on a GPU.
"""

from pathlib import Path
from typing import Any

import click

from benchmarks import classifier_report, measure
from benchmarks.markdown import keep
from benchmarks.options import device_option, out_option, runs_option, scale_option
from vitrine.errors import VitrineError

PARTS = "benchmarks.classifier_phases"
PHASES = ("training", "embedding", "memory", "resume")
PRESETS = {"cpu": "cpu", "cuda": "resnet50"}
"""What is measured where, unless it is said otherwise."""


@click.command()
@scale_option(
    "How many products: 1 embeds a tenth of a week of the largest shop, 10 the whole week.", most=10
)
@device_option
@click.option(
    "--preset",
    type=click.Choice(["cpu", "resnet50"]),
    help="The network; the small one on a CPU and ResNet-50 on a GPU, unless it is said.",
)
@runs_option
@click.option("--only", multiple=True, type=click.Choice(PHASES), help="Measure these parts alone.")
@out_option("classifier-<scale>-<device>")
def main(
    scale: float, device: str, preset: str | None, runs: int, only: tuple[str, ...], out: Path
) -> None:
    """Measure, print and keep the figures."""
    used = measure.device(device)
    network = preset or PRESETS[used]
    click.echo(f"preset {network} on {used}, scale {scale:g}: medians of {runs} runs")
    figures: dict[str, Any] = {"machine": measure.machine_of_networks(used), "runs": runs}
    figures |= {"preset": network, "scale": scale}
    for phase in only or PHASES:
        click.echo(f"{phase} …")
        try:
            figures[phase] = measure.figures(PARTS, phase, scale, used, network, runs)
        except VitrineError as error:
            raise click.ClickException(f"{phase}: {error}") from None
    text = classifier_report.table(figures)
    click.echo(text)
    keep(out, f"classifier-{scale:g}-{used}", text, figures)


if __name__ == "__main__":
    main()

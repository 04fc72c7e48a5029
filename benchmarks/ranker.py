"""python -m benchmarks.ranker [--scale 0.01] [--device cuda] [--runs 3]

How fast the ranker samples, trains and scores at a large retailer's size, beside implicit and plain
torch in the same run. Sizes are real, feature values made up. Sampling and training are the code of
`vitrine train ranker`, ranking is that of `vitrine score`, from features that are in memory.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks import measure, ranker_report
from vitrine.errors import VitrineError

PHASES = ("sampler", "training", "one", "mass")
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""Each part says itself where it takes a second thread."""


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
    used = _device(device)
    click.echo(f"{scale:g} of a large retailer, networks on {used}: medians of {runs} runs")
    figures: dict[str, Any] = {"machine": _machine(used), "runs": runs}
    for phase in only or PHASES:
        click.echo(f"{phase} …")
        try:
            figures[phase] = measured(phase, scale, used, runs)
        except VitrineError as error:
            raise click.ClickException(f"{phase}: {error}") from None
    text = ranker_report.table(figures, scale)
    click.echo(text)
    ranker_report.write(folder, figures, scale, used, text)


def measured(phase: str, scale: float, device: str, runs: int) -> dict[str, Any]:
    """Measure one part in a process of its own; its seconds and its peak of memory come along."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        words = [phase, str(scale), device, str(runs), str(out)]
        command = [sys.executable, "-m", "benchmarks.ranker_phases", *words]
        cost = measure.run(command, ENVIRONMENT, Path(folder) / "log")
        found: dict[str, Any] = json.loads(out.read_text())
    return found | {"phase_s": cost.seconds}


def _device(asked: str) -> str:
    import torch

    has_gpu = torch.cuda.is_available()
    if asked == "cuda" and not has_gpu:
        click.echo("torch sees no GPU here: measuring on the CPU")
    return "cuda" if has_gpu and asked != "cpu" else "cpu"


def _machine(device: str) -> dict[str, Any]:
    import torch

    gpu = torch.cuda.get_device_name() if device == "cuda" else None
    load = round(os.getloadavg()[0], 1)
    return measure.machine() | {"gpu": gpu, "load": load, "torch": torch.__version__}


if __name__ == "__main__":
    main()

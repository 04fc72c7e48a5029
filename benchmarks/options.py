"""Options that benchmarks share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where networks compute; auto takes a GPU where there is one.",
)
runs_option = click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True)


def scale_option(means: str, most: float = 1) -> Callable[[Command], Command]:
    """Take a share of the size, above 0 and up to `most`; `means` says what it is."""
    return click.option(
        "--scale",
        type=click.FloatRange(min=0, min_open=True, max=most),
        default=1.0,
        show_default=True,
        help=means,
    )


def out_option(names: str) -> Callable[[Command], Command]:
    """Take the folder that the page and its figures go to, under these names."""
    return click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(__file__).parent / "results",
        help=f"Where {names}.md and .json go.",
    )

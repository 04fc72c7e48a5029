"""Pictures of one look for all pages: PNG files, the same bytes for the same figures.

What is drawn is each page's own; matplotlib loads when the first canvas is made.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REFERENCE_COLOUR, GREY, INK = "#c1121f", "#cccccc", "#333333"
COLOURS = ("#1d4e89", "#2a9d8f", "#e09f3e", "#7b5ea7")


def canvas(
    width: float, height: float, lines: int = 1, columns: int = 1
) -> tuple["Figure", list["Axes"]]:
    """Return a figure of some inches with its panels, line by line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, linewidth=0.7)
        axes.tick_params(labelsize=9, colors=INK)
    return figure, panels


def legend_handles(axes: "Axes", colours: dict[str, str]) -> list:
    """Return a line of each colour with its name."""
    return [
        axes.plot([], [], color=colour, linewidth=2.2, label=name)[0]
        for name, colour in colours.items()
    ]


def save(figure: "Figure", file: Path) -> None:
    """Write a PNG file that says nothing of the programs behind it."""
    figure.savefig(file, dpi=150, metadata={"Software": None})

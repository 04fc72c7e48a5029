"""An evaluation as pictures: PNG files, the same bytes for the same figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from training.classifier.judging.scores import ACCURACY, MACRO_F1
from training.classifier.judging.subjects import CLASSIFIER, IMAGES, MAJORITY, TEXT
from training.classifier.judging.tables import tasks
from training.classifier.judging.text_peers import PEERS
from training.classifier.metrics import Reliability
from vitrine.figures import (
    COLOURS,
    GREY,
    INK,
    REFERENCE_COLOUR,
    canvas,
    legend_handles,
    save,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TASKS, RELIABILITY = "tasks.png", "reliability.png"
SUBJECTS = {CLASSIFIER: REFERENCE_COLOUR} | dict(
    zip((*PEERS, IMAGES, TEXT, MAJORITY), (*COLOURS, GREY), strict=True)
)
MOST_TASKS = 30
"""A picture shows so many at most: those in which the classifier is worst."""
MOST_PANELS = 12


def draw(scores: pd.DataFrame, reliability: Mapping[str, Reliability], folder: Path) -> None:
    """Draw both pictures into a folder."""
    draw_tasks(scores, folder / TASKS)
    draw_reliability(reliability, folder / RELIABILITY)


def draw_tasks(scores: pd.DataFrame, file: Path) -> None:
    """Draw accuracy and macro-F1 by task: a dot a subject, with its 95 % interval."""
    shown = _hardest(scores)
    colours = {s: colour for s, colour in SUBJECTS.items() if s in {*scores["subject"]}}
    figure, panels = canvas(10.0, 1.2 + 0.5 * len(shown), 1, 2)
    for axes, metric in zip(panels, (ACCURACY, MACRO_F1), strict=True):
        _draw_metric(axes, scores[scores["metric"] == metric], shown, colours)
        axes.set_xlabel(metric.replace("_", "-").replace("macro-f1", "macro-F1"))
    panels[0].set_yticks(np.arange(len(shown)), shown)
    panels[1].set_yticks(np.arange(len(shown)), [""] * len(shown))
    figure.legend(handles=legend_handles(panels[0], colours), loc="outside upper center",
                  ncols=len(colours), frameon=False, fontsize=9)  # fmt: skip
    save(figure, file)


def _draw_metric(
    axes: "Axes", scores: pd.DataFrame, shown: list[str], colours: dict[str, str]
) -> None:
    place_K = np.arange(len(shown))
    offsets = np.linspace(-0.3, 0.3, len(colours))
    for offset, (subject, colour) in zip(offsets, colours.items(), strict=True):
        each = scores[scores["subject"] == subject].set_index("task").reindex(shown)
        spread = [each["value"] - each["low"], each["high"] - each["value"]]
        axes.errorbar(each["value"], place_K + offset, xerr=np.maximum(spread, 0), fmt="o",
                      color=colour, markersize=4, linewidth=1.3)  # fmt: skip
    axes.hlines(place_K[1:] - 0.5, 0, 1, color="#e6e6e6", linewidth=0.8)
    axes.set(ylim=(len(shown) - 0.5, -0.5), xlim=(0, 1.01))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _hardest(scores: pd.DataFrame) -> list[str]:
    """Return the tasks that a picture has room for, in their order."""
    own = scores[(scores["subject"] == CLASSIFIER) & (scores["metric"] == MACRO_F1)]
    hardest = {*own.nsmallest(MOST_TASKS, "value")["task"]}
    return [task for task in tasks(scores) if task in hardest]


def draw_reliability(reliability: Mapping[str, Reliability], file: Path) -> None:
    """Draw how often answers are right over how sure the classifier was: a panel a task.

    A dot is a bin of equally many answers. Above the diagonal it knows more than it says, below it
    less.
    """
    worst = sorted(reliability, key=lambda task: -reliability[task].error)[:MOST_PANELS]
    shown = [task for task in reliability if task in worst]
    columns = min(len(shown), 4)
    lines = -(-len(shown) // columns)
    figure, panels = canvas(2.5 * columns, 0.4 + 2.5 * lines, lines, columns)
    for axes, task in zip(panels, shown, strict=False):
        found = reliability[task]
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        axes.plot(found.confidence_B, found.precision_B, color=REFERENCE_COLOUR, marker="o",
                  markersize=4, linewidth=1.3)  # fmt: skip
        axes.set(xlim=(0, 1.03), ylim=(0, 1.03), aspect="equal")
        axes.set_title(f"{task}  {found.error:.3f}", loc="left", fontsize=10, color=INK)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    figure.supxlabel("how sure the classifier was", fontsize=10)
    figure.supylabel("how often it was right", fontsize=10)
    save(figure, file)

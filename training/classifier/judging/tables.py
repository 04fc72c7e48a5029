"""The figures of an evaluation as rows of text, for the terminal and for the page."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from training.classifier.judging.scores import (
    COVERAGE,
    ERROR,
    ERROR_BY_CHANCE,
    PRECISION,
    THRESHOLD,
    rows_of,
)
from training.classifier.judging.subjects import CLASSIFIER, LESS, MAJORITY, OTHERS
from training.evaluation.tables import Table, figure, short

CHANCE = "~"
"""Stands behind a difference whose interval holds zero."""
LONGEST = 28
Cells = dict[tuple[str, str, str], Any]


def peers(scores: pd.DataFrame, metric: str) -> Table:
    """Set the classifier against its peers, task by task, with the differences to it."""
    cells, there = _cells(scores), _there(scores, OTHERS)
    return [
        ["task", CLASSIFIER, *there],
        *(
            [
                task,
                figure(cells[CLASSIFIER, task, metric]),
                *(_against(cells[other, task, metric], other != MAJORITY) for other in there),
            ]
            for task in tasks(scores)
        ),
    ]


def less(scores: pd.DataFrame, metric: str) -> Table:
    """Show what is left, and lost, when something is hidden from the classifier."""
    cells, there = _cells(scores), _there(scores, LESS)
    return [
        ["task", "everything", *there],
        *(
            [
                task,
                short(cells[CLASSIFIER, task, metric].value),
                *(
                    _against(cells[subject, task, metric])
                    if (subject, task, metric) in cells
                    else ""
                    for subject in there
                ),
            ]
            for task in tasks(scores)
        ),
    ]


def certainty(scores: pd.DataFrame) -> Table:
    """Show how well the classifier knows how sure it may be."""
    cells = _cells(scores)
    return [
        ["task", "products", "error", "by chance", "sure from", "answered", "right"],
        *(
            [
                task,
                f"{cells[CLASSIFIER, task, ERROR].product_count:,}",
                *(short(cells[CLASSIFIER, task, m].value) for m in (ERROR, ERROR_BY_CHANCE)),
                _threshold(cells.get((CLASSIFIER, task, THRESHOLD))),
                f"{cells[CLASSIFIER, task, COVERAGE].value:.1%}",
                figure(cells[CLASSIFIER, task, PRECISION]),
            ]
            for task in tasks(scores)
        ),
    ]


def confused(pairs: pd.DataFrame) -> Table:
    """Show pairs of classes, and how often the first was taken for the second."""
    return [
        ["task", "is", "taken for", "products", "of all that are"],
        *(
            [
                row.task,
                clipped(row.true_label),
                clipped(row.given_label),
                f"{row.product_count:,}",
                f"{row.product_count / row.true_count:.0%}" if row.true_count else "",
            ]
            for row in rows_of(pairs)
        ),
    ]


def tasks(scores: pd.DataFrame) -> list[str]:
    """Return the tasks in their order, and last what stands for all of them."""
    return list(scores.loc[scores["subject"] == CLASSIFIER, "task"].drop_duplicates())


def clipped(label: str) -> str:
    """Shorten what would make a table too wide."""
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def _there(scores: pd.DataFrame, subjects: Sequence[str]) -> list[str]:
    known = {*scores["subject"]}
    return [subject for subject in subjects if subject in known]


def _cells(scores: pd.DataFrame) -> Cells:
    return {(str(r.subject), str(r.task), str(r.metric)): r for r in rows_of(scores)}


def _against(row: Any, has_spread: bool = False) -> str:
    """Write a value, and by how much it differs from the classifier's."""
    half = (row.difference_high - row.difference_low) / 2
    spread = f" ±{short(half)}" if has_spread else ""
    mark = CHANCE if row.difference_low <= 0 <= row.difference_high else " "
    return f"{short(row.value)}  {short(row.difference, '+')}{spread} {mark}"


def _threshold(row: Any) -> str:
    if row is None:
        return ""
    return "never" if np.isinf(row.value) else short(row.value)

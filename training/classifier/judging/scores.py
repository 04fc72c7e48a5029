"""The figures of all subjects and tasks as rows, with 95 % intervals over products.

Shape legend: H held-out products, N of them that carry a task's label, R sets of draws: the first
has each product once, the others are resamples. So what is computed on all sets at once is a figure
and its resampled values together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from training.classifier.judging.answers import Answers
from training.classifier.judging.subjects import CLASSIFIER, MAJORITY, Judged
from training.classifier.metrics import error_by_chance, reliability
from training.evaluation.intervals import Resamples, bounds

EVERY_TASK = "all tasks"
"""The mean over tasks, each with the same weight."""
ACCURACY, MACRO_F1 = "accuracy", "macro_f1"
ERROR, ERROR_BY_CHANCE = "calibration_error", "calibration_error_by_chance"
THRESHOLD, COVERAGE, PRECISION = "threshold", "coverage", "precision_when_sure"
COLUMNS = (
    "subject",
    "task",
    "metric",
    "value",
    "low",
    "high",
    "difference",
    "difference_low",
    "difference_high",
    "product_count",
)
Figures = dict[str, np.ndarray]
"""Metric -> float64 (R,), or (1,) where there is no interval."""


@dataclass(frozen=True)
class Draws:
    """Sets of draws of the held-out products: what is computed on the same ones is paired."""

    weight_HR: np.ndarray
    """How often a product was drawn, float32."""

    @classmethod
    def of(cls, count: int, seed: int) -> "Draws":
        """Draw as many products as there are, with replacement, RESAMPLES times."""
        drawn_NU = Resamples.of(np.arange(count), seed).drawn_NU
        return cls(np.vstack([np.ones((1, count)), drawn_NU]).T.astype(np.float32, order="C"))

    def figures(self, answers: Answers) -> Figures:
        """Return accuracy and macro-F1."""
        weight_NR = self.weight_HR[answers.product_N]
        return {
            ACCURACY: _ratio(weight_NR, answers.is_exact_N, np.ones(len(answers))),
            MACRO_F1: answers.macro_f1(weight_NR),
        }

    def compared(self, own: Answers, figures: Figures, other: Answers) -> Figures:
        """Return the figures of one's own answers about the products that another was asked."""
        some = own.among(other.product_N)
        return figures if len(some) == len(own) else self.figures(some)

    def certainty(self, answers: Answers, threshold: float) -> Figures:
        """Return how much is answered rather than left to people, and how much of that is right."""
        weight_NR = self.weight_HR[answers.product_N]
        sure = answers.sure()
        is_sure_N = sure.given_N > 0
        return {
            THRESHOLD: np.asarray([threshold]),
            COVERAGE: _ratio(weight_NR, is_sure_N, np.ones(len(answers))),
            PRECISION: _ratio(weight_NR, sure.right_N, sure.given_N),
        }


def table(
    judged: Mapping[str, Judged],
    thresholds: Mapping[str, Mapping[str, float]],
    product_count: int,
    seed: int,
) -> pd.DataFrame:
    """Return one row per subject, task and metric, with COLUMNS.

    `difference` is the value less the classifier's on the same products and the same draws of them;
    its bounds hold 95 % of the resampled differences. Those of the value do so after all resampled
    values were moved until their mean is the value. That matters for macro-F1 alone: a third of the
    classes of one product, mostly the hardest, are missing in each resample. Of a difference the
    sign is asked, which that does not change.

    Parameters
    ----------
    judged
        Subject -> task -> answers; the classifier is one of them.
    thresholds
        Subject -> task -> the least confidence of an answer that is given, infinite where none is;
        for those who abstain at all.
    """
    draws = Draws.of(product_count, seed)
    known = {subject: {t: a for t, a in of.items() if len(a)} for subject, of in judged.items()}
    own = {task: draws.figures(answers) for task, answers in known[CLASSIFIER].items()}
    rows: list[tuple] = []
    for subject, tasks in known.items():
        figures, reference = own, {}
        if subject != CLASSIFIER:
            figures = {task: draws.figures(answers) for task, answers in tasks.items()}
            reference = {
                task: draws.compared(known[CLASSIFIER][task], own[task], answers)
                for task, answers in tasks.items()
            }
        if subject != MAJORITY:
            figures = {task: figures[task] | calibration(a, seed) for task, a in tasks.items()}
        if subject in thresholds:
            figures = {
                task: figures[task] | draws.certainty(answers, thresholds[subject][task])
                for task, answers in tasks.items()
            }
        rows += _of_subject(subject, tasks, figures, reference)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_subject(
    subject: str, tasks: Judged, figures: dict[str, Figures], reference: dict[str, Figures]
) -> Iterator[tuple]:
    for task, answers in tasks.items():
        yield from _rows(subject, task, figures[task], reference.get(task, {}), len(answers))
    asked = np.unique(np.concatenate([answers.product_N for answers in tasks.values()]))
    yield from _rows(subject, EVERY_TASK, _mean(figures), _mean(reference), len(asked))


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """Give the rows of any frame, each with its columns as attributes."""
    yield from frame.itertuples()


def calibration(answers: Answers, seed: int) -> Figures:
    """Return the calibration error of the answers, and what it would be by chance."""
    return {
        ERROR: np.asarray([reliability(answers.confidence_A, answers.is_right_A).error]),
        ERROR_BY_CHANCE: np.asarray([error_by_chance(answers.confidence_A, seed)]),
    }


def _mean(figures: Mapping[str, Figures]) -> Figures:
    """Average over tasks; a task that is never answered has no precision, and no part in it."""
    metrics = dict.fromkeys(metric for of_task in figures.values() for metric in of_task)
    values = {m: np.stack([of_task[m] for of_task in figures.values()]) for m in metrics}
    return {m: _nanmean(value_KR) for m, value_KR in values.items() if m != THRESHOLD}


def _rows(
    subject: str, task: str, figures: Figures, reference: Figures, count: int
) -> Iterator[tuple]:
    for metric, value_R in figures.items():
        difference_R = value_R - reference.get(metric, np.nan)
        yield (
            subject,
            task,
            metric,
            value_R[0],
            *np.clip(_bounds(value_R) + value_R[0] - _mean_of(value_R[1:]), 0, 1),
            difference_R[0],
            *_bounds(difference_R),
            count,
        )


def _bounds(value_R: np.ndarray) -> np.ndarray:
    """Return float64 (2,): between which the resampled values lie; NaN if there are none."""
    if np.isnan(value_R[1:]).all():
        return np.full(2, np.nan)
    return bounds(value_R[1:, None])[:, 0]


def _mean_of(value_R: np.ndarray) -> float:
    return float(np.nanmean(value_R)) if (~np.isnan(value_R)).any() else np.nan


def _ratio(weight_NR: np.ndarray, part_N: np.ndarray, whole_N: np.ndarray) -> np.ndarray:
    """Return the weighted sum of the parts over that of the wholes, NaN of nothing."""
    part_R, whole_R = np.stack([part_N, whole_N]).astype(np.float64) @ weight_NR
    with np.errstate(invalid="ignore"):
        ratio_R: np.ndarray = part_R / whole_R
    return ratio_R


def _nanmean(value_KR: np.ndarray) -> np.ndarray:
    is_known_KR = ~np.isnan(value_KR)
    with np.errstate(invalid="ignore"):
        mean_R: np.ndarray = np.nansum(value_KR, axis=0) / is_known_KR.sum(axis=0)
    return mean_R

"""The figures of all subjects and tasks as rows, with 95 % intervals over products.

Shape legend: H held-out products, N of them that carry a task's label, R sets of weights: in the
first each product has weight 1, the others are resamples. So what is computed on all sets at once
is a figure and its resampled values together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from training.classifier.judging.answers import Answers
from training.classifier.judging.subjects import CLASSIFIER, MAJORITY, Judged
from training.classifier.metrics import error_by_chance, reliability
from training.evaluation.intervals import RESAMPLES, bounds

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
    """Sets of weights of the held-out products: what is computed on the same ones is paired.

    The Bayesian bootstrap (Rubin 1981, "The Bayesian bootstrap"): weights are drawn from the
    exponential distribution instead of counting how often a product is drawn. So no product has
    weight zero. With counts a third of the classes of one product would be missing in each resample
    and with them, mostly, what is hardest: nearly all resampled macro-F1 would lie above the value.
    """

    weight_RH: np.ndarray
    """float32."""

    @classmethod
    def of(cls, count: int, seed: int) -> "Draws":
        """Draw RESAMPLES sets of weights, after one that has 1 throughout."""
        weight_RH = np.random.default_rng(seed).exponential(size=(RESAMPLES, count))
        return cls(np.vstack([np.ones((1, count)), weight_RH]).astype(np.float32))

    def figures(self, answers: Answers) -> Figures:
        """Return accuracy and macro-F1."""
        weight_RN = self.weight_RH[:, answers.product_N]
        return {
            ACCURACY: _ratio(weight_RN, answers.is_exact_N, np.ones(len(answers))),
            MACRO_F1: answers.macro_f1(weight_RN),
        }

    def certainty(self, answers: Answers, threshold: float, seed: int) -> Figures:
        """Return how well the confidence is calibrated, and what the threshold lets through."""
        weight_RN = self.weight_RH[:, answers.product_N]
        sure = answers.certain(threshold)
        is_sure_N = sure.given_N > 0
        return calibration(answers, seed) | {
            THRESHOLD: np.asarray([threshold]),
            COVERAGE: _ratio(weight_RN, is_sure_N, np.ones(len(answers))),
            PRECISION: _ratio(weight_RN, sure.right_N, sure.given_N),
        }


def table(
    judged: Mapping[str, Judged], thresholds: Mapping[str, float], product_count: int, seed: int
) -> pd.DataFrame:
    """Return one row per subject, task and metric, with COLUMNS.

    `difference` is the value less the classifier's on the same products with the same weights; its
    bounds, like those of the value, hold 95 % of the resampled values.

    Parameters
    ----------
    judged
        Subject -> task -> answers; the classifier is one of them.
    thresholds
        Task -> the least confidence with which the classifier answers; infinite where it never
        does.
    """
    draws = Draws.of(product_count, seed)
    rows: list[tuple] = []
    for subject, tasks in judged.items():
        figures: dict[str, Figures] = {}
        reference: dict[str, Figures] = {}
        for task, answers in ((t, a) for t, a in tasks.items() if len(a)):
            figures[task] = draws.figures(answers)
            compared = judged[CLASSIFIER][task].among(answers.product_N)
            reference[task] = {} if subject == CLASSIFIER else draws.figures(compared)
            if subject == CLASSIFIER:
                figures[task] |= draws.certainty(answers, thresholds[task], seed)
            elif subject != MAJORITY:
                figures[task] |= calibration(answers, seed)
            rows += _rows(subject, task, figures[task], reference[task], len(answers))
        asked = len(np.unique(np.concatenate([a.product_N for a in tasks.values()])))
        rows += _rows(subject, EVERY_TASK, _mean(figures), _mean(reference), asked)
    return pd.DataFrame(rows, columns=list(COLUMNS))


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
        yield (
            subject,
            task,
            metric,
            *_estimate(value_R),
            *_estimate(
                value_R - reference[metric] if metric in reference else np.asarray([np.nan])
            ),
            count,
        )


def _estimate(value_R: np.ndarray) -> tuple[float, float, float]:
    """Return the figure and its bounds; NaN bounds where nothing was resampled."""
    if np.isnan(value_R[1:]).all():
        return float(value_R[0]), np.nan, np.nan
    (low,), (high,) = bounds(value_R[1:, None])
    return float(value_R[0]), float(low), float(high)


def _ratio(weight_RN: np.ndarray, part_N: np.ndarray, whole_N: np.ndarray) -> np.ndarray:
    """Return the weighted sum of the parts over that of the wholes, NaN of nothing."""
    with np.errstate(invalid="ignore"):
        ratio_R: np.ndarray = (weight_RN @ part_N.astype(np.float64)) / (
            weight_RN @ whole_N.astype(np.float64)
        )
    return ratio_R


def _nanmean(value_KR: np.ndarray) -> np.ndarray:
    is_known_KR = ~np.isnan(value_KR)
    with np.errstate(invalid="ignore"):
        mean_R: np.ndarray = np.nansum(value_KR, axis=0) / is_known_KR.sum(axis=0)
    return mean_R

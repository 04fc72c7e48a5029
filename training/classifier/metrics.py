"""Accuracy, macro-F1 and calibration of a task, and guessing its most frequent label.

A label may hold several answers (`training.classifier.catalogue.answers`). Shape legend: A answers,
B bins.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.classifier.catalogue import answers

BINS = 15


@dataclass(frozen=True)
class Scores:
    """`accuracy`: share of right labels. `macro_f1`: unweighted mean of the classes' F1."""

    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class Reliability:
    """How often answers of like confidence are right; bins without an answer are left out.

    Parameters
    ----------
    count_B
        int64, the answers in a bin.
    confidence_B, precision_B
        float64: their mean confidence, and the share of them that is right.
    """

    count_B: np.ndarray
    confidence_B: np.ndarray
    precision_B: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: what confidence and precision differ by in the mean."""
        gap_B = np.abs(self.precision_B - self.confidence_B)
        return float(self.count_B @ gap_B / self.count_B.sum())


def score(truth: Sequence[str], predicted: Sequence[str]) -> Scores:
    """Compare predicted labels with the true ones, of which there must be at least one.

    A label of several answers is right if it has the same answers as the true one, in any order,
    and no others. F1 is that of a single answer; its mean runs over every answer that is true or
    predicted somewhere, and one that is never hit has F1 = 0.

        truth a a b, predicted a b b  ->  accuracy 2/3, F1(a) = 2/3, F1(b) = 2/3, macro 2/3
    """
    pairs = [
        ({*answers(true)}, {*answers(given)}) for true, given in zip(truth, predicted, strict=True)
    ]
    hits = Counter(answer for true, given in pairs for answer in true & given)
    marked = Counter(answer for pair in pairs for side in pair for answer in side)
    f1 = [2 * hits[answer] / marked[answer] for answer in sorted(marked)]
    return Scores(sum(true == given for true, given in pairs) / len(pairs), sum(f1) / len(f1))


def majority(labels: Sequence[str]) -> str:
    """Return the most frequent label; the first by name among equals."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label))


def reliability(confidence_A: np.ndarray, is_right_A: np.ndarray, bins: int = BINS) -> Reliability:
    """Sort answers into bins of equal numbers by their confidence; equals share a bin.

    The expected calibration error of Naeini, Cooper and Hauskrecht (2015), "Obtaining well
    calibrated probabilities using Bayesian binning", sum over bins of n_b / n |right_b - sure_b|,
    on bins of equal mass (Nixon et al. 2019, "Measuring calibration in deep learning"), since most
    answers are nearly certain and would fall into the last of bins of equal width.

        confidences .8 .8 .8 .8, three of four right, one bin  ->  error .05
    """
    bin_A = _bins(confidence_A, bins)
    count_B = np.bincount(bin_A, minlength=bins)
    is_used_B = count_B > 0
    means = (np.bincount(bin_A, weights=v_A, minlength=bins) for v_A in (confidence_A, is_right_A))
    confidence_B, precision_B = (sum_B[is_used_B] / count_B[is_used_B] for sum_B in means)
    return Reliability(count_B[is_used_B], confidence_B, precision_B)


def error_by_chance(confidence_A: np.ndarray, seed: int, draws: int = 200) -> float:
    """Return the mean calibration error of a subject that is exactly as often right as it says.

    Few answers in a bin are never right exactly as often as expected, so the error of a perfect
    subject is above zero too (Bröcker and Smith 2007, "Increasing the reliability of reliability
    diagrams"); an error near this one shows no fault.
    """
    generator, bin_A = np.random.default_rng(seed), _bins(confidence_A, BINS)
    sure_B = np.bincount(bin_A, weights=confidence_A, minlength=BINS)
    errors = []
    for _ in range(draws):
        is_right_A = generator.random(len(confidence_A)) < confidence_A
        right_B = np.bincount(bin_A, weights=is_right_A, minlength=BINS)
        errors.append(np.abs(right_B - sure_B).sum() / len(confidence_A))
    return float(np.mean(errors))


def _bins(confidence_A: np.ndarray, bins: int) -> np.ndarray:
    rank_A = np.searchsorted(np.sort(confidence_A), confidence_A)
    bin_A: np.ndarray = rank_A * bins // max(len(rank_A), 1)
    return bin_A

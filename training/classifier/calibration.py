"""How sure the model is of an answer, and when it had better ask a person: fitted task by task.

A network is mostly too sure of itself, so its logits are divided by a temperature (Guo, Pleiss, Sun
and Weinberger 2017, "On Calibration of Modern Neural Networks"). Below a threshold it abstains.
Both are fitted on tuning products, which the network that they are fitted to has not been trained
on and is not judged by (`training` says which network takes them over); and for each of what may be
shown of a product, since a network that is well calibrated with a name before
it may be far too sure of a photograph alone (training/LOG.md).

N products, C classes of a task, A answers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax
from scipy.stats import norm

from training.classifier.catalogue import Task, answers

PRECISION = 0.95
"""Share of a task's answers that must be right."""
SURENESS = 0.95
"""How sure the tuning products must make us of that."""
AS_LIKELY_AS_NOT = 0.5
"""An answer to a multi-label task is at least so probable."""
COLDEST, HOTTEST = 0.02, 50.0


class Shown(Enum):
    """What a network sees of a product."""

    BOTH = "images and text"
    IMAGES = "images alone"
    TEXT = "text alone"
    NOTHING = "nothing"

    @property
    def has_images(self) -> bool:
        """Whether its photographs are seen."""
        return self in (Shown.BOTH, Shown.IMAGES)

    @property
    def has_text(self) -> bool:
        """Whether its text is seen."""
        return self in (Shown.BOTH, Shown.TEXT)


@dataclass(frozen=True)
class Calibration:
    """What one task's logits are divided by, and how probable an answer must be to be given.

    Parameters
    ----------
    temperature
        Above 1 where the network is too sure, below 1 where it is not sure enough.
    threshold
        Least probability of an answer that is given; infinity where the model always abstains.
    label_count
        Tuning products that carry the task's label; with none nothing was fitted.
    coverage
        Share of those that get an answer.
    """

    temperature: float = 1.0
    threshold: float = math.inf
    label_count: int = 0
    coverage: float = 0.0

    def probability(self, task: Task, logits_NC: np.ndarray) -> np.ndarray:
        """Return how probable each class is, float32 (N, C); one task's rows sum to 1.

        In a multi-label task each class has its own probability of being right.
        """
        scaled_NC = logits_NC.astype(np.float64) / self.temperature
        probability_NC = expit(scaled_NC) if task.is_multi_label else softmax(scaled_NC, axis=1)
        return probability_NC.astype(np.float32)

    def given(self, task: Task, probability_NC: np.ndarray) -> np.ndarray:
        """Tell which classes the model answers with, bool (N, C); a row without one abstains."""
        return _candidates(task, probability_NC) & (probability_NC >= self.threshold)

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` reads back; JSON knows no infinity."""
        return asdict(self) | {"threshold": None if self.is_silent else self.threshold}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Calibration":
        """Read what `to_json` wrote."""
        threshold = math.inf if values["threshold"] is None else values["threshold"]
        return cls(**(values | {"threshold": threshold}))

    @property
    def is_silent(self) -> bool:
        """Whether the model always abstains."""
        return math.isinf(self.threshold)

    def reason(self) -> str:
        """Say why the model always abstains, where it does."""
        if not self.label_count:
            return "no tuning product carries this label"
        return (
            f"no threshold surely keeps {100 * PRECISION:g} % of its answers right, judged by"
            f" {self.label_count} tuning products"
        )


Calibrations = Mapping[Shown, tuple[Calibration, ...]]
"""One calibration per task, by what is shown of a product."""


def uncalibrated(tasks: Sequence[Task]) -> Calibrations:
    """Return what a network has before it is calibrated: it answers nothing."""
    return {shown: tuple(Calibration() for _ in tasks) for shown in Shown}


def calibrate(
    tasks: Sequence[Task], logits: Sequence[np.ndarray], labels: Sequence[Mapping[str, str]]
) -> tuple[Calibration, ...]:
    """Calibrate each task on tuning products.

    Parameters
    ----------
    logits
        One float array (N, C) per task.
    labels
        What is known of each of the N products, as the catalogue writes it.
    """
    return tuple(
        calibrate_task(task, logits_NC, [known.get(task.name, "") for known in labels])
        for task, logits_NC in zip(tasks, logits, strict=True)
    )


def calibrate_task(task: Task, logits_NC: np.ndarray, labels: Sequence[str]) -> Calibration:
    """Fit temperature and threshold; an empty label is a missing one.

    A label that no training product had counts as answered wrongly, whatever the answer.
    """
    labelled = [n for n, label in enumerate(labels) if answers(label)]
    if not labelled:
        return Calibration()
    logits_NC = logits_NC[labelled].astype(np.float64)
    is_right_NC = np.zeros(logits_NC.shape, bool)
    for row, n in enumerate(labelled):
        is_right_NC[row, task.numbers(labels[n])] = True
    fitted = Calibration(temperature(task, logits_NC, is_right_NC), label_count=len(labelled))
    probability_NC = fitted.probability(task, logits_NC)
    is_candidate_NC = _candidates(task, probability_NC)
    threshold = surest_threshold(probability_NC[is_candidate_NC], is_right_NC[is_candidate_NC])
    if task.is_multi_label:
        threshold = max(threshold, AS_LIKELY_AS_NOT)
    is_answered_N = (is_candidate_NC & (probability_NC >= threshold)).any(1)
    return Calibration(
        fitted.temperature, threshold, fitted.label_count, float(is_answered_N.mean())
    )


def temperature(task: Task, logits_NC: np.ndarray, is_right_NC: np.ndarray) -> float:
    """Return the temperature under which what is right was most probable.

    Answers that are all right would be likeliest under a temperature of 0, which makes every
    probability 1. So ln T is held to be normal around 0 with deviation 1 before anything is seen:
    with a hundred products that moves T by little, with three it keeps it near 1.
    """

    def cost(log_temperature: float) -> float:
        scaled_NC = logits_NC / math.exp(log_temperature)
        return log_temperature**2 / 2 - _log_likelihood(task, scaled_NC, is_right_NC)

    bounds = (math.log(COLDEST), math.log(HOTTEST))
    return math.exp(minimize_scalar(cost, bounds=bounds, method="bounded").x)


def surprise(task: Task, logits_NC: np.ndarray, labels: Sequence[str]) -> float:
    """Return how surprising the labels are at the best temperature, nats a labelled product.

    0 where no product has a label that the task knows.
    """
    known = [(n, numbers) for n, label in enumerate(labels) if (numbers := task.numbers(label))]
    if not known:
        return 0.0
    logits_NC = logits_NC[[n for n, _ in known]].astype(np.float64)
    is_right_NC = np.zeros(logits_NC.shape, bool)
    for row, (_, numbers) in enumerate(known):
        is_right_NC[row, numbers] = True
    scaled_NC = logits_NC / temperature(task, logits_NC, is_right_NC)
    return -_log_likelihood(task, scaled_NC, is_right_NC) / len(known)


def surest_threshold(probability_A: np.ndarray, is_right_A: np.ndarray) -> float:
    """Return the least probability above which answers are right as often as `PRECISION` asks.

    Not their share in the sample must reach it but the lower end of its one-sided Wilson interval
    (Wilson 1927): the lowest threshold at which the share itself does is chosen by luck, and keeps
    95 % on new products in half of all draws; with the interval it is 94 in 100, for some points
    of coverage (training/LOG.md). Infinity if no threshold reaches it, 0 if all answers pass:

        51 answers, all right  ->  infinity, 51 are too few to be sure
        52 answers, all right  ->  0
    """
    order_A = np.argsort(-probability_A, kind="stable")
    sorted_A = probability_A[order_A]
    right_A = np.cumsum(is_right_A[order_A])
    low_A = wilson_lower(right_A, np.arange(1, len(order_A) + 1))
    # Answers that are equally probable are given together.
    is_last_A = np.append(sorted_A[1:] != sorted_A[:-1], True)[: len(order_A)]
    passing = np.flatnonzero((low_A >= PRECISION) & is_last_A)
    if not len(passing):
        return math.inf
    return 0.0 if passing[-1] == len(order_A) - 1 else float(sorted_A[passing[-1]])


def wilson_lower(right_A: np.ndarray, count_A: np.ndarray) -> np.ndarray:
    """Return the lower end of the one-sided Wilson interval of a share, at `SURENESS`."""
    z = float(norm.ppf(SURENESS))
    share_A = right_A / count_A
    middle_A = share_A + z**2 / (2 * count_A)
    half_A = z * np.sqrt(share_A * (1 - share_A) / count_A + z**2 / (4 * count_A**2))
    return (middle_A - half_A) / (1 + z**2 / count_A)


def _log_likelihood(task: Task, scaled_NC: np.ndarray, is_right_NC: np.ndarray) -> float:
    if task.is_multi_label:
        return float(log_expit(np.where(is_right_NC, scaled_NC, -scaled_NC)).sum())
    return float(log_softmax(scaled_NC, axis=1)[is_right_NC].sum())


def _candidates(task: Task, probability_NC: np.ndarray) -> np.ndarray:
    """Tell which classes could be answers, bool (N, C): the most probable, or all likely ones."""
    if task.is_multi_label:
        return probability_NC >= AS_LIKELY_AS_NOT
    is_best_NC = np.zeros(probability_NC.shape, bool)
    np.put_along_axis(is_best_NC, probability_NC.argmax(1)[:, None], True, axis=1)
    return is_best_NC

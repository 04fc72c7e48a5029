"""Confidence that is known beforehand: labels drawn from the very probabilities, and from noise."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from training.classifier.calibration import (
    PRECISION,
    Calibration,
    calibrate,
    calibrate_task,
    surest_threshold,
    wilson_lower,
)
from training.classifier.catalogue import Task

CLASSES = tuple("abcdefgh")
ONE, MANY = Task("one", CLASSES), Task("many", CLASSES, is_multi_label=True)
BOTH = pytest.mark.parametrize("task", [ONE, MANY], ids=lambda task: task.name)


def drawn(task: Task, count: int, seed: int = 0, sharpness: float = 6.0):
    """Draw logits, and labels that come true just as often as the logits say."""
    rng = np.random.default_rng(seed)
    logits_NC = rng.normal(size=(count, len(task.classes))) * sharpness
    if task.is_multi_label:
        is_right_NC = rng.random(logits_NC.shape) < expit(logits_NC)
    else:
        below_NC = softmax(logits_NC, axis=1).cumsum(1) < rng.random((count, 1))
        is_right_NC = np.eye(len(task.classes), dtype=bool)[below_NC.sum(1)]
    return logits_NC, [task.label(np.flatnonzero(row)) for row in is_right_NC]


def precision_and_coverage(task: Task, calibration: Calibration, logits_NC, labels):
    given_NC = calibration.given(task, calibration.probability(task, logits_NC))
    return truth(task, labels)[given_NC].mean(), given_NC.any(1).mean()


def truth(task: Task, labels) -> np.ndarray:
    return np.asarray([[name in label.split("|") for name in task.classes] for label in labels])


@BOTH
@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_the_temperature_undoes_what_the_logits_were_multiplied_by(task, factor):
    logits_NC, labels = drawn(task, 3_000)
    fitted = calibrate_task(task, logits_NC * factor, labels)
    assert fitted.temperature == pytest.approx(factor, rel=0.07)


@BOTH
def test_calibrated_probabilities_come_true_as_often_as_they_say(task):
    logits_NC, labels = drawn(task, 3_000)
    probability_NC = calibrate_task(task, logits_NC * 3, labels).probability(task, logits_NC * 3)
    is_right_NC = truth(task, labels)
    for low in (0.5, 0.7, 0.9):
        is_here_NC = (probability_NC >= low) & (probability_NC < low + 0.1)
        promised, kept = probability_NC[is_here_NC].mean(), is_right_NC[is_here_NC].mean()
        assert kept == pytest.approx(promised, abs=0.06)


@BOTH
def test_what_is_noise_is_always_left_to_a_person(task):
    logits_NC, _ = drawn(task, 1_000, seed=1)
    rng = np.random.default_rng(2)
    labels = list(rng.choice(CLASSES, 1_000))
    fitted = calibrate_task(task, logits_NC, labels)
    assert fitted.is_silent
    assert fitted.coverage == 0
    assert not fitted.given(task, fitted.probability(task, logits_NC)).any()
    assert "95 % of its answers right, judged by 1000 tuning products" in fitted.reason()


def test_what_is_always_right_is_always_answered():
    logits_NC, _ = drawn(ONE, 200)
    labels = [ONE.classes[c] for c in logits_NC.argmax(1)]
    fitted = calibrate_task(ONE, logits_NC, labels)
    assert (fitted.threshold, fitted.coverage) == (0, 1)
    never_so_unsure = np.zeros((1, len(CLASSES)))
    given_NC = fitted.given(ONE, fitted.probability(ONE, never_so_unsure))
    assert given_NC.tolist() == [[True] + [False] * 7]


def test_every_likely_class_is_an_answer_to_a_multi_label_task():
    logits_NC = np.where(np.random.default_rng(3).random((200, 8)) < 0.4, 4.0, -4.0)
    logits_NC[:, 0] = 4.0
    labels = [MANY.label(np.flatnonzero(row > 0)) for row in logits_NC]
    fitted = calibrate_task(MANY, logits_NC, labels)
    assert (fitted.threshold, fitted.coverage) == (0.5, 1)
    given_NC = fitted.given(MANY, fitted.probability(MANY, logits_NC))
    np.testing.assert_array_equal(given_NC, logits_NC > 0)


@BOTH
@pytest.mark.parametrize("count", [400, 800])
def test_answers_keep_their_precision_on_new_products(task, count):
    new = drawn(task, 4_000, seed=99)
    kept = []
    for seed in range(40):
        logits_NC, labels = drawn(task, count, seed)
        precision, coverage = precision_and_coverage(
            task, calibrate_task(task, logits_NC, labels), *new
        )
        kept.append(precision >= PRECISION)
        assert coverage > 0.3
    assert np.mean(kept) >= 0.85  # the best known is 0.95; the sample's own share reaches 0.5


def test_a_task_that_no_tuning_product_has_is_left_to_a_person():
    logits_NC, labels = drawn(ONE, 100)
    known = [{"one": label, "many": ""} for label in labels]
    fitted, unknown = calibrate((ONE, MANY), [logits_NC, logits_NC], known)
    assert fitted.label_count == 100
    assert unknown == Calibration()
    assert (unknown.temperature, unknown.is_silent) == (1, True)
    assert unknown.reason() == "no tuning product carries this label"


def test_a_label_that_training_never_saw_counts_as_missed():
    logits_NC = np.full((100, 8), -4.0)
    logits_NC[:, 0] = 4.0
    fit = partial(calibrate_task, ONE, logits_NC)
    assert fit(["a"] * 100).coverage == 1
    assert fit(["a"] * 90 + ["never seen"] * 10).is_silent


def test_few_products_hardly_move_the_temperature():
    logits_NC = np.eye(8)[[0, 1, 2]] * 3
    assert 0.5 < calibrate_task(ONE, logits_NC, ["a", "b", "c"]).temperature < 1
    assert calibrate_task(ONE, logits_NC * 0, ["a", "b", "c"]).temperature == pytest.approx(1)


@pytest.mark.parametrize(("count", "threshold"), [(51, math.inf), (52, 0.0)])
def test_few_answers_are_never_sure(count, threshold):
    assert surest_threshold(np.linspace(0.6, 0.9, count), np.ones(count, bool)) == threshold


def test_no_answers_give_no_threshold():
    assert surest_threshold(np.empty(0), np.empty(0, bool)) == math.inf


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 12)), max_size=200))
def test_the_threshold_agrees_with_a_plain_loop(drawn_answers):
    probability_A = np.asarray([p / 20 for p, _ in drawn_answers], np.float32)
    is_right_A = np.asarray([luck > 0 for _, luck in drawn_answers], bool)
    passing = []
    for bound in np.unique(probability_A):
        those_A = is_right_A[probability_A >= bound]
        if wilson_lower(those_A.sum(), np.asarray(len(those_A))) >= PRECISION:
            passing.append(float(bound))
    expected = min(passing, default=math.inf)
    if len(probability_A) and expected == probability_A.min():
        expected = 0.0
    assert surest_threshold(probability_A, is_right_A) == expected


@pytest.mark.parametrize(
    "calibration", [Calibration(), Calibration(1.7, 0.83, 640, 0.71), Calibration(0.9, 0.0, 80, 1)]
)
def test_it_is_read_as_it_was_written(calibration):
    assert Calibration.from_json(calibration.to_json()) == calibration

from typing import Any

import numpy as np
import pytest

from tests.training.classifier.judging.conftest import skilled
from training.classifier.catalogue import Product, Task
from training.classifier.judging.answers import Answers
from training.classifier.judging.scores import EVERY_TASK, table
from training.classifier.judging.subjects import CLASSIFIER
from training.classifier.metrics import score

SUBJECTS = {CLASSIFIER: 0.9, "words": 0.9, "letters": 0.7}


@pytest.fixture(scope="module")
def judged(held_out):
    made = {
        subject: skilled(held_out, skill, seed, silent=("coin",))
        for seed, (subject, skill) in enumerate(SUBJECTS.items())
    }
    return made | {"same": made[CLASSIFIER]}


@pytest.fixture(scope="module")
def rows(judged, held_out):
    thresholds = {CLASSIFIER: {"kind": 0.0, "coin": np.inf}}
    rows = table(judged, thresholds, len(held_out), seed=1)
    return rows.set_index(["subject", "task", "metric"]).sort_index()


def test_values_are_those_of_the_labels(rows, judged, held_out):
    answers = judged["letters"]["kind"]
    truth = [held_out[n].labels["kind"] for n in answers.product_N]
    given = [answers.classes[c] for c in answers.class_A]
    scores = score(truth, given)
    found = rows.loc["letters", "kind"]
    assert found["value"]["accuracy"] == pytest.approx(scores.accuracy)
    assert found["value"]["macro_f1"] == pytest.approx(scores.macro_f1)
    assert found["product_count"]["accuracy"] == len(truth) < len(held_out)


def test_intervals_are_those_of_a_mean_and_the_worse_one_is_found_but_not_chance(rows):
    found = rows.loc["letters", "kind", "accuracy"]
    deviation = (found["value"] * (1 - found["value"]) / found["product_count"]) ** 0.5
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * deviation, rel=0.1)
    assert found["difference_high"] < -0.1
    equal = rows.loc["words", "kind", "accuracy"]
    assert equal["difference_low"] < 0 < equal["difference_high"]


def test_the_interval_lies_around_a_macro_f1_of_many_classes_of_one_product():
    # Ten classes of nine products are all hit, and thirty of one product are taken for the first.
    names = [f"large{n}" for n in range(10) for _ in range(9)] + [f"small{n}" for n in range(30)]
    task = Task("brand", tuple(sorted({*names})))
    products = [Product(f"p{n}", "", labels={"brand": name}) for n, name in enumerate(names)]
    given = [task.numbers(name if name.startswith("large") else "large0")[0] for name in names]
    judged = {CLASSIFIER: {"brand": Answers.of(task, products, np.eye(40)[given])}}
    rows = table(judged, {}, len(names), seed=1).set_index(["task", "metric"])
    found: Any = rows.loc["brand", "macro_f1"]
    assert found["value"] == pytest.approx((9 + 2 * 9 / (9 + 39)) / 40)
    assert (found["low"] + found["high"]) / 2 == pytest.approx(found["value"], abs=0.01)
    assert 0.02 < found["high"] - found["low"] < 0.2


def test_one_product_more_is_no_difference_and_ten_are_one():
    task = Task("size", ("large", "small"))
    products = [Product(f"p{n}", "", labels={"size": "large"}) for n in range(100)]
    for wrong, is_shown in ((1, False), (10, True)):
        given = np.zeros(100, int)
        right, worse = np.eye(2)[given], np.eye(2)[np.where(np.arange(100) < wrong, 1, given)]
        judged = {
            CLASSIFIER: {"size": Answers.of(task, products, right)},
            "words": {"size": Answers.of(task, products, worse)},
        }
        rows: Any = table(judged, {}, 100, seed=1).set_index(["subject", "task", "metric"])
        found = rows.loc["words", "size", "accuracy"]
        assert found["difference"] == pytest.approx(-wrong / 100)
        assert (found["difference_high"] < 0) == is_shown


def test_differences_are_paired(rows):
    same = rows.loc["same"]
    figures = same[same.index.get_level_values("metric").isin(["accuracy", "macro_f1"])]
    assert (figures[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
    assert rows.loc[CLASSIFIER, "difference"].isna().all()


def test_all_tasks_are_the_mean_of_tasks_on_the_same_draws(rows):
    for metric in ("accuracy", "macro_f1", "calibration_error", "coverage"):
        tasks = [rows.loc[CLASSIFIER, task, metric] for task in ("kind", "coin")]
        mean = rows.loc[CLASSIFIER, EVERY_TASK, metric]
        assert mean["value"] == pytest.approx(np.mean([row["value"] for row in tasks]))
        if metric == "accuracy":
            assert mean["high"] - mean["low"] < min(row["high"] - row["low"] for row in tasks)


def test_a_task_that_is_never_answered_has_no_precision(rows):
    assert rows.loc[CLASSIFIER, "coin", "coverage"]["value"] == 0
    assert np.isnan(rows.loc[CLASSIFIER, "coin", "precision_when_sure"]["value"])
    assert rows.loc[CLASSIFIER, "coin", "threshold"]["value"] == np.inf
    sure = rows.loc[CLASSIFIER, "kind", "precision_when_sure"]
    assert sure["value"] == rows.loc[CLASSIFIER, "kind", "accuracy"]["value"]
    assert rows.loc[CLASSIFIER, EVERY_TASK, "precision_when_sure"]["value"] == sure["value"]


def test_the_calibration_error_is_what_confidence_and_accuracy_differ_by(rows):
    found = rows.loc["letters", "kind", "calibration_error"]["value"]
    assert found == pytest.approx(0.8 - rows.loc["letters", "kind", "accuracy"]["value"])


def test_what_was_asked_about_some_products_is_compared_on_those_alone(judged, held_out):
    some = np.arange(0, len(held_out), 4)
    part = {task: answers.among(some) for task, answers in judged[CLASSIFIER].items()}
    rows = table(judged | {"part": part}, {}, len(held_out), seed=1)
    part_rows = rows[(rows["subject"] == "part") & rows["metric"].isin(["accuracy", "macro_f1"])]
    assert (part_rows["difference"] == 0).all()
    assert (part_rows["product_count"] <= len(some)).all()

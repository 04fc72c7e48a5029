import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.classifier.metrics import error_by_chance, majority, reliability, score

LABELS = st.sampled_from("abc")
CONFIDENCES = st.sampled_from([0.5, 0.6, 0.6000001, 0.9, 1.0])


def test_the_example_of_the_docstring():
    scores = score(["a", "a", "b"], ["a", "b", "b"])
    assert scores.accuracy == pytest.approx(2 / 3)
    assert scores.macro_f1 == pytest.approx(2 / 3)


def test_a_class_that_is_only_predicted_counts():
    assert score(["a", "a"], ["a", "c"]).macro_f1 == pytest.approx((2 / 3 + 0) / 2)


def test_several_answers_are_right_together_or_not_at_all_and_have_an_f1_each():
    scores = score(["a|b", "b"], ["b|a", "a|b"])
    assert scores.accuracy == pytest.approx(1 / 2)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=20))
def test_macro_f1_agrees_with_precision_and_recall(pairs):
    f1 = []
    for label in sorted({label for pair in pairs for label in pair}):
        hits = sum(t == p == label for t, p in pairs)
        predicted, true = sum(p == label for _, p in pairs), sum(t == label for t, _ in pairs)
        precision, recall = hits / predicted if predicted else 0, hits / true if true else 0
        f1.append(2 * precision * recall / (precision + recall) if hits else 0)
    truth, guesses = zip(*pairs, strict=True)
    assert score(truth, guesses).macro_f1 == pytest.approx(sum(f1) / len(f1))


def test_the_majority_is_the_first_by_name_among_equals():
    assert majority(["b", "a", "b", "a", "c"]) == "a"


def test_four_answers_in_one_bin():
    assert reliability(np.full(4, 0.8), np.array([1, 1, 1, 0])).error == pytest.approx(0.05)


@pytest.mark.parametrize(("too_sure_by", "error"), [(0.0, 0.0), (0.1, 0.1), (-0.1, 0.1)])
def test_who_is_as_often_right_as_he_says_has_no_error_and_who_is_too_sure_has_that_much(
    too_sure_by, error
):
    rng = np.random.default_rng(4)
    chance_A = rng.uniform(0.2, 0.8, 40_000)
    is_right_A = rng.random(40_000) < chance_A
    assert reliability(chance_A + too_sure_by, is_right_A).error == pytest.approx(error, abs=0.01)


def test_the_error_by_chance_is_that_of_a_perfect_subject_and_falls_with_its_answers():
    rng = np.random.default_rng(4)
    few, many = rng.uniform(0.2, 0.8, 300), rng.uniform(0.2, 0.8, 30_000)
    assert error_by_chance(few, seed=1) > 5 * error_by_chance(many, seed=1)
    drawn = [reliability(few, rng.random(300) < few).error for _ in range(200)]
    assert error_by_chance(few, seed=1) == pytest.approx(np.mean(drawn), rel=0.1)


@given(st.lists(st.tuples(CONFIDENCES, st.booleans()), min_size=1, max_size=30), st.integers(1, 6))
def test_bins_are_those_of_a_slow_loop_whatever_the_order(answers, bins):
    expected: dict[int, list] = {}
    for confidence, is_right in answers:
        below = sum(other < confidence for other, _ in answers)
        expected.setdefault(below * bins // len(answers), []).append((confidence, is_right))
    error = sum(
        abs(sum(right for _, right in some) - sum(sure for sure, _ in some))
        for some in expected.values()
    ) / len(answers)
    for some in (answers, answers[::-1]):
        confidence_A, is_right_A = (np.array(column, float) for column in zip(*some, strict=True))
        found = reliability(confidence_A, is_right_A, bins)
        assert found.error == pytest.approx(error, abs=1e-9)
        assert found.count_B.tolist() == [len(expected[b]) for b in sorted(expected)]

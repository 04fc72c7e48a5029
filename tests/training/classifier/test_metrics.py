import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.classifier.metrics import majority, score

LABELS = st.sampled_from("abc")


def test_the_example_of_the_docstring():
    scores = score(["a", "a", "b"], ["a", "b", "b"])
    assert scores.accuracy == pytest.approx(2 / 3)
    assert scores.macro_f1 == pytest.approx(2 / 3)


def test_a_class_that_is_only_predicted_counts():
    assert score(["a", "a"], ["a", "c"]).macro_f1 == pytest.approx((2 / 3 + 0) / 2)


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

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.classifier.catalogue import Product, Task
from training.classifier.judging.answers import Answers
from training.classifier.metrics import score

FABRIC = Task("fabric", ("cotton", "linen", "silk"), is_multi_label=True)
SIZE = Task("size", ("large", "small"))


def products(task, *labels):
    return [
        Product(f"p{n}", "", labels={} if label is None else {task.name: label})
        for n, label in enumerate(labels)
    ]


def test_a_product_without_the_label_is_asked_nothing_and_a_new_class_is_always_missed():
    probability_HC = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]])
    answers = Answers.of(SIZE, products(SIZE, "large", None, "huge"), probability_HC)
    assert answers.product_N.tolist() == [0, 2]
    assert answers.classes == ("large", "small", "huge")
    assert answers.is_right_A.tolist() == [True, False]
    assert answers.confidence_A.tolist() == [0.9, 0.8]


def test_a_product_of_several_answers_has_what_is_likely_or_else_the_likeliest():
    probability_HC = np.array([[0.9, 0.1, 0.6], [0.4, 0.3, 0.2], [0.9, 0.8, 0.1]])
    asked = products(FABRIC, "silk|cotton", "cotton", "cotton")
    answers = Answers.of(FABRIC, asked, probability_HC)
    assert answers.given_N.tolist() == [2, 1, 2]
    assert answers.right_N.tolist() == [2, 1, 1]
    assert answers.is_exact_N.tolist() == [True, True, False]


def test_what_a_subject_is_not_sure_of_is_no_answer():
    probability_HC = np.array([[0.9, 0.1], [0.4, 0.6]])
    asked = products(SIZE, "large", "large")
    answers = Answers.of(SIZE, asked, probability_HC, probability_HC >= 0.9)
    assert answers.given_N.tolist() == [1, 1]
    assert answers.sure().given_N.tolist() == [1, 0]
    assert answers.among(np.array([1])).sure().given_N.tolist() == [0]
    assert Answers.of(SIZE, asked, probability_HC).sure().given_N.tolist() == [1, 1]


LABEL = st.sets(st.sampled_from([*FABRIC.classes, "moss"])).map(lambda s: "|".join(sorted(s)))
ROW = st.tuples(LABEL, st.lists(st.sampled_from([0.1, 0.4, 0.6, 0.9]), min_size=3, max_size=3))


@settings(deadline=None)
@given(
    st.lists(ROW, min_size=1, max_size=12), st.lists(st.integers(0, 2), min_size=12, max_size=12)
)
def test_on_each_set_of_draws_the_figures_are_those_of_the_products_drawn(rows, drawn):
    labels, probabilities = zip(*rows, strict=True)
    asked = products(FABRIC, *labels)
    answers = Answers.of(FABRIC, asked, np.asarray(probabilities))
    said = dict.fromkeys(range(len(rows)), "")
    for row, class_ in zip(answers.row_A, answers.class_A, strict=True):
        said[answers.product_N[row]] += f"|{answers.classes[class_]}"
    drawn_N = np.asarray(drawn)[answers.product_N]
    places = np.repeat(answers.product_N, drawn_N)
    if not len(places):
        return
    slow = score([labels[n] for n in places], [said[n] for n in places])
    assert answers.macro_f1(drawn_N[:, None].astype(float))[0] == pytest.approx(slow.macro_f1)
    assert np.average(answers.is_exact_N, weights=drawn_N) == pytest.approx(slow.accuracy)
    some = answers.among(answers.product_N[drawn_N > 0])
    assert some.is_exact_N.tolist() == answers.is_exact_N[drawn_N > 0].tolist()
    assert some.macro_f1(drawn_N[drawn_N > 0, None].astype(float))[0] == pytest.approx(
        slow.macro_f1
    )

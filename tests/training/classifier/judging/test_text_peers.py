import numpy as np
import pytest

from tests.training.classifier.judging.conftest import COIN, FABRIC, KIND, TASKS, drawn
from training.classifier.catalogue import Product
from training.classifier.judging.subjects import MAJORITY, most_frequent, other_subjects
from training.classifier.judging.text_peers import PEERS


@pytest.fixture(scope="module")
def judged(held_out):
    return other_subjects(TASKS, drawn(300, seed=2), drawn(60, seed=3), held_out)


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_learns_what_the_text_says_and_nothing_of_what_it_does_not(judged, peer):
    accuracy = {task: answers.is_exact_N.mean() for task, answers in judged[peer].items()}
    assert accuracy[KIND.name] > 0.99
    assert accuracy[FABRIC.name] > 0.95
    assert accuracy[COIN.name] == pytest.approx(0.5, abs=0.09)


def test_the_most_frequent_label_is_a_third_right_where_three_are_as_frequent(judged):
    answers = judged[MAJORITY][KIND.name]
    assert len(np.unique(answers.class_A)) == 1
    assert answers.is_exact_N.mean() == pytest.approx(1 / 3, abs=0.09)


def test_the_most_frequent_label_is_that_of_the_products_to_learn_from(held_out):
    shirts = [Product("p", "", labels={"kind": kind}) for kind in ("bag", "shirt", "shirt")]
    answers = most_frequent(KIND, shirts, held_out)
    assert {answers.classes[c] for c in answers.class_A} == {"shirt"}


def test_a_peer_is_told_nothing_of_the_held_out_labels(held_out):
    lied_about = [Product(p.product_id, p.text, labels={"kind": "bag"}) for p in held_out]
    others = drawn(60, seed=2), drawn(20, seed=3)
    told = PEERS["words"].answer((KIND,), *others, lied_about)[KIND.name]
    read = PEERS["words"].answer((KIND,), *others, held_out)[KIND.name]
    assert told.class_A[read.product_N].tolist() == read.class_A.tolist()
    assert told.confidence_A[read.product_N].tolist() == read.confidence_A.tolist()


def test_without_any_text_there_is_no_text_peer():
    silent = [Product(p.product_id, " ", labels=p.labels) for p in drawn(30, seed=2)]
    assert list(other_subjects(TASKS, silent, silent, silent)) == [MAJORITY]


def test_a_task_of_which_one_class_was_seen_is_answered_with_it(held_out):
    bags = [Product(p.product_id, p.text, labels={"kind": "bag"}) for p in drawn(20, seed=2)]
    answers = PEERS["words"].answer((KIND,), bags, bags, held_out)[KIND.name]
    assert {answers.classes[c] for c in answers.class_A} == {"bag"}


def test_the_penalty_is_what_answers_best_about_the_tuning_products():
    def named(*kinds):
        return [Product(f"p{n}", f"fine {k}", labels={"kind": k}) for n, k in enumerate(kinds)]

    trained_on, boots = named(*["bag"] * 400, "boot"), named("boot")
    answered = {}
    for tuning in (named("bag"), named("bag", "boot")):
        answers = PEERS["words"].answer((KIND,), trained_on, tuning, boots)[KIND.name]
        answered[len(tuning)] = answers.classes[answers.class_A[0]]
    assert answered == {1: "bag", 2: "boot"}

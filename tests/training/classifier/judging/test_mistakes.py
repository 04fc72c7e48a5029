import numpy as np

from training.classifier.catalogue import Product, Task
from training.classifier.judging.answers import Answers
from training.classifier.judging.mistakes import NOTHING, confusions, mistakes

SIZE = Task("size", ("large", "small"))
FABRIC = Task("fabric", ("cotton", "linen", "silk"), is_multi_label=True)
PRODUCTS = [
    Product("a", "", labels={"size": "large", "fabric": "cotton|linen"}),
    Product("b", "", labels={"size": "small", "fabric": "silk"}),
    Product("c", "", labels={"size": "large", "fabric": "silk"}),
    Product("d", "", labels={"size": "huge"}),
]
SIZES = Answers.of(SIZE, PRODUCTS, np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]]))
FABRICS = Answers.of(
    FABRIC, PRODUCTS, np.array([[0.9, 0.1, 0.6], [0.7, 0.1, 0.8], [0.1, 0.1, 0.9], [0, 0, 0]])
)


def test_each_mistake_is_a_row_with_what_was_right_and_what_was_said():
    rows = mistakes({"size": SIZES, "fabric": FABRICS}, PRODUCTS)
    assert [tuple(row) for row in rows.to_numpy().tolist()] == [
        ("fabric", "a", "linen", "silk", 0.6, 1),
        ("fabric", "b", NOTHING, "cotton", 0.7, 0),
        ("size", "a", "large", "small", 0.9, 2),
        ("size", "c", "large", "small", 0.7, 2),
        ("size", "d", "huge", "large", 0.6, 1),
    ]


def test_the_most_frequent_pairs_come_first():
    pairs = confusions(mistakes({"size": SIZES, "fabric": FABRICS}, PRODUCTS), most=1)
    assert pairs.to_numpy().tolist() == [
        ["fabric", NOTHING, "cotton", 1, 0],
        ["size", "large", "small", 2, 2],
    ]


def test_without_a_mistake_there_is_no_row():
    answers = Answers.of(SIZE, PRODUCTS[:1], np.array([[0.9, 0.1]]))
    rows = mistakes({"size": answers}, PRODUCTS[:1])
    assert not len(rows)
    assert not len(confusions(rows, most=3))

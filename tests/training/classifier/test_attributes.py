"""A given label stays, a missing one is filled when the model is sure, the rest is for a person."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.classifier import attributes, embeddings
from training.classifier.calibration import Calibration
from training.classifier.catalogue import Product, Task, answers
from training.classifier.model import ProductClassifier, new_encoder
from training.classifier.prediction import Prediction
from vitrine.errors import GateError
from vitrine.transform import product_tables

COLOUR = Task("colour", ("blue", "red"))
FABRIC = Task("fabric", ("cotton", "linen", "silk"), is_multi_label=True)
SURE, UNSURE = [0.125, 0.875], [0.5, 0.5]
SOFT = [0.875, 0.125, 0.75]
"""Cotton and silk, both likely."""


@pytest.fixture(scope="module")
def model(tiny) -> ProductClassifier:
    torch.manual_seed(0)
    return ProductClassifier(tiny, (COLOUR, FABRIC), new_encoder(tiny)).eval()


def prediction(colour, fabric, threshold: float = 0.75) -> Prediction:
    probability = [np.asarray(colour, np.float32), np.asarray(fabric, np.float32)]
    sure = Calibration(1, threshold, 99, 1)
    given = [sure.given(*pair) for pair in zip((COLOUR, FABRIC), probability, strict=True)]
    return Prediction(probability, given, np.zeros((len(colour), 128), np.float32))


def merged(model, products: list[Product], predicted: Prediction) -> list[tuple]:
    guessed = attributes.guesses(model, [product.product_id for product in products], predicted)
    rows = attributes.as_table(products, model.tasks, guessed, 7)
    assert rows.schema == attributes.SCHEMA
    return [tuple(row.values()) for row in rows.to_pylist()]


def test_every_case_has_its_row(model):
    products = [
        Product("agrees", "", labels={"colour": "red", "fabric": "silk|cotton|hemp"}),
        Product("differs", "", labels={"colour": "blue", "fabric": "linen | silk"}),
        Product("doubts", "", labels={"colour": "blue", "fabric": "linen"}),
        Product("lacks", "", labels={"colour": " ", "fit": "slim"}),
        Product("unclear", ""),
    ]
    rows = merged(
        model,
        products,
        prediction(
            [SURE, SURE, UNSURE, SURE, UNSURE],
            [SOFT, SOFT, [0.25, 0.125, 0.7], SOFT, [0.25, 0.25, 0.125]],
        ),
    )
    assert rows == [
        ("agrees", "colour", "red", "given", None, None, "red", 0.875, True, False),
        (
            "agrees",
            "fabric",
            "silk|cotton|hemp",
            "given",
            None,
            None,
            "cotton|silk",
            0.75,
            True,
            False,
        ),
        ("differs", "colour", "blue", "given", None, None, "red", 0.875, True, True),
        ("differs", "fabric", "linen | silk", "given", None, None, "cotton|silk", 0.75, True, True),
        ("doubts", "colour", "blue", "given", None, None, "blue", 0.5, False, False),
        ("doubts", "fabric", "linen", "given", None, None, "silk", np.float32(0.7), False, False),
        ("lacks", "colour", "red", "predicted", 0.875, 7, "red", 0.875, True, False),
        ("lacks", "fabric", "cotton|silk", "predicted", 0.75, 7, "cotton|silk", 0.75, True, False),
        ("lacks", "fit", "slim", "given", None, None, None, None, False, False),
        ("unclear", "colour", None, "ask a person", None, 7, "blue", 0.5, False, False),
        ("unclear", "fabric", None, "ask a person", None, 7, "cotton", 0.25, False, False),
    ]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_given_label_is_never_overwritten_and_the_counts_add_up(model, data, tmp_path_factory):
    label = st.sampled_from(["", "red", "blue", "mauve", "cotton|silk", "linen"])
    labels = data.draw(
        st.lists(
            st.fixed_dictionaries({}, optional={"colour": label, "fabric": label, "fit": label})
        )
    )
    products = [Product(f"p{n:03}", "", labels=known) for n, known in enumerate(labels)]
    share = st.integers(0, 8).map(lambda n: n / 8)
    n = len(products)
    red = np.asarray(data.draw(st.lists(share, min_size=n, max_size=n)), float)
    fabric = np.reshape(data.draw(st.lists(share, min_size=3 * n, max_size=3 * n)), (n, 3))
    guessed = attributes.guesses(
        model,
        [p.product_id for p in products],
        prediction(np.stack([1 - red, red], axis=1), fabric),
    )
    rows = attributes.as_table(products, model.tasks, guessed, 7)
    found = {(row["product_id"], row["task"]): row for row in rows.to_pylist()}
    known = {
        (p.product_id, task): label
        for p in products
        for task, label in p.labels.items()
        if answers(label)
    }
    for key, row in found.items():
        assert (row["source"] == "given") == (key in known)
        if key in known:
            assert (row["label"], row["probability"]) == (known[key], None)
        else:
            assert (row["label"] is not None) == (row["guess_probability"] >= 0.75)
    assert known.keys() <= found.keys()
    file = tmp_path_factory.mktemp("attributes") / attributes.FILE
    pq.write_table(rows, file)
    counted = attributes.reconciled(file, products, model.tasks)
    asked = {(p.product_id, task.name) for p in products for task in model.tasks}
    assert counted["row_count"] == len(found) == len(asked | known.keys())
    assert counted["given_count"] == len(known)
    assert counted["row_count"] == sum(
        counted[f"{source}_count"] for source in ("given", "predicted", "ask_a_person")
    )


def test_the_published_columns_are_the_described_ones():
    described = {column.name: column.data_type for column in product_tables.ATTRIBUTES.columns}
    names = {"string": "varchar", "float": "float", "int32": "integer", "bool": "boolean"}
    assert described == {field.name: names[str(field.type)] for field in attributes.SCHEMA}
    assert f"{product_tables.ATTRIBUTES.name}.parquet" == attributes.FILE
    vectors = [column.name for column in product_tables.EMBEDDINGS.columns]
    assert (vectors, embeddings.FILE) == (
        embeddings.schema(128).names,
        "product_embeddings.parquet",
    )


def test_earlier_guesses_are_what_was_guessed(model, tmp_path):
    known = {"colour": "blue", "fit": "slim"}
    products = [Product("a", "", labels=known), Product("b", ""), Product("c", "")]
    ids = ["a", "b", "c"]
    some = prediction([SURE, UNSURE, SURE], [SOFT, SOFT, [0.25, 0.25, 0.125]])
    guessed = attributes.guesses(model, ids, some)
    rows = attributes.as_table(products, model.tasks, guessed, 7)
    pq.write_table(rows, tmp_path / attributes.FILE)
    key = [("product_id", "ascending"), ("task", "ascending")]
    kept = attributes.EarlierGuesses(tmp_path).of([*ids, "later"])
    assert kept.sort_by(key).equals(guessed.sort_by(key))
    assert attributes.EarlierGuesses(tmp_path).of(["c"]).num_rows == 2
    # The shop has named b's colour since, and withdrawn a's.
    since = [Product("a", ""), Product("b", "", labels={"colour": "red"}), Product("c", "")]
    again = attributes.as_table(since, model.tasks, kept, 7).to_pylist()
    assert [(r["label"], r["source"]) for r in again if r["task"] == "colour"] == [
        ("red", "predicted"),
        ("red", "given"),
        ("red", "predicted"),
    ]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_earlier_guesses_are_found_in_one_pass(data, tmp_path_factory):
    ids = [f"p{n:02}" for n in range(40)]
    there = data.draw(st.sets(st.sampled_from(ids)))
    asked = sorted(data.draw(st.sets(st.sampled_from(ids))))
    size = data.draw(st.integers(1, 9))
    labelled_alone = {"task": "fit", "label": "slim", "source": "given", "is_sure": False}
    rows = [
        {"product_id": id_, "is_disputed": False, **of_task}
        for id_ in sorted(there)
        for of_task in (
            {"task": "colour", "guess": id_, "source": "predicted", "is_sure": True},
            labelled_alone,
        )
    ]
    folder = tmp_path_factory.mktemp("attributes")
    group = data.draw(st.integers(1, 20))
    table = pa.Table.from_pylist(rows, attributes.SCHEMA)
    pq.write_table(table, folder / attributes.FILE, row_group_size=group)
    earlier = attributes.EarlierGuesses(folder)
    for start in range(0, len(asked), size):
        some = asked[start : start + size]
        assert earlier.of(some)["guess"].to_pylist() == [id_ for id_ in some if id_ in there]


def test_a_file_of_another_catalogue_is_refused(model, tmp_path):
    products = [Product("a", "", labels={"colour": "blue"}), Product("b", "")]
    guessed = attributes.guesses(model, ["a", "b"], prediction([SURE] * 2, [SOFT] * 2))
    file = tmp_path / attributes.FILE
    pq.write_table(attributes.as_table(products, model.tasks, guessed, 7), file)
    assert attributes.reconciled(file, products, model.tasks)["predicted_count"] == 3
    unlabelled = [Product("a", ""), Product("b", "")]
    for others in (products[:1], unlabelled, [*products, Product("c", "")]):
        with pytest.raises(GateError, match="4 rows, 1 of them given, were made of a catalogue"):
            attributes.reconciled(file, others, model.tasks)


def test_a_model_that_always_abstains_fills_nothing(model):
    never = prediction([[0, 1]], [[1, 1, 1]], math.inf)
    assert [row[2:4] for row in merged(model, [Product("a", "")], never)] == [
        (None, "ask a person"),
        (None, "ask a person"),
    ]


@pytest.mark.parametrize("wanted", [["a"], ["a", "b", "c"], ["a", "c"]])
def test_guesses_of_other_products_are_refused(model, wanted):
    guessed = attributes.guesses(model, ["a", "b"], prediction([SURE] * 2, [SOFT] * 2))
    products = [Product(product_id, "") for product_id in wanted]
    with pytest.raises(ValueError, match="guesses are missing"):
        attributes.as_table(products, model.tasks, guessed, 7)


def test_a_guess_that_is_there_twice_is_refused(model):
    once = attributes.guesses(model, ["a"], prediction([SURE], [SOFT]))
    with pytest.raises(ValueError, match=r"\+2 rows more"):
        attributes.as_table([Product("a", "")], model.tasks, pa.concat_tables([once, once]), 7)

"""The table that somebody gets back who handed in products."""

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from training.classifier import labelling
from training.classifier.batches import Example
from training.classifier.calibration import Calibration, Shown
from training.classifier.catalogue import Product, Task
from training.classifier.labelling import Decoder, label, label_in_batches, wide, write
from training.classifier.model import ProductClassifier, new_encoder
from training.classifier.prediction import predict
from training.classifier.text import buckets

TASKS = (
    Task("colour", ("blue", "green", "red", "teal")),
    Task("fabric", ("cotton", "linen", "silk", "wool", "jute"), is_multi_label=True),
    Task("size", ("l", "s")),
)
PRODUCTS = [Product(f"p{n}", f"a{n} thing of sort {n % 7}") for n in range(20)]


@pytest.fixture(scope="module")
def model(tiny) -> ProductClassifier:
    torch.manual_seed(1)
    model = ProductClassifier(tiny, TASKS, new_encoder(tiny)).eval()
    model.heads.weight.data *= 10
    fitted = (Calibration(1, 0.6, 300, 0.8), Calibration(1, 0.7, 300, 0.8), Calibration())
    model.calibrations = dict.fromkeys(Shown, fitted)
    return model


@pytest.fixture(scope="module")
def rows(model) -> pd.DataFrame:
    return label(model, PRODUCTS, Decoder(16)).to_pandas()


def test_each_row_has_its_calibrated_probability_and_verdict(model, rows):
    unlabelled = np.empty((0, 2), np.int64)
    examples = [Example((), buckets(product.text, 512), unlabelled) for product in PRODUCTS]
    prediction = predict(model, examples)
    expected = []
    for n, product in enumerate(PRODUCTS):
        for k, threshold in enumerate((0.6, 0.7, 2.0)):
            ranked = sorted(enumerate(prediction.probability[k][n]), key=lambda pair: -pair[1])
            is_answered = ranked[0][1] >= threshold
            for place, (c, probability) in enumerate(ranked):
                is_answer = probability >= threshold
                if place < 3 or is_answer:
                    verdict = "ask a person"
                    if is_answered:
                        verdict = "answer" if is_answer else "runner-up"
                    expected.append(
                        (product.product_id, TASKS[k].name, TASKS[k].classes[c], verdict)
                    )
    found = rows[["product_id", "task", "label", "verdict"]]
    assert list(found.itertuples(index=False, name=None)) == expected
    assert set(rows.verdict) == {"answer", "runner-up", "ask a person"}
    assert (rows[rows.task == "size"].verdict == "ask a person").all()
    answers = rows[(rows.task == "fabric") & (rows.verdict == "answer")]
    assert answers.groupby("product_id").size().max() > 1


def test_pieces_are_the_whole(model, rows):
    pieces = list(label_in_batches(model, PRODUCTS, Decoder(16), size=6))
    assert len(pieces) == 4
    together = pa.concat_tables(pieces).to_pandas()
    pd.testing.assert_frame_equal(together, rows, rtol=1e-5)


def test_a_wide_row_holds_the_answers_and_names_what_a_person_must_be_asked(model, rows):
    found = wide(pa.Table.from_pandas(rows, labelling.SCHEMA), TASKS).to_pylist()
    assert [row["product_id"] for row in found] == [product.product_id for product in PRODUCTS]
    answers = rows[rows.verdict == "answer"]
    for row in found:
        mine = answers[answers.product_id == row["product_id"]]
        for task in TASKS:
            labels = sorted(mine[mine.task == task.name].label)
            assert (row[task.name] or "") == "|".join(labels)
        asked = (row["ask_a_person"] or "").split("|")
        assert asked == [task.name for task in TASKS if row[task.name] is None]


def test_the_summary_counts_products_not_answers(model, rows):
    answered: Counter[str] = Counter()
    list(labelling.counted(label_in_batches(model, PRODUCTS, Decoder(16), size=6), answered))
    answers = rows[rows.verdict == "answer"]
    products = answers.groupby("task").product_id.nunique()
    assert answered == products.to_dict()
    colour, fabric, size = labelling.summary(model, answered, len(PRODUCTS))
    assert colour == f"  colour  {5 * products['colour']:5.1f} %"
    assert fabric.split() == ["fabric", f"{5 * products['fabric']:.1f}", "%"]
    assert size == "  size    never: no tuning product carries this label"


def test_a_csv_file_says_what_a_parquet_file_says(model, rows, tmp_path):
    pieces = [pa.Table.from_pandas(rows, labelling.SCHEMA)]
    assert write(pieces, tmp_path / "out.csv") == write(pieces, tmp_path / "out.parquet")
    first = pd.read_csv(tmp_path / "out.csv", dtype={"product_id": str})
    second = pq.read_table(tmp_path / "out.parquet").to_pandas()
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(second, rows)

"""What is published of a catalogue is whole, by one version, and computed once."""

import copy
import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from training.classifier import attributes, embeddings
from training.classifier.batches import encode
from training.classifier.calibration import Calibration, Shown
from training.classifier.catalogue import Product, Task
from training.classifier.images import ImageFile
from training.classifier.model import ProductClassifier, new_encoder
from training.classifier.prediction import predict
from training.registry import ModelVersion
from vitrine.embeddings import RECEIVED
from vitrine.errors import GateError
from vitrine.interval import DAY, Interval, parse_instant
from vitrine.publish import current_version

START = parse_instant("2026-01-01")
COLOUR = Task("colour", ("blue", "red"))
FABRIC = Task("fabric", ("cotton", "linen", "silk"), is_multi_label=True)
NAMES = ("Fine boot", "Long shirt", "", "Small bag")


@pytest.fixture(scope="module")
def model(tiny) -> ProductClassifier:
    torch.manual_seed(0)
    model = ProductClassifier(tiny, (COLOUR, FABRIC), new_encoder(tiny)).eval()
    fitted = Calibration(1, 0.5, 99, 1)
    model.calibrations = dict.fromkeys(Shown, (fitted, fitted))
    return model


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(embeddings, "PIECE", 4)


def pixels(file: ImageFile) -> np.ndarray | None:
    if file.path.name.startswith("bad"):
        return None
    return np.full((16, 16, 3), int(file.sha256 or "0", 16) % 251, np.uint8)


def product(number: int) -> Product:
    images = tuple(ImageFile(Path(f"{view}.jpg"), f"{number * 7 + view:064x}") for view in (1, 2))
    labels = {"colour": COLOUR.classes[number % 2]} if number % 3 else {}
    return Product(f"p{number:02}", NAMES[number % 4], images[: number % 3], labels)


def version(number: int) -> ModelVersion:
    known = Interval(START, START + DAY)
    return ModelVersion("classifier", number, "run", known, {}, is_passed=True, files_sha256="")


@contextmanager
def counted(model: ProductClassifier) -> Iterator[list[int]]:
    """Note how many products go through the network at a time."""
    sizes: list[int] = []
    handle = model.text.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    yield sizes
    handle.remove()


@pytest.fixture
def publish(model, tmp_path):
    """Publish products as of a day, by a version; return the publication and what was said."""

    def publish(products, day=1, number=1, network=model):
        said: list[str] = []
        known = Interval(START, START + day * DAY)
        root = tmp_path / "embeddings"
        made = embeddings.publish(
            root, network, version(number), products, pixels, known, 3, said.append
        )
        return made, said

    return publish


def rows(folder: Path) -> dict[str, list[float]]:
    table = pq.read_table(folder / embeddings.FILE)
    assert table.schema == embeddings.schema(128)
    return dict(zip(table["product_id"].to_pylist(), table["embedding"].to_pylist(), strict=True))


def expected(model, products) -> dict[str, np.ndarray]:
    return {
        p.product_id: predict(model, encode([p], model.tasks, model.config, pixels)).embedding_NE[0]
        for p in products
    }


def assert_same(found: dict, wanted: dict) -> None:
    assert list(found) == list(wanted)
    for product_id, vector in wanted.items():
        np.testing.assert_allclose(found[product_id], vector, atol=1e-5, err_msg=product_id)


def test_every_product_has_its_own_vector_and_attributes(model, publish):
    products = [product(n) for n in range(11)]
    made, said = publish(products)
    assert (made.product_count, made.computed_count, made.is_new) == (11, 11, True)
    assert_same(rows(made.folder), expected(model, products))
    labelled = pq.read_table(made.folder / attributes.FILE)
    prediction = predict(model, encode(products, model.tasks, model.config, pixels))
    guessed = attributes.guesses(model, [p.product_id for p in products], prediction)
    at_once = attributes.as_table(products, model.tasks, guessed, 1)
    for name in ("product_id", "task", "label", "source", "guess", "is_disputed"):
        assert labelled[name].to_pylist() == at_once[name].to_pylist()
    sources = Counter(at_once["source"].to_pylist())
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest == {
        "model": "classifier",
        "version": 1,
        "as_of": "2026-01-02T00:00:00Z",
        "data_end": "2026-01-02T00:00:00Z",
        "product_count": 11,
        "width": 128,
        "attributes": {
            "row_count": at_once.num_rows,
            "given_count": sources["given"],
            "predicted_count": sources["predicted"],
            "ask_a_person_count": sources["ask a person"],
            "disputed_count": sum(at_once["is_disputed"].to_pylist()),
        },
    }
    assert [line.split(" products")[0] for line in said] == [
        "embedded 4 of 11",
        "embedded 8 of 11",
        "embedded 11 of 11",
    ]


def test_only_what_is_new_or_changed_goes_through_the_network(model, publish):
    before = [product(n) for n in range(9)]
    first, _ = publish(before)
    now = [*before, product(9)]
    now[2] = replace(now[2], text="Red scarf")
    now[4] = replace(now[4], images=(ImageFile(Path("new.jpg"), f"{200:064x}"),))
    now[7] = replace(now[7], labels={"colour": "blue"})
    with counted(model) as sizes:
        second, said = publish(now, day=2)
    assert sum(sizes) == 3
    assert (second.product_count, second.computed_count, second.is_new) == (10, 3, True)
    assert said[-1].startswith("embedded 3 of 3 products")
    assert_same(rows(second.folder), expected(model, now))
    kept = rows(first.folder)
    for product_id in ("p00", "p01", "p03", "p05", "p06", "p07", "p08"):
        assert rows(second.folder)[product_id] == kept[product_id]
    labelled = pq.read_table(second.folder / attributes.FILE).to_pylist()
    given = {r["product_id"]: r["label"] for r in labelled if r["source"] == "given"}
    assert given["p07"] == "blue"
    assert len(labelled) == 20


def test_a_kept_vector_is_the_one_of_before_and_no_other_is(model, publish):
    """Which go through the network shows where it has changed under the same version."""
    before = [product(n) for n in range(9)]
    kept = rows(publish(before)[0].folder)
    now = [*before, product(9)]
    now[2] = replace(now[2], text="Red scarf")
    now[4] = replace(now[4], images=(ImageFile(Path("new.jpg"), f"{200:064x}"),))
    now[7] = replace(now[7], labels={"colour": "blue"})
    other = copy.deepcopy(model)
    torch.nn.init.normal_(other.nothing_E)
    torch.nn.init.normal_(other.image_branch.past.weight)
    found = rows(publish(now, day=2, network=other)[0].folder)
    seen = [product_id for product_id in found if found[product_id] != kept.get(product_id)]
    assert seen == ["p02", "p04", "p09"]


def test_nothing_is_published_when_nothing_has_changed(publish):
    products = [product(n) for n in range(5)]
    first, _ = publish(products)
    again, said = publish(products, day=2)
    assert (again.folder, again.computed_count, again.is_new) == (first.folder, 0, False)
    assert said == []
    assert len(list(first.folder.parent.iterdir())) == 1


def test_another_version_embeds_everything_anew(publish):
    products = [product(n) for n in range(5)]
    publish(products)
    made, _ = publish(products, number=2)
    assert made.computed_count == 5
    numbers = pq.read_table(made.folder / embeddings.FILE)["model_version"].to_pylist()
    assert set(numbers) == {2}


def test_each_vector_says_since_when_its_content_was_there(publish):
    products = [product(0), replace(product(1), seen_since=START - DAY)]
    made, _ = publish(products)
    came = pq.read_table(made.folder / embeddings.FILE)[RECEIVED].to_pylist()
    # What does not know it itself came before the catalogue's instant at the latest.
    assert came == [START + DAY, START - DAY]


def test_what_an_earlier_release_published_is_embedded_anew(publish):
    products = [product(n) for n in range(5)]
    first, _ = publish(products)
    file = first.folder / embeddings.FILE
    pq.write_table(pq.read_table(file).drop_columns([RECEIVED]), file)
    assert publish(products, day=2)[0].computed_count == 5


def test_a_publication_from_before_there_were_hashes_is_embedded_anew(publish):
    products = [product(n) for n in range(5)]
    first, _ = publish(products)
    (first.folder / "product_contents.parquet").unlink()
    assert publish(products, day=2)[0].computed_count == 5


def test_a_vector_that_is_no_unit_vector_is_not_published(model, publish):
    products = [product(n) for n in range(6)]
    first, _ = publish(products[:5])
    broken = copy.deepcopy(model)
    torch.nn.init.constant_(broken.image_branch.past.weight, math.nan)
    with pytest.raises(GateError, match="the vector of p05 has the length nan, not 1"):
        publish(products, day=2, network=broken)
    assert current_version(first.folder.parent.parent) == first.folder
    assert len(list(first.folder.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("ids", "number", "said"),
    [
        (["a", "b", "c"], 1, "2 rows of 2 products were made for a catalogue of 3"),
        (["b", "a"], 1, "or in another order"),
        (["a", "b"], 2, "is of another version"),
    ],
)
def test_a_file_that_is_not_the_catalogue_is_refused(tmp_path, ids, number, said):
    file = tmp_path / "embeddings.parquet"
    pq.write_table(
        embeddings.as_table(["a", "b"], 1, [START] * 2, np.eye(2, 4, dtype=np.float32)), file
    )
    embeddings.check(file, ["a", "b"], 1)
    with pytest.raises(GateError, match=said):
        embeddings.check(file, ids, number)


def test_a_repeated_row_is_refused(tmp_path):
    file = tmp_path / "embeddings.parquet"
    row = embeddings.as_table(["a"], 1, [START], np.eye(1, 4, dtype=np.float32))
    pq.write_table(pa.concat_tables([row, row]), file)
    with pytest.raises(GateError, match="2 rows of 1 products"):
        embeddings.check(file, ["a"], 1)


def test_memory_holds_a_piece_at_a_time(model, publish):
    with counted(model) as sizes:
        publish([product(n) for n in range(10)])
    assert sizes == [4, 4, 2]


def test_the_same_catalogue_gives_the_same_bytes(publish):
    products = [product(n) for n in range(6)]
    first, _ = publish(products)
    files = {f.name: f.read_bytes() for f in first.folder.iterdir()}
    publish(products, number=2)
    again, _ = publish(products)
    assert again.is_new
    assert {f.name: f.read_bytes() for f in again.folder.iterdir()} == files

"""How sure a network is depends on what it is shown; each case is calibrated by its own."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from training.classifier.batches import Example, without_images, without_text
from training.classifier.calibration import Calibration, Shown, calibrate
from training.classifier.catalogue import Product, Task
from training.classifier.model import ProductClassifier, new_encoder
from training.classifier.prediction import by_task, shown_of, sides
from training.classifier.tuning import calibrated, set_image_shares

TASKS = (Task("colour", ("blue", "green", "red")), Task("size", ("l", "s")))
COUNT = 90
UNKNOWN = 511


@pytest.fixture(scope="module")
def model(tiny) -> ProductClassifier:
    torch.manual_seed(1)
    model = ProductClassifier(tiny, TASKS, new_encoder(tiny))
    model.text.learn_rarity([np.arange(UNKNOWN)])
    torch.nn.init.normal_(model.text.bag.weight)
    return model.eval()


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """Every third has no photograph, every fifth no text: 48, 12, 24 and 6 see each kind."""
    rng = np.random.default_rng(4)
    return [
        Example(
            tuple(rng.integers(0, 255, (16, 16, 3), np.uint8) for _ in range(n % 3)),
            rng.integers(0, UNKNOWN, 4 * bool(n % 5)),
            np.empty((0, 2), np.int64),
        )
        for n in range(COUNT)
    ]


@pytest.fixture(scope="module")
def products() -> list[Product]:
    return [Product(str(n), "", labels={"colour": "red"}) for n in range(COUNT)]


def logits(model: ProductClassifier, some: list[Example]) -> list[np.ndarray]:
    with torch.inference_mode():
        return by_task(model, model.join(*sides(model, some)))


def test_what_there_is_to_see(model, examples):
    kinds = list(shown_of(*sides(model, examples)))
    assert [kinds.count(kind) for kind in Shown] == [48, 12, 24, 6]


def test_a_text_that_training_did_not_know_is_nothing_to_see(model, examples):
    written = without_images(examples[1])
    unknown = replace(written, buckets=np.array([UNKNOWN]))
    assert list(shown_of(*sides(model, [written, unknown]))) == [Shown.TEXT, Shown.NOTHING]


def test_each_kind_is_calibrated_by_the_products_that_can_show_it(model, examples, products):
    fitted = calibrated(model, examples, products)
    for kind, hide, count in (
        (Shown.BOTH, lambda example: example, 48),
        (Shown.IMAGES, without_text, 60),
        (Shown.TEXT, without_images, 72),
    ):
        hidden = [hide(example) for example in examples]
        those = np.flatnonzero(shown_of(*sides(model, hidden)) == kind)
        raw = logits(model, [hidden[n] for n in those])
        assert fitted[kind] == calibrate(TASKS, raw, [products[n].labels for n in those])
        assert [calibration.label_count for calibration in fitted[kind]] == [count, 0]
    assert len({fitted[kind][0].temperature for kind in Shown}) == 4
    assert fitted[Shown.NOTHING] == (Calibration(), Calibration())


def test_without_any_photograph_there_is_nothing_to_calibrate_photographs_by(
    model, examples, products
):
    fitted = calibrated(model, [without_images(example) for example in examples], products)
    assert fitted[Shown.IMAGES] == fitted[Shown.BOTH] == (Calibration(), Calibration())
    assert fitted[Shown.TEXT][0].label_count == 72


@pytest.fixture(scope="module")
def seeing(tiny) -> ProductClassifier:
    """A network that knows n-grams; what it says of products is not learnt from any."""
    torch.manual_seed(2)
    model = ProductClassifier(tiny, TASKS, new_encoder(tiny))
    model.text.learn_rarity([np.arange(512)])
    torch.nn.init.normal_(model.text.bag.weight)
    torch.nn.init.normal_(model.heads.weight, std=0.5)
    return model.eval()


def told_by(side_NE: torch.Tensor, model: ProductClassifier, k: int) -> list[str]:
    """Return a task's labels as one side of the products' embeddings would have them."""
    with torch.inference_mode():
        logits_NS = model.join(side_NE, torch.zeros_like(side_NE)).logits_BS
    best_N = model.of_tasks(logits_NS)[k].argmax(1).tolist()
    assert len(set(best_N)) > 1
    return [TASKS[k].classes[c] for c in best_N]


def test_images_count_for_each_task_what_they_tell_of_it(seeing, examples):
    model = copy.deepcopy(seeing)
    text_NE, image_NE = sides(model, examples)
    labels = zip(told_by(image_NE, model, 0), told_by(text_NE, model, 1), strict=True)
    products = [
        Product(str(n), "", labels={"colour": colour, "size": size})
        for n, (colour, size) in enumerate(labels)
    ]
    set_image_shares(model, examples, products)
    colour, size = model.task_share_K.tolist()
    assert colour >= 1
    assert size <= 0.15
    answered = model.of_tasks(model.answer(text_NE, image_NE).logits_BS)
    for k, share in enumerate((colour, size)):
        alone = model.join(text_NE, image_NE, torch.tensor(share)).logits_BS
        torch.testing.assert_close(answered[k], model.of_tasks(alone)[k])


def test_what_tells_no_task_apart_changes_nothing(seeing, examples, products):
    model = copy.deepcopy(seeing)
    for some, labelled in (
        ([without_text(e) for e in examples], products),
        (examples, [Product(str(n), "") for n in range(COUNT)]),
    ):
        set_image_shares(model, some, labelled)
        assert model.image_share.item() == pytest.approx(0.15)
        assert model.task_share_K.tolist() == pytest.approx([0.15, 0.15])

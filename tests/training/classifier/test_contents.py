from dataclasses import replace
from pathlib import Path

import numpy as np

from training.classifier import contents
from training.classifier.catalogue import Product
from training.classifier.contents import Content
from training.classifier.images import ImageFile

FRONT, BACK = ImageFile(Path("front.jpg"), "f" * 64), ImageFile(Path("back.jpg"), "b" * 64)
PRODUCT = Product("p", "Fine boot", (FRONT, BACK), {"colour": "red", "kind": "boot"})


def pixels(file: ImageFile) -> np.ndarray:
    return np.zeros((2, 2, 3), np.uint8)


def test_what_the_network_sees_changes_with_text_and_photographs_alone():
    content = Content.of(PRODUCT, pixels)
    for other in (replace(PRODUCT, text="Fine boots"), replace(PRODUCT, images=(BACK, FRONT))):
        assert Content.of(other, pixels).seen != content.seen
        assert Content.of(other, pixels).given == content.given
    labelled = Content.of(replace(PRODUCT, labels={"colour": "blue"}), pixels)
    assert labelled.seen == content.seen
    assert labelled.given != content.given
    moved = replace(PRODUCT, labels=dict([*PRODUCT.labels.items()][::-1]), category="new")
    assert Content.of(moved, pixels) == content


def test_a_photograph_that_can_be_used_now_is_a_change():
    without_back = Content.of(PRODUCT, lambda file: None if file == BACK else pixels(file))
    assert without_back == Content.of(replace(PRODUCT, images=(FRONT,)), pixels)
    assert without_back != Content.of(PRODUCT, pixels)


def test_hashes_are_read_as_they_were_written(tmp_path):
    written = contents.of_products([PRODUCT, Product("q", "")], pixels)
    contents.write(written, tmp_path)
    read = contents.read(tmp_path)
    assert read == written
    assert list(read) == ["p", "q"]

"""A training run that was cut off goes on when it is started again, up to the registered model."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.training.classifier import tiny_bert
from training.classifier.batches import encode
from training.classifier.catalogue import Product
from training.classifier.files import SENTENCES
from training.classifier.prediction import predict
from training.classifier.serving import champion
from training.classifier.training import train
from training.registry import Registry
from vitrine.interval import parse_instant

AS_OF = parse_instant("2026-01-02")


class CutOffError(Exception):
    """What ends a run between two epochs."""


def test_a_run_that_was_cut_off_goes_on_and_leaves_no_checkpoint(make_shop, tiny, tmp_path):
    shop = make_shop(260)
    encoder = tiny_bert.write(tmp_path / "encoder")
    config = replace(tiny, epochs=6, text_pretrained=str(encoder))

    def cut(line: str) -> None:
        if line.startswith("epoch 4 of 6:"):
            raise CutOffError

    with pytest.raises(CutOffError):
        train(shop.settings, shop.paths, AS_OF, config, cut)
    said: list[str] = []
    report = train(shop.settings, shop.paths, AS_OF, config, said.append)
    assert [line for line in said if "epoch" in line][:2] == [
        "going on after epoch 4, which a killed run had reached",
        next(line for line in said if line.startswith("epoch 5 of 6: ")),
    ]
    assert not list((shop.paths.staging / "checkpoints").iterdir())
    assert report.is_champion, report.reason

    # The registered model needs the folder of the sentence encoder no more.
    shutil.rmtree(encoder)
    version, model = champion(shop.settings, shop.paths)
    folder = Registry(shop.settings, shop.paths).folder(version)
    assert model.config.text_pretrained == str(folder / SENTENCES)
    asked = [Product("a", "fine boot"), Product("b", "fine shirt")]
    examples = encode(asked, model.tasks, model.config, lambda _: None)
    boot_E, shirt_E = predict(model, examples).embedding_NE
    assert np.abs(boot_E - shirt_E).max() > 1e-3

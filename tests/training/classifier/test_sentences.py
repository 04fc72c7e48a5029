"""A pretrained sentence encoder in place of n-grams, small and with random weights."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.classifier import tiny_bert
from tests.training.classifier.tiny_bert import WIDTH
from training.classifier import files
from training.classifier.batches import (
    Example,
    collate,
    disturbed,
    encode,
    without_images,
    without_text,
)
from training.classifier.catalogue import Product, Task
from training.classifier.fitting import fit
from training.classifier.model import ProductClassifier, new_encoder
from training.classifier.prediction import predict
from training.classifier.sentences import SentenceEncoder
from vitrine.errors import BadArgumentError

TASKS = (Task("kind", ("boot", "shirt")),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny_bert.write(tmp_path_factory.mktemp("sentences"))


@pytest.fixture(scope="module")
def config(tiny, folder):
    return replace(tiny, text_pretrained=str(folder))


def no_pixels(_) -> None:
    return None


def products(count: int) -> list[Product]:
    rng = np.random.default_rng(2)
    kinds = rng.choice(["boot", "shirt"], count)
    return [
        Product(f"p_{n}", f"{rng.choice(['blue', 'red'])} {kind}s", labels={"kind": kind})
        for n, kind in enumerate(kinds)
    ]


def test_a_vector_is_the_mean_over_the_tokens_of_the_text_alone(folder):
    encoder = SentenceEncoder.read(str(folder))
    texts = ["red boots", "fine fine fine blue shirt", "", "Blue"]
    together = encoder(texts)
    assert together.shape == (4, WIDTH)
    assert together.dtype == np.float32
    assert (together[2] == 0).all()
    for n in (0, 1, 3):
        tokens = encoder.tokenizer(texts[n], return_tensors="pt")
        states = list(encoder.model(**tokens).last_hidden_state[0])
        expected = sum(states) / len(states)
        np.testing.assert_allclose(together[n], expected.numpy(), atol=1e-6)


def test_a_text_that_is_longer_than_the_encoder_reads_is_cut(folder):
    encoder = SentenceEncoder.read(str(folder))
    long, longer = encoder(["boot " * 14, "boot " * 400])
    np.testing.assert_allclose(long, longer, atol=1e-6)


def test_a_product_carries_the_vector_of_its_text(config, folder):
    shirt, silent = encode([Product("p", "red shirt"), Product("q", "")], TASKS, config, no_pixels)
    np.testing.assert_array_equal(
        shirt.sentence, SentenceEncoder.read(str(folder))(["red shirt"])[0]
    )
    assert not len(shirt.buckets)
    assert (silent.sentence == 0).all()
    assert (without_text(shirt).sentence == 0).all()
    np.testing.assert_array_equal(without_images(shirt).sentence, shirt.sentence)
    np.testing.assert_array_equal(
        disturbed(shirt, config, np.random.default_rng(1)).sentence, shirt.sentence
    )
    np.testing.assert_array_equal(
        collate([silent, shirt], config.image_size).sentence_BW.numpy(),
        np.stack([silent.sentence, shirt.sentence]),
    )


@pytest.fixture(scope="module")
def trained(config, cpu_device) -> tuple[ProductClassifier, list[Example]]:
    examples = encode(products(160), TASKS, config, no_pixels)
    model, _ = fit(config, TASKS, examples[:120], examples[120:], cpu_device, 7)
    return model, examples[120:]


def test_what_is_written_is_found_by_a_frozen_encoder(trained):
    model, unseen = trained
    found = predict(model, unseen).probability[0].argmax(1)
    assert (found == [example.labels[0, 1] for example in unseen]).mean() > 0.95
    silent = [without_text(example) for example in unseen]
    assert len(np.unique(predict(model, silent).probability[0].argmax(1))) == 1
    assert not any("sentences" in name for name in model.state_dict())


def test_a_saved_model_has_its_own_copy_of_the_encoder(trained, folder, tmp_path):
    model, _ = trained
    (tmp_path / "model").mkdir()
    files.save(model, tmp_path / "model")
    moved = tmp_path / "elsewhere"
    shutil.move(tmp_path / "model", moved)
    hidden = folder.with_name("hidden")
    folder.rename(hidden)
    try:
        loaded = files.load(moved)
        asked = products(5)
        there = encode(asked, TASKS, loaded.config, no_pixels)
        (tmp_path / "again").mkdir()
        files.save(loaded, tmp_path / "again")
    finally:
        hidden.rename(folder)
    here = encode(asked, TASKS, model.config, no_pixels)
    np.testing.assert_allclose(
        predict(loaded, there).embedding_NE, predict(model, here).embedding_NE, atol=1e-6
    )
    names = {file.suffix for file in moved.rglob("*") if file.is_file()}
    assert names <= {".json", ".safetensors", ".txt"}
    assert (tmp_path / "again" / files.SENTENCES / "model.safetensors").exists()


@pytest.mark.parametrize("name", ["nothing there", "."])
def test_a_place_without_an_encoder_is_refused_in_one_line(tmp_path, name):
    with pytest.raises(BadArgumentError, match="no pretrained sentence encoder at") as refusal:
        SentenceEncoder.read(str(tmp_path / name))
    assert "\n" not in str(refusal.value)


def test_an_image_encoder_is_no_sentence_encoder(tiny, tmp_path):
    new_encoder(tiny).save_pretrained(tmp_path)
    with pytest.raises(BadArgumentError, match="no pretrained sentence encoder at"):
        SentenceEncoder.read(str(tmp_path))

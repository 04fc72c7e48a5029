"""Known answers: the network finds what is there, on both sides, and nothing where nothing is."""

import math
from dataclasses import replace

import pytest
import torch

from training.classifier.batches import Example, without_images
from training.classifier.evaluation import evaluate
from training.classifier.fitting import Fit, fit
from training.classifier.model import ProductClassifier, new_encoder
from training.classifier.plateau import Plateau
from training.classifier.training import Catalogue
from vitrine.errors import DegenerateModelError
from vitrine.interval import parse_instant

AS_OF = parse_instant("2026-01-02")
Parts = tuple[list[Example], list[Example]]
"""What a model is trained on, and what it is tuned by."""


@pytest.fixture(scope="module")
def catalogue(shop) -> Catalogue:
    return Catalogue.read(shop.paths, AS_OF)


@pytest.fixture(scope="module")
def encoded(catalogue, tiny) -> Parts:
    assert not catalogue.decode(tiny.image_size)
    return (
        catalogue.examples(catalogue.trained_on, catalogue.tasks, tiny),
        catalogue.examples(catalogue.tuning, catalogue.tasks, tiny),
    )


@pytest.fixture(scope="module")
def metrics(catalogue, encoded, tiny, cpu_device):
    trained_on, tuning = encoded
    held_out = catalogue.examples(catalogue.held_out, catalogue.tasks, tiny)
    model, curves = fit(tiny, catalogue.tasks, trained_on, tuning, cpu_device, 7)
    assert len(curves["loss"]) == len(curves["tuning_loss"]) == tiny.epochs
    return evaluate(model, catalogue.trained_on, catalogue.held_out, held_out)


def test_what_shows_in_images_is_found_in_images_alone(metrics):
    assert metrics["image_only/accuracy/colour"] > 0.9
    assert metrics["text_only/accuracy/colour"] < 0.7


def test_what_is_written_is_found_in_text_alone(metrics):
    assert metrics["text_only/accuracy/kind"] > 0.9
    assert metrics["image_only/accuracy/kind"] < 0.7


def test_the_whole_beats_the_majority_class(metrics):
    assert metrics["accuracy/colour"] > 0.9
    assert metrics["accuracy/kind"] > 0.9
    assert metrics["score"] > metrics["majority/score"] + 0.2


def test_noise_is_not_found(metrics):
    assert metrics["accuracy/coin"] < 0.75


def test_the_same_seed_gives_the_same_model(catalogue, encoded, tiny, cpu_device):
    short = replace(tiny, epochs=2)
    one, other = (
        fit(short, catalogue.tasks, encoded[0], encoded[1], cpu_device, 7)[0].state_dict()
        for _ in range(2)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_small_catalogue_is_gone_through_more_often(catalogue, encoded, tiny, cpu_device):
    steps = math.ceil(len(encoded[0]) / tiny.batch_size)
    often = replace(tiny, epochs=1, fewest_steps=2 * steps + 1)
    _, curves = fit(often, catalogue.tasks, encoded[0], encoded[1], cpu_device, 7)
    assert len(curves["loss"]) == 3


def test_a_loss_that_is_no_number_ends_the_training(catalogue, encoded, tiny, cpu_device):
    wild = replace(tiny, learning_rate=float("nan"), epochs=2)
    with pytest.raises(DegenerateModelError, match="the loss of epoch 1 is nan"):
        fit(wild, catalogue.tasks, encoded[0], encoded[1], cpu_device, 7)


def test_a_loss_that_does_not_fall_ends_the_training(catalogue, encoded, tiny, cpu_device):
    asleep = replace(
        tiny,
        learning_rate=1e-30,
        encoder_learning_rate=1e-30,
        ngram_learning_rate=1e-30,
        epochs=2,
        dropout=0,
    )
    trained_on, tuning = ([without_images(example) for example in part] for part in encoded)
    with pytest.raises(DegenerateModelError, match="did not fall"):
        fit(asleep, catalogue.tasks, trained_on, tuning, cpu_device, 7)


@pytest.fixture(scope="module")
def pretrained(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(3)
    new_encoder(tiny).save_pretrained(folder)
    return replace(tiny, pretrained=str(folder), epochs=4, patience=1, min_delta=0.2)


def test_a_pretrained_encoder_thaws_when_a_stage_is_at_its_plateau(
    catalogue, encoded, pretrained, cpu_device
):
    said: list[str] = []
    trained_on, tuning = encoded
    _, curves = fit(pretrained, catalogue.tasks, trained_on, tuning, cpu_device, 7, say=said.append)
    stages = [line.split(",")[0] for line in said]
    assert sorted(set(stages)) == [f"stage {n} of 3" for n in range(4)]
    assert stages == sorted(stages)
    for stage in range(4):
        losses = [
            loss
            for name, loss in zip(stages, curves["tuning_loss"], strict=True)
            if name == f"stage {stage} of 3"
        ]
        plateau = Plateau(1, 0.2, 4)
        for number, loss in enumerate(losses, start=1):
            plateau.see(loss)
            assert plateau.is_over == (number == len(losses))
    assert len(said) < 16, "no stage ended at a plateau"


def test_what_is_frozen_does_not_move_and_the_best_weights_of_a_stage_are_kept(
    catalogue, encoded, pretrained
):
    # Words that move too far in so few epochs: the tuning loss falls, and rises again.
    rash = replace(pretrained, learning_rate=0.02, ngram_learning_rate=600.0, epochs=6, patience=2)
    torch.manual_seed(7)
    model = ProductClassifier(rash, catalogue.tasks, new_encoder(rash))
    trained_on, tuning = encoded
    model.text.learn_rarity([example.buckets for example in trained_on])
    school = Fit(model, trained_on, tuning, seed=7)
    kept: list[dict[str, torch.Tensor]] = []
    while school.stage == 0:
        school.epoch()
        kept.append(copied(model))
        school.go_on()
    plateau = Plateau(rash.patience, rash.min_delta, rash.epochs)
    best = [n for n, loss in enumerate(school.curves["tuning_loss"]) if plateau.see(loss)][-1]
    assert 0 < best < len(kept) - 1, "the first epoch or the last is the best: nothing to choose"
    assert_equal(model.state_dict(), kept[best])
    given = new_encoder(rash).state_dict()
    assert_equal(model.encoder.state_dict(), given)
    school.epoch()
    top = "encoder.stages.1."
    moved = {
        name for name, v in model.encoder.state_dict().items() if not torch.equal(v, given[name])
    }
    assert moved
    assert all(name.startswith(top) for name in moved)


def copied(model: ProductClassifier) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_an_encoder_from_scratch_may_end_at_its_plateau_too(catalogue, encoded, tiny, cpu_device):
    said: list[str] = []
    hasty = replace(tiny, patience=1, min_delta=0.5)
    trained_on, tuning = encoded
    _, curves = fit(hasty, catalogue.tasks, trained_on, tuning, cpu_device, 7, say=said.append)
    assert len(said) == len(curves["loss"]) < tiny.epochs
    assert said[0].startswith("epoch 1 of at most 12: loss ")
    assert " images/s, at most " in said[0]

"""The classifier's benchmark runs at a size that takes seconds; figures are no test's business."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks import classifier, classifier_phases, classifier_photographs, classifier_report
from benchmarks.classifier_peers import Photographs
from benchmarks.classifier_phases import Setting
from training.classifier.batches import encode
from training.classifier.config import cpu, resnet50
from training.classifier.images import ImageStore

TINY = 1e-4
MACHINE = {"cores": 2, "memory_bytes": 8e9, "gpu": None, "load": 0.5, "torch": "2"}
PHASES = ("training", "embedding", "memory", "resume")


@pytest.fixture(autouse=True, scope="module")
def _few_motifs():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier_photographs, "MOTIFS", 2)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def it() -> Setting:
    config = replace(cpu(), contrast_weight=0.0)
    return Setting(TINY, torch.device("cpu"), config, 1)


@pytest.fixture(scope="module")
def figures(it) -> dict:
    sizes = it, replace(it, scale=20 / classifier_phases.HELD[0])
    measured = {
        "training": classifier_phases.training(it),
        "embedding": classifier_phases.embedding(it),
        "memory": {
            "training": [classifier_phases.memory_training(size) for size in sizes],
            "embedding": [classifier_phases.memory_embedding(size) for size in sizes],
        },
        "resume": classifier_phases.resume(it),
    }
    measured = {name: found | {"phase_s": 60.0} for name, found in measured.items()}
    return {"machine": MACHINE, "runs": 1, "preset": "cpu", "scale": 1, **measured}


def numbers(figures) -> list[float]:
    if isinstance(figures, dict):
        return [number for value in figures.values() for number in numbers(value)]
    return [figures] if isinstance(figures, int | float) else []


def test_every_part_measures_something(figures):
    for name in ("training", "embedding"):
        found = numbers(figures[name])
        assert len(found) > 4, name
        assert all(np.isfinite(number) and number > 0 for number in found), name
    assert {"float32", "plain, 0 workers"} <= figures["training"]["images_a_second"].keys()
    assert figures["training"]["gflop_an_image_trained"] > figures["training"]["gflop_an_image"]
    for sizes in (figures["memory"][name] for name in ("training", "embedding")):
        assert [size["products"] for size in sizes] == [12, 20]
        assert all(size["bytes"] >= 0 for size in sizes)
    assert figures["embedding"]["peak_bytes"] > figures["embedding"]["base_bytes"]


def test_a_killed_training_goes_on_to_the_same_weights(figures):
    it = figures["resume"]
    assert 0 < it["epochs_done"] < it["epochs"]
    assert it["is_same"]
    assert it["largest_difference"] == 0


def test_the_operations_of_resnet50_are_those_of_its_paper():
    """He et al. 2016, table 1: 3.8 billion multiply-adds, counted without the shortcuts."""
    config = replace(resnet50(), contrast_weight=0.0)
    it = Setting(TINY, torch.device("cpu"), config, 1)
    two = classifier_phases.random_examples(2, config)
    found = classifier_phases._operations(it, two)
    assert found["gflop_an_image"] == pytest.approx(2 * 4.1, rel=0.02)
    assert found["gflop_an_image_trained"] == pytest.approx(3 * found["gflop_an_image"], rel=0.05)


def test_both_loops_see_the_same_products(it, tmp_path):
    products = classifier_photographs.products(tmp_path, 12)
    store = ImageStore(tmp_path / "store", it.config.image_size)
    assert not store.add(image for product in products for image in product.images)
    assert sum(len(product.images) for product in products) == len(
        {image.sha256 for product in products for image in product.images}
    )
    tasks = classifier_photographs.tasks()
    shown = it.config
    ours = encode(products, tasks, shown, store.get)
    plain = Photographs(products, tasks, shown)
    for n, example in enumerate(ours):
        np.testing.assert_array_equal(plain[n].buckets, example.buckets)
        np.testing.assert_array_equal(plain[n].labels, example.labels)
        assert plain[n].views[0].shape == example.views[0].shape
        assert len(plain[n].views) == shown.views_in_training


def aims(figures) -> dict[str, list[str]]:
    """The cells of each aim's row."""
    lines = classifier_report.table(figures).partition("## Aims")[2].splitlines()
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[4:]]
    return {row[0]: row[1:] for row in rows[: rows.index([""])]}


def test_aims_are_met_or_missed_and_say_how_that_is_known(figures):
    rates = {"float32": 300.0, "bfloat16": 500.0, "plain, 0 workers": 100.0, "plain, 2 workers": 90}
    training = {**figures["training"], "images_a_second": rates}
    embedding = {**figures["embedding"], "products": 8_000, "decode_s": 300.0, "publish_s": 120.0}
    size = {"products": 800, "pixel_bytes": 800e4, "bytes": 50e6}
    large = {**size, "products": 2_400}
    known = {
        "training": training,
        "embedding": embedding,
        "memory": {
            **figures["memory"],
            "training": [size, {**large, "bytes": 51e6}],
            "embedding": [size, {**large, "bytes": 90e6}],
        },
        "resume": {**figures["resume"], "is_same": False, "largest_difference": 0.01},
    }
    found = aims({**figures, **known})
    assert found["training beside the same network in a plain loop"] == [
        "at least 1 times", "5.0 times", "met",
        ("measured in the same run: Vitrine in bfloat16 beside a plain loop in float32,"
         " photographs decoded in the same process"),
    ]  # fmt: skip
    week = "80,000 new products of 3 views: decoded, embedded, labelled, published"
    assert found[week] == [
        "at most 60 minutes", "70.0 minutes", "**MISSED**", "extrapolated from 8,000 products"
    ]  # fmt: skip
    assert found["training: memory that one product more takes"][1:3] == ["0.6 kB", "met"]
    assert found["embedding: memory that one product more takes"][1:3] == ["25.0 kB", "**MISSED**"]
    assert found["a killed training goes on"][1:3] == ["weights within 0.01", "**MISSED**"]
    assert found["this whole run"] == ["at most 8 minutes", "4.0 minutes", "met", "measured"]
    assert found["ResNet-50 in bfloat16 on a GPU"][2:] == ["**not measured**", "no GPU was there"]
    gpu = {**MACHINE, "gpu": "Accelerator X"}
    assert aims({**figures, **known, "machine": gpu})[week][0] == "at most 15 minutes"
    assert "Networks computed on one Accelerator X." in classifier_report.table(
        {**figures, "machine": gpu}
    )


def test_the_command_measures_in_a_process_and_keeps_table_and_figures(tmp_path):
    typed = ["--scale", str(TINY), "--runs", "1", "--only", "embedding", "--out", str(tmp_path)]
    result = CliRunner().invoke(classifier.main, [*typed, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "classifier-0.0001-cpu.md").read_text() in result.output
    kept = json.loads((tmp_path / "classifier-0.0001-cpu.json").read_text())
    assert (kept["preset"], kept["embedding"]["products"]) == ("cpu", 12)
    assert kept["embedding"]["phase_s"] > 0

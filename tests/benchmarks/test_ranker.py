"""The ranker's benchmark runs at a size that takes seconds; its figures are no test's business."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks import ranker, ranker_phases, ranker_report, ranker_rows
from training.ranker.config import RankerConfig
from training.ranker.features import Catalogue

TINY = 1e-4
MACHINE = {"cores": 2, "memory_bytes": 8e9, "gpu": None, "load": 0.5, "torch": "2"}


@pytest.fixture(scope="module")
def figures() -> dict:
    before = torch.get_num_threads()
    measured = {
        name: phase(TINY, torch.device("cpu"), 1) | {"phase_s": 60.0}
        for name, phase in ranker_phases.PHASES.items()
    }
    torch.set_num_threads(before)
    return {"machine": MACHINE, "runs": 1, **measured}


def numbers(figures) -> list[float]:
    if isinstance(figures, dict):
        return [number for value in figures.values() for number in numbers(value)]
    return [figures] if isinstance(figures, int | float) else []


def test_every_part_measures_something(figures):
    for phase in ranker.PHASES:
        found = numbers(figures[phase])
        assert len(found) > 4, phase
        assert all(np.isfinite(number) and number > 0 for number in found), phase
    assert 0 < figures["training"]["product_share"] < 1
    assert figures["one"]["campaigns_known"]["p50"] <= figures["one"]["campaigns_known"]["p99"]
    assert figures["mass"]["customers"] == round(ranker_phases.CUSTOMERS * TINY)
    assert figures["mass"]["base_memory_bytes"] < figures["mass"]["peak_memory_bytes"]


def test_a_retrain_is_priced_by_what_each_network_learns_from(figures):
    it, config = figures["training"], RankerConfig()
    assert it["drawn"] == it["purchases"] + it["lists"] * config.uniform_size
    assert 0 < it["likely"] <= it["lists"] * config.likely_size
    assert it["examples"] > 2 * it["drawn"]
    assert it["examples_a_second"]["1"] == pytest.approx(it["drawn"] / it["first_epoch_s"])
    full = it["lists"] * config.likely_size
    assert it["second_epoch_s"] == pytest.approx(full / it["second_examples_a_second"])
    fit_s = it["encoding_s"] + it["ranking_s"]
    for _ in range(config.epochs):
        fit_s += it["first_epoch_s"] + it["second_epoch_s"]
    hours = 2 * fit_s * config.max_groups / it["lists"] / 3600
    assert it["retrain"]["default_hours"] == pytest.approx(hours)
    times = ranker_phases.PURCHASES / it["purchases"]
    assert it["retrain"]["hours"] == pytest.approx(2 * fit_s * times / 3600)
    # The numbers of all pairs, most of four bytes, are in memory whatever is drawn of them.
    pair_bytes = 4 * len(Catalogue.load().pair_names) * it["examples"] * times
    assert pair_bytes / 2 < it["retrain"]["memory_gb"] * 1e9 < 5 * pair_bytes


def aims(figures, scale) -> dict[str, list[str]]:
    """The cells of each aim's row."""
    lines = ranker_report.table(figures, scale).partition("## Aims")[2].splitlines()
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[4:]]
    return {row[0]: row[1:] for row in rows[: rows.index([""])]}


def test_a_smaller_size_is_extrapolated_and_says_so(figures):
    few = {**figures["mass"], "seconds": 13.0, "customers": 137_000}
    found = aims({**figures, "mass": few}, 0.1)
    assert found["everybody's first 12, 2 cores"] == [
        "at most 120 seconds", "130.0 seconds", "**MISSED**", "extrapolated from 137,000 customers"
    ]  # fmt: skip
    assert "this whole run" not in found
    assert found["a full retrain on one GPU"][2:] == ["**not measured**", "no GPU was there"]


@pytest.mark.parametrize(
    ("peak", "said"), [(0.55e9, ["5.5 GB", "met"]), (0.60e9, ["10.5 GB", "**MISSED**"])]
)
def test_memory_that_is_there_at_any_size_is_not_extrapolated(figures, peak, said):
    few = {**figures["mass"], "base_memory_bytes": 0.5e9, "peak_memory_bytes": peak}
    assert aims({**figures, "mass": few}, 0.01)["memory for it"][1:3] == said


def test_aims_are_judged_at_full_size(figures):
    slow = {**figures["mass"], "seconds": 300.0, "peak_memory_bytes": 7e9, "phase_s": 320.0}
    quick = {**figures["sampler"], "campaigns": 6e6, "articles": 9e6}
    found = aims({**figures, "mass": slow, "sampler": quick}, 1.0)
    seconds = ["at most 120 seconds", "300.0 seconds", "**MISSED**", "measured"]
    assert found["everybody's first 12, 2 cores"] == seconds
    assert found["memory for it"] == ["at most 8 GB", "7.0 GB", "met", "measured"]
    triplets = found["triplets drawn a second, one core"]
    assert triplets[:3] == ["at least 5 million", "6.0 million", "met"]
    assert found["this whole run"] == ["at most 8 minutes", "8.3 minutes", "**MISSED**", "measured"]
    slower = {**quick, "articles": 4e6}
    found = aims({**figures, "sampler": slower}, 0.5)
    assert found["triplets drawn a second, one core"][2] == "**MISSED**"


def test_a_gpu_is_named(figures):
    machine = {**MACHINE, "gpu": "Accelerator X"}
    assert "Networks trained on one Accelerator X." in ranker_report.table(
        {**figures, "machine": machine}, 1.0
    )


def test_the_command_measures_in_a_process_and_keeps_table_and_figures(tmp_path):
    typed = ["--scale", str(TINY), "--runs", "1", "--only", "mass", "--out", str(tmp_path)]
    result = CliRunner().invoke(ranker.main, [*typed, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "ranker-0.0001-cpu.md").read_text() in result.output
    kept = json.loads((tmp_path / "ranker-0.0001-cpu.json").read_text())
    assert kept["mass"]["customers"] == round(ranker_phases.CUSTOMERS * TINY)
    assert kept["mass"]["phase_s"] > 0


def test_made_up_rows_are_seeded_and_groups_have_both_labels():
    catalogue = Catalogue.load()
    first, again = (ranker_rows.examples(catalogue, 50, 30, 8, seed=3) for _ in range(2))
    assert np.array_equal(first.campaign_R, again.campaign_R)
    assert first.pairs.equals(again.pairs)
    for group in range(50):
        labels = first.label_R[first.group_R == group]
        assert set(labels) == {0, 1}
        assert (np.diff(labels) <= 0).all()
    pairs = set(zip(first.group_R.tolist(), first.campaign_R.tolist(), strict=True))
    assert len(pairs) == len(first.label_R)

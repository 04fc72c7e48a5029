"""Who answers for an instant when the champion is older than a model may be.

A real network is registered as version 1, and one rolled back from as version 2.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.training import test_registry
from tests.training.conftest import Typed, typing_in
from tests.training.ranker import taste_shop
from training.evaluation.gate import Decision
from training.promotion import Promotion
from training.ranker import serving
from training.ranker.fitted import FittedRanker
from training.registry import ModelVersion, Registry
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant
from vitrine.settings import load_settings

END = format_instant(taste_shop.END)
STALE = taste_shop.END - serving.MAX_AGE - DAY
PASSED, REFUSED = Decision(True, "better"), Decision(False, "worse")


@pytest.fixture(scope="module")
def home(installation, tmp_path_factory) -> Path:
    """A home with the same warehouse and no model."""
    made = tmp_path_factory.mktemp("holding") / "home"
    shutil.copytree(installation.paths.warehouse, made / "warehouse", symlinks=True)
    return made


@pytest.fixture(scope="module")
def typed(home) -> Typed:
    return typing_in(home)


@pytest.fixture(scope="module")
def promotion(home) -> Promotion:
    made = Installation(load_settings({"VITRINE_HOME": str(home)}))
    return Promotion.of(Registry(made.settings, made.paths), made.paths)


@pytest.fixture(scope="module")
def register(promotion, tmp_path_factory) -> Callable[..., ModelVersion]:
    """Register a fitted ranker that knows the data until an instant."""

    def registered(ranker: FittedRanker, until: datetime = STALE) -> ModelVersion:
        folder = tmp_path_factory.mktemp("version")
        given = test_registry.trained(folder, "2011-02-01")
        shutil.rmtree(given.folder)
        ranker.save(given.folder)
        data = Interval(taste_shop.START, until)
        return promotion.models.register("ranker", replace(given, data=data), is_candidate=False)

    return registered


@pytest.fixture(scope="module")
def rolled_back(promotion, register, network, with_trees) -> None:
    """Version 1 serves again instead of version 2."""
    for ranker in (network, with_trees):
        promotion.promote(register(ranker), PASSED)
    promotion.roll_back("ranker", reason="it shows sofas alone")


@pytest.fixture
def returned(rolled_back, promotion):
    """Version 2 serves again, and nothing is held."""
    promotion.roll_back("ranker", to=2)
    yield
    promotion.roll_back("ranker", to=1)


def test_while_a_rollback_holds_the_champion_answers_however_old(rolled_back, typed, tmp_path):
    code, printed = typed("recommend", "--as-of", END, "--out", str(tmp_path / "recs.parquet"))
    assert (code, "by ranker version 1 ->" in printed) == (0, True), printed
    assert "training" not in printed


def test_why_a_version_does_not_answer(rolled_back, promotion, register, network):
    models, ledger = promotion.models, promotion.ledger
    held = register(network, taste_shop.END)
    promotion.promote(held, PASSED)
    refused = register(network, taste_shop.END)
    promotion.promote(refused, REFUSED)
    whys = [serving.why_not(ledger, v) for v in (models.version("ranker", 2), held, refused)]
    assert whys == ["it was rolled back from", "a rollback held refreshes",
                    "it did not pass the gate"]  # fmt: skip
    # The champion knows what came later.
    assert serving.held_champion(models, ledger, STALE - DAY) is None


def test_a_version_for_the_instant_answers_instead_of_a_stale_champion(
    returned, promotion, register, network, typed, tmp_path
):
    past = taste_shop.END - timedelta(hours=1)
    question = "--as-of", format_instant(past), "--out", str(tmp_path / "recs.parquet")
    own = register(network, past).version
    promotion.models.note("ranker", own, REFUSED)
    code, printed = typed("recommend", *question)
    assert (code, "by ranker version 2 ->" in printed) == (0, True), printed
    assert f"version {own} was trained for {format_instant(past)}, but it did" in printed
    promotion.models.note("ranker", own, PASSED)
    code, printed = typed("recommend", *question)
    assert (code, f"by ranker version {own} ->" in printed) == (0, True), printed
    assert "trained" not in printed

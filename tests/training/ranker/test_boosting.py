from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.ranker import planted
from training.ranker.boosting import BoostingConfig, FittedTrees
from training.ranker.config import OBJECTIVES, RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.fitted import FittedRanker
from training.ranker.fitting import deviation, encoders_of, fit
from vitrine.errors import BadArgumentError

CONFIG = BoostingConfig(trees=40, rows_in_leaf=20)


def frame(groups: int, has_pattern: bool, seed: int) -> ExampleFrame:
    return ExampleFrame.of(planted.examples(groups, has_pattern, seed), planted.CATALOGUE)


def grown(config: BoostingConfig, examples: ExampleFrame) -> FittedTrees:
    return config.fit(examples, encoders_of(examples, planted.CATALOGUE), seed=7)


def scores(model, examples: ExampleFrame) -> np.ndarray:
    score = model.over(examples.customers, examples.campaigns)
    return score(examples.group_R, examples.campaign_R, examples.pairs)


def share_first(score_R: np.ndarray, examples: ExampleFrame) -> float:
    """Share of the groups whose purchase has the highest score: 1 / 21 by chance."""
    best = [
        rows[np.argmax(score_R[rows])]
        for group in range(len(examples.as_of_G))
        if len(rows := np.flatnonzero(examples.group_R == group))
    ]
    return float(examples.label_R[best].mean())


@pytest.fixture(scope="module")
def pattern() -> ExampleFrame:
    return frame(300, has_pattern=True, seed=1)


@pytest.fixture(scope="module")
def later() -> ExampleFrame:
    return frame(200, has_pattern=True, seed=2)


@pytest.fixture(scope="module")
def trees(pattern) -> FittedTrees:
    return grown(CONFIG, pattern)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_trees_find_a_pattern_and_none_in_noise(objective, pattern, later):
    config = BoostingConfig(objective, trees=40, rows_in_leaf=20)
    assert share_first(scores(grown(config, pattern), later), later) > 0.3
    noise, more_noise = (frame(300, has_pattern=False, seed=seed) for seed in (3, 4))
    found = scores(grown(config, noise), more_noise)
    assert share_first(found, more_noise) < 0.12


def test_the_same_seed_grows_the_same_trees(trees, pattern, later):
    again = grown(CONFIG, pattern)
    np.testing.assert_array_equal(scores(again, later), scores(trees, later))


def test_an_unknown_objective_is_refused():
    with pytest.raises(BadArgumentError, match="'mse' is unknown; known: lambdarank, rank_xendcg"):
        BoostingConfig("mse")


def test_a_ranker_adds_the_trees_opinion_and_keeps_it(pattern, later, tmp_path):
    settings = replace(RankerConfig(), trees=40, epochs=2)
    found = fit(pattern, planted.CATALOGUE, settings, seed=7).ranker
    network, trees = replace(found, trees=None), found.trees
    added = scores(network, later) + found.trees_weight * scores(trees, later)
    np.testing.assert_allclose(scores(found, later), added, rtol=1e-6)
    spreads = [deviation(scores(model, pattern), pattern.group_R) for model in (network, trees)]
    assert spreads[0] == pytest.approx(found.trees_weight * spreads[1])
    found.save(tmp_path / "kept")
    kept = FittedRanker.load(tmp_path / "kept")
    np.testing.assert_array_equal(scores(kept, later), scores(found, later))


def test_too_few_examples_for_a_split_leave_the_network_alone(later):
    few = later.before(planted.START + timedelta(hours=2))
    settings = replace(RankerConfig(), trees=5, epochs=1)
    found = fit(few, planted.CATALOGUE, settings, seed=7).ranker
    assert (found.trees, found.trees_weight) == (None, 0.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e3, 1e3)), min_size=1, max_size=30))
def test_deviation_agrees_with_a_slow_loop(rows):
    groups = np.array([number for number, _ in rows], dtype=np.int64)
    values = np.array([value for _, value in rows], dtype=np.float64)
    squares = [
        (value - values[groups == number].mean()) ** 2
        for number, value in zip(groups, values, strict=True)
    ]
    assert deviation(values, groups) == pytest.approx(np.sqrt(np.mean(squares)), abs=1e-6)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.ranker import planted
from training.ranker.blend import Blend, standardised
from training.ranker.boosting import BoostingConfig, FittedTrees
from training.ranker.config import OBJECTIVES
from training.ranker.dataset import ExampleFrame
from vitrine.errors import BadArgumentError

CONFIG = BoostingConfig(trees=40, rows_in_leaf=20)


def frame(groups: int, has_pattern: bool, seed: int) -> ExampleFrame:
    return ExampleFrame.of(planted.examples(groups, has_pattern, seed), planted.CATALOGUE)


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
    return CONFIG.fit(pattern, planted.CATALOGUE, seed=7)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_trees_find_a_pattern_and_none_in_noise(objective, pattern, later):
    config = BoostingConfig(objective, trees=40, rows_in_leaf=20)
    assert share_first(scores(config.fit(pattern, planted.CATALOGUE, 7), later), later) > 0.3
    noise, more_noise = (frame(300, has_pattern=False, seed=seed) for seed in (3, 4))
    found = scores(config.fit(noise, planted.CATALOGUE, 7), more_noise)
    assert share_first(found, more_noise) < 0.12


def test_the_same_seed_grows_the_same_trees(trees, pattern, later):
    again = CONFIG.fit(pattern, planted.CATALOGUE, seed=7)
    np.testing.assert_array_equal(scores(again, later), scores(trees, later))


def test_an_unknown_objective_is_refused():
    with pytest.raises(BadArgumentError, match="'mse' is unknown; known: lambdarank, rank_xendcg"):
        BoostingConfig("mse")


def test_a_blend_of_one_orders_as_the_one(trees, later):
    blended, alone = scores(Blend((trees,)), later), scores(trees, later)
    for group in range(20):
        rows = later.group_R == group
        np.testing.assert_array_equal(np.argsort(blended[rows]), np.argsort(alone[rows]))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e3, 1e3)), max_size=30))
def test_scores_are_standardised_list_by_list(rows):
    lists = np.array([number for number, _ in rows], dtype=np.int64)
    values = np.array([value for _, value in rows], dtype=np.float64)
    found = standardised(values, lists)
    for number in np.unique(lists):
        own = values[lists == number]
        if own.std() > 1e-6:
            expected = (own - own.mean()) / own.std()
            np.testing.assert_allclose(found[lists == number], expected, rtol=1e-6, atol=1e-6)

import numpy as np
import pytest

from tests.training.ranker import taste_shop
from training.evaluation.backtest import WEEK, Week
from training.evaluation.baselines import Popularity, Repurchase
from training.peers.behaviour_groups import BehaviourGroups, Choice, GroupScorer, groups
from training.peers.history import History
from vitrine.interval import Interval

LAST_WEEK = Interval(taste_shop.END - WEEK, taste_shop.END)

# Lists of four customers: the first in both groups, the next in one each, the last in none.
IS_IN_LG = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=bool)
PRECISION_ML = np.array([[0.2, 0.2, 0.0, 0.9], [0.1, 0.0, 0.6, 0.0]])


def test_each_group_has_its_best_model_and_the_more_precise_group_serves_those_of_both():
    choice = Choice.of(PRECISION_ML, IS_IN_LG, fewest=1)
    assert choice.overall == 0
    assert choice.model_G.tolist() == [0, 1]
    assert choice.precision_G == pytest.approx([0.2, 0.35])
    assert choice.models(IS_IN_LG).tolist() == [1, 0, 1, 0]


def test_a_group_of_too_few_is_served_by_what_is_best_for_all():
    choice = Choice.of(PRECISION_ML, IS_IN_LG[:, [0]], fewest=3)
    assert choice.models(IS_IN_LG[:, [0]]).tolist() == [0, 0, 0, 0]


@pytest.fixture
def models(reader):
    popularity = Popularity(reader.connection, days=14)
    return {"popularity": lambda _: popularity, "repurchase": lambda _: Repurchase(popularity)}


def test_customers_of_a_group_get_its_model_and_others_the_best_for_all(reader, models):
    week = Week.of(reader, LAST_WEEK)
    scorers = {number: fit(None) for number, fit in enumerate(models.values())}
    is_in = groups(reader, week.candidates.lists)
    is_single_G = is_in.columns == "is_single_sector"
    choice = Choice(0, np.where(is_single_G, 1, -1), np.where(is_single_G, 0.5, -1.0))
    list_R, campaign_R = week.candidates.pairs()
    found_R = GroupScorer(reader, choice, scorers).prepared(week.candidates)(
        week.candidates, list_R, campaign_R
    )
    is_single_R = is_in["is_single_sector"].to_numpy()[list_R]
    assert 0 < is_single_R.mean() < 1
    for scorer, is_served_R in zip(scorers.values(), [~is_single_R, is_single_R], strict=True):
        alone_R = scorer.prepared(week.candidates)(week.candidates, list_R, campaign_R)
        np.testing.assert_array_equal(found_R[is_served_R], alone_R[is_served_R])


def test_models_are_chosen_by_the_week_before_the_cut_off(reader, models):
    purchases = reader.purchases(Interval(reader.build_info().data.start, taste_shop.END))
    history = History.of(purchases, taste_shop.END)
    scorer = BehaviourGroups(models, fewest_lists=1).fit(reader, history)
    week = Week.of(reader, LAST_WEEK)
    ranks = [week.judge(fit(history)).ranks for fit in models.values()]
    found = [ranks.hits().mean(axis=1) for ranks in ranks]
    assert scorer.choice.overall == np.argmax([each.mean() for each in found])
    for number, name in enumerate(groups(reader, week.candidates.lists)):
        is_in_L = groups(reader, week.candidates.lists)[name].to_numpy()
        if is_in_L.any():
            means = [each[is_in_L].mean() for each in found]
            assert scorer.choice.model_G[number] == np.argmax(means)
            assert scorer.choice.precision_G[number] == pytest.approx(max(means))

import numpy as np
import pytest

from tests.training.evaluation.skilled import CANDIDATES, WEEKS, judged
from training.evaluation.intervals import RESAMPLES
from training.evaluation.leaderboard import (
    TOGETHER,
    Judged,
    averages,
    best,
    order_holds,
    ordered,
    table,
)
from training.evaluation.metrics import NOWHERE
from training.evaluation.ranks import Judgement, Ranks
from vitrine.errors import BadInputError


def ranks(rank_P, list_P, lists):
    return Ranks(np.array(["a"] * lists, object), np.array(list_P, int), np.array(rank_P, int),
                 np.full(lists, 20), np.full((lists, 12), -1))  # fmt: skip


def test_the_averages_name_their_cut():
    everything = averages(ranks(np.arange(1, 13), np.zeros(12), lists=1))
    first = ("map_at_12", "recall_at_12", "ndcg_at_12", "hit_rate_at_12", "precision_at_12")
    assert [everything[name] for name in first] == pytest.approx([1.0] * 5)
    assert everything["recall_at_3"] == pytest.approx(3 / 12)
    assert everything["needed_for_50_percent"] == 6


def test_a_share_that_no_list_can_reach_is_no_metric():
    everything = averages(ranks([1, NOWHERE, NOWHERE], np.zeros(3), lists=1))
    assert everything["needed_for_10_percent"] == 1
    assert "needed_for_90_percent" not in everything
    assert max(everything.values()) <= 3


def test_no_list_and_a_list_without_anything_relevant_are_refused():
    with pytest.raises(BadInputError):
        averages(ranks([], [], lists=0))
    with pytest.raises(BadInputError):
        averages(ranks([1], [0], lists=2))


@pytest.fixture(scope="module")
def rows():
    models = {"ranker": 2.0, "twin": 2.0, "worse": 1.0}
    return table(
        [
            judged(model, interval, skill, seed=10 * number + place)
            for place, (model, skill) in enumerate(models.items())
            for number, interval in enumerate(WEEKS)
        ],
        seed=1,
    )


def cell(rows, model, metric, week=TOGETHER):
    chosen = rows[(rows["model"] == model) & (rows["metric"] == metric) & (rows["week"] == week)]
    (found,) = (row for _, row in chosen[chosen["slice"] == "all"].iterrows())
    return found


def test_a_worse_model_is_shown_to_be_worse_and_an_equal_one_is_not(rows):
    for metric in ("map_at_12", "recall_at_12", "collective_auc"):
        worse, twin = cell(rows, "worse", metric), cell(rows, "twin", metric)
        assert worse["difference_high"] < 0
        assert twin["difference_low"] < 0 < twin["difference_high"]
        assert np.isnan(cell(rows, "ranker", metric)["difference"])


def test_a_difference_is_that_of_a_slow_loop_over_the_same_draws():
    pair = [judged("ranker", WEEKS[0], 2.0, 1), judged("other", WEEKS[0], 1.0, 2)]
    found = cell(table(pair, seed=4), "other", "recall_at_12")
    hit = [(each.judgement.ranks.rank_P <= 12).astype(float) for each in pair]
    customer_L = pair[0].judgement.ranks.customer_L
    customers, generator = sorted(set(customer_L)), np.random.default_rng(4)
    means = []
    for _ in range(RESAMPLES):
        drawn = [customers[n] for n in generator.integers(0, len(customers), len(customers))]
        rows_ = [row for name in drawn for row in np.flatnonzero(customer_L == name)]
        means.append(np.mean([hit[1][row] - hit[0][row] for row in rows_]))
    assert found["difference"] == pytest.approx(hit[1].mean() - hit[0].mean())
    assert found["difference_low"] == pytest.approx(np.quantile(means, 0.025))
    assert found["difference_high"] == pytest.approx(np.quantile(means, 0.975))


def test_pairing_narrows_the_interval_of_a_difference():
    first = judged("ranker", WEEKS[0], 2.0, 1)
    ranks = first.judgement.ranks
    later = Ranks(ranks.customer_L, ranks.list_P, ranks.rank_P + 1, ranks.count_L, ranks.top_LK)
    second = Judged("other", first.week, Judgement(later, later), first.assortment)
    found = cell(table([first, second], seed=1), "other", "map_at_12")
    assert found["difference_high"] < 0
    assert found["difference_high"] - found["difference_low"] < found["high"] - found["low"]


def test_a_margin_is_absent_where_it_is_not_known_in_every_week():
    known = judged("ranker", WEEKS[0], 2.0, 1, margin_C=np.ones(CANDIDATES))
    unknown = judged("ranker", WEEKS[1], 2.0, 2)
    rows = table([known, unknown], seed=1)
    weeks = rows[rows["metric"] == "margin_at_12"]["week"]
    assert set(weeks) == {"2026-03-02T00:00:00Z"}


def test_models_are_ordered_by_the_gate_and_the_best_is_the_lowest_where_that_is_better(rows):
    assert ordered(rows)[-1] == "worse"
    together = rows[(rows["week"] == TOGETHER) & (rows["slice"] == "all")].set_index("metric")
    highest = best(together.reset_index())
    assert highest["map_at_12"] == together.loc["map_at_12", "value"].max()
    assert highest["needed_for_50_percent"] == together.loc["needed_for_50_percent", "value"].min()


def test_the_order_of_models_that_differ_holds_and_one_model_has_no_order(rows):
    clear = [
        judged(f"m{skill}", interval, skill, seed=skill)
        for skill in (1, 2, 4)
        for interval in WEEKS
    ]
    assert order_holds(table(clear, seed=1)) == [pytest.approx(1.0)]
    assert order_holds(table(clear[:2], seed=1)) == []

import numpy as np
import pytest

from training.evaluation.leaderboard import averages
from training.evaluation.ranks import Ranks
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


def test_no_list_and_a_list_without_anything_relevant_are_refused():
    with pytest.raises(BadInputError):
        averages(ranks([], [], lists=0))
    with pytest.raises(BadInputError):
        averages(ranks([1], [0], lists=2))

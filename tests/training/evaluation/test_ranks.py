import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation import metrics
from training.evaluation.ranks import KNOWN_ELSEWHERE, NEW_ELSEWHERE, judge_lists
from training.ranker.candidates import Candidates
from vitrine.errors import DegenerateModelError

INSTANTS = pd.to_datetime(["2026-03-01T10:00", "2026-03-02T10:00"], utc=True)


class Given:
    """Scores that the test has drawn, by list and campaign position."""

    def __init__(self, scores):
        self.scores = scores

    def prepared(self, candidates):
        def score(chunk, list_R, campaign_R):
            return self.scores[chunk.lists.index.to_numpy()[list_R], campaign_R]

        return score


@st.composite
def cases(draw):
    counts = draw(st.tuples(st.integers(1, 6), st.integers(0, 6)))
    campaigns = pd.DataFrame(
        {
            "as_of": np.repeat(INSTANTS, counts),
            "campaign_id": [f"k{n}" for count in counts for n in range(count)],
        }
    )
    lists = pd.DataFrame(
        {"customer_id": ["a", "b", "a", "c"], "as_of": INSTANTS[[0, 0, 1, 1]]},
    )
    candidates = Candidates.of(lists, campaigns)
    size = sum(counts)
    scores = np.array(draw(st.lists(st.lists(st.integers(0, 3), min_size=size, max_size=size),
                                    min_size=4, max_size=4)), dtype=float)  # fmt: skip
    scores[0, 0] += 0.5  # not all are equal
    pairs = [
        (number, int(candidates.start_L[number]) + place)
        for number in range(4)
        for place in range(int(candidates.count_L[number]))
    ]
    relevant = draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    elsewhere = st.sampled_from([NEW_ELSEWHERE, KNOWN_ELSEWHERE])
    absent = draw(st.lists(st.tuples(st.integers(0, 3), elsewhere), max_size=3))
    bought = draw(st.lists(st.sampled_from(pairs), unique=True))
    relevant = [*relevant, *absent]
    return candidates, scores, np.array(relevant), np.array(bought, np.int64).reshape(-1, 2)


def slow_ranks(candidates, scores, relevant, left_out):
    """Sort each list in a loop and look each relevant campaign up."""
    found = []
    for number, campaign in relevant:
        start, count = candidates.start_L[number], candidates.count_L[number]
        places = [c for c in range(start, start + count) if (number, c) not in left_out]
        row = scores[number]
        ordered = [c for _, c in sorted((-row[c], c) for c in places)]
        found.append(ordered.index(campaign) + 1 if campaign in ordered else metrics.NOWHERE)
    return found


@settings(max_examples=200, deadline=None)
@given(cases())
def test_ranks_agree_with_a_slow_loop(case):
    candidates, scores, relevant, bought = case
    judgement = judge_lists(Given(scores), candidates, relevant, bought, max_pairs=4)

    assert judgement.ranks.rank_P.tolist() == slow_ranks(candidates, scores, relevant, set())
    assert judgement.ranks.list_P.tolist() == relevant[:, 0].tolist()

    left_out = {tuple(pair) for pair in bought.tolist()}
    fresh = [
        (number, campaign)
        for number, campaign in relevant.tolist()
        if (number, campaign) not in left_out and campaign != KNOWN_ELSEWHERE
    ]
    assert judgement.fresh.rank_P.tolist() == slow_ranks(candidates, scores, fresh, left_out)
    lists = sorted({number for number, _ in fresh})
    assert judgement.fresh.customer_L.tolist() == [
        candidates.lists["customer_id"][number] for number in lists
    ]
    assert [lists[n] for n in judgement.fresh.list_P] == [number for number, _ in fresh]

    for number, top_K in enumerate(judgement.ranks.top_LK):
        start, count = candidates.start_L[number], candidates.count_L[number]
        ordered = sorted(range(start, start + count), key=lambda c: (-scores[number, c], c))
        assert [c for c in top_K if c >= 0] == ordered[:12]
        if number in lists:
            fresh_K = judgement.fresh.top_LK[lists.index(number)]
            left = [c for c in ordered if (number, c) not in left_out]
            assert [c for c in fresh_K if c >= 0] == left[:12]


def test_equal_and_infinite_scores_are_refused():
    campaigns = pd.DataFrame({"as_of": INSTANTS[[0, 0]], "campaign_id": ["k0", "k1"]})
    lists = pd.DataFrame({"customer_id": ["a"], "as_of": INSTANTS[[0]]})
    candidates, nothing = Candidates.of(lists, campaigns), np.zeros((0, 2), np.int64)
    relevant = np.array([[0, 1]])
    for scores in ([1.0, 1.0], [1.0, math.inf], [math.nan, 1.0]):
        with pytest.raises(DegenerateModelError):
            judge_lists(Given(np.array([scores])), candidates, relevant, nothing)


def test_hits_are_those_within_the_cut():
    campaigns = pd.DataFrame(
        {"as_of": INSTANTS[[0] * 14], "campaign_id": [f"k{n:02}" for n in range(14)]}
    )
    lists = pd.DataFrame({"customer_id": ["a"], "as_of": INSTANTS[[0]]})
    falling = Given(-np.arange(14.0)[None, :])
    relevant = np.array([[0, 0], [0, 11], [0, 12], [0, -1]])
    ranks = judge_lists(
        falling, Candidates.of(lists, campaigns), relevant, np.zeros((0, 2), np.int64)
    ).ranks
    assert np.flatnonzero(ranks.hits()[0]).tolist() == [0, 11]
    assert np.flatnonzero(ranks.hits(3)[0]).tolist() == [0]
    assert ranks.relevant().tolist() == [4]
    assert metrics.needed(ranks.rank_P, 0.5) == 12


def test_the_collective_curve():
    count_P = np.full(1000, 10)
    rank_P = np.tile(np.arange(1, 11), 100)
    assert metrics.collective_auc(rank_P, count_P) == pytest.approx(0.5)
    assert metrics.collective_auc(np.full(1000, 1), count_P) == pytest.approx(0.95)
    found = [np.mean(rank_P <= shown) for shown in range(11)]
    area = np.trapezoid(found, dx=0.1)
    assert metrics.collective_auc(rank_P, count_P) == pytest.approx(area)
    assert metrics.needed(np.array([40, 2, 1, 5]), 0.5) == 2
    assert metrics.needed(np.array([40, 2, 1, 5]), 0.9) == 40

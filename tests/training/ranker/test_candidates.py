import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from training.ranker.candidates import Candidates, top_k

FIRST, SECOND, THIRD = pd.to_datetime(["2026-03-01", "2026-03-02", "2026-03-03"], utc=True)


def candidates() -> Candidates:
    campaigns = pd.DataFrame(
        {"as_of": [FIRST, FIRST, FIRST, SECOND], "campaign_id": ["a", "b", "c", "b"]}
    )
    lists = pd.DataFrame(
        {"customer_id": ["u", "v", "u", "w"], "as_of": [FIRST, FIRST, SECOND, THIRD]}
    )
    return Candidates.of(lists, campaigns)


def test_a_list_meets_exactly_the_campaigns_of_its_instant():
    list_R, campaign_R = candidates().pairs()
    assert list_R.tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert campaign_R.tolist() == [0, 1, 2, 0, 1, 2, 3]


def test_chunks_together_are_the_whole_in_order():
    whole = candidates()
    parts = list(whole.chunks(max_pairs=4))
    assert len(parts) > 1
    customers = [c for part in parts for c in part.lists["customer_id"]]
    assert customers == whole.lists["customer_id"].tolist()
    pairs = [pair for part in parts for pair in part.pairs()[1].tolist()]
    assert pairs == whole.pairs()[1].tolist()


ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 9), st.sampled_from([0.0, 0.5, 1.0])),
    unique_by=lambda row: row[:2],
    max_size=30,
)


@given(ROWS, st.integers(1, 5))
def test_top_k_agrees_with_a_slow_loop(rows, k):
    expected = []
    for number in sorted({row[0] for row in rows}):
        own = sorted((-score, campaign) for n, campaign, score in rows if n == number)
        expected += [(number, c, rank) for rank, (_, c) in enumerate(own[:k], start=1)]
    list_R = np.array([row[0] for row in rows], dtype=np.int64)
    campaign_R = np.array([row[1] for row in rows], dtype=np.int64)
    score_R = np.array([row[2] for row in rows], dtype=np.float64)
    row_T, rank_T = top_k(list_R, campaign_R, score_R, k)
    found = zip(list_R[row_T].tolist(), campaign_R[row_T].tolist(), rank_T.tolist(), strict=True)
    assert list(found) == expected

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


COUNTRIES = st.sampled_from(["FR", "ES", "ZZ"])
OF_COUNTRIES = st.tuples(
    st.lists(st.tuples(st.integers(0, 2), COUNTRIES), max_size=12),
    st.lists(st.tuples(st.integers(0, 2), COUNTRIES | st.none()), max_size=8),
)


def sold_by_country(drawn) -> tuple[Candidates, list, list]:
    """Campaigns and lists that the test has drawn, each an instant's number and a country."""
    offered, asked = sorted(drawn[0], key=lambda row: row[0]), drawn[1]
    instants = pd.DatetimeIndex([FIRST, SECOND, THIRD])
    campaigns = pd.DataFrame(
        {
            "as_of": instants[[instant for instant, _ in offered]],
            "campaign_id": [f"k{number:02}" for number in range(len(offered))],
        }
    )
    lists = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(len(asked))],
            "as_of": instants[[instant for instant, _ in asked]],
        }
    )
    found = Candidates.of(
        lists,
        campaigns,
        np.array([country for _, country in asked], dtype=object),
        np.array([country for _, country in offered], dtype=object),
    )
    return found, offered, asked


@given(OF_COUNTRIES)
def test_a_list_meets_what_sells_in_its_country_as_a_slow_loop_finds_it(drawn):
    found, offered, asked = sold_by_country(drawn)
    expected = [
        (number, campaign)
        for number, (instant, country) in enumerate(asked)
        for campaign, (opened, sold_in) in enumerate(offered)
        if opened == instant and (country is None or sold_in in (country, "ZZ"))
    ]
    list_R, campaign_R = found.pairs()
    assert list(zip(list_R.tolist(), campaign_R.tolist(), strict=True)) == expected
    assert found.count_L.tolist() == [
        sum(place == number for place, _ in expected) for number in range(len(asked))
    ]


@given(OF_COUNTRIES)
def test_places_are_those_of_a_slow_loop_and_none_for_what_is_sold_elsewhere(drawn):
    found, offered, asked = sold_by_country(drawn)
    every = [(n, c) for n in range(len(asked)) for c in range(-1, len(offered))]
    list_N, campaign_N = np.array(every, dtype=np.int64).reshape(-1, 2).T
    list_R, campaign_R = found.pairs()
    pairs = set(zip(list_R.tolist(), campaign_R.tolist(), strict=True))
    for (number, campaign), place in zip(
        every, found.places(list_N, campaign_N).tolist(), strict=True
    ):
        assert (place >= 0) == ((number, campaign) in pairs)
        if place >= 0:
            start = int(found.start_L[number])
            assert found.offer_O[place] == campaign
            assert start <= place < start + found.count_L[number]

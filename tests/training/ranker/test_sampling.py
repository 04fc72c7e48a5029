import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.ranker.sampling import Allowed, epoch_negatives, pools

GROUPS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 8), st.lists(st.integers(0, 8), max_size=4)),
    min_size=1,
    max_size=6,
)


def drawn(groups, pool_size, seed=1):
    """Each group: the first campaign on sale, how many are, and which of them were bought."""
    start = np.array([start for start, _, _ in groups])
    count = np.array([count for _, count, _ in groups])
    bought = sorted(
        {(g, s + b) for g, (s, c, purchases) in enumerate(groups) for b in purchases if b < c}
    )
    group = np.array([g for g, _ in bought], dtype=np.int64)
    campaign = np.array([c for _, c in bought], dtype=np.int64)
    found = pools(start, count, group, campaign, pool_size, np.random.default_rng(seed))
    return list(zip(*(column.tolist() for column in found), strict=True)), bought


@given(GROUPS, st.integers(1, 40))
def test_a_pool_holds_only_what_was_on_sale_and_not_bought(groups, pool_size):
    found, bought = drawn(groups, pool_size)
    assert found == sorted(set(found))
    assert not set(found) & set(bought)
    for group, campaign in found:
        start, count, _ = groups[group]
        assert start <= campaign < start + count
    for group in range(len(groups)):
        assert sum(1 for g, _ in found if g == group) <= pool_size


@given(GROUPS)
def test_a_large_pool_is_everything_that_a_slow_loop_allows(groups):
    found, bought = drawn(groups, pool_size=500)
    allowed = [
        (g, start + n)
        for g, (start, count, _) in enumerate(groups)
        for n in range(count)
        if (g, start + n) not in bought
    ]
    assert found == allowed


@given(GROUPS, st.integers(0, 2))
def test_ranks_are_what_a_slow_loop_leaves_over(groups, repeats):
    """Purchases may come twice, in any order, and of what was not on sale."""
    bought = [(g, start + b) for g, (start, _, own) in enumerate(groups) for b in own]
    bought = (bought * (1 + repeats))[::-1]
    start, count = (np.array([group[n] for group in groups]) for n in (0, 1))
    group_P, campaign_P = (np.array([b[n] for b in bought], dtype=np.int64) for n in (0, 1))
    allowed = Allowed.of(start, count, group_P, campaign_P)
    for g, (first, size, _) in enumerate(groups):
        left = [c for c in range(first, first + size) if (g, c) not in bought]
        assert allowed.count_G[g] == len(left)
        ranks = np.arange(len(left))
        assert allowed.campaigns(np.full(len(left), g), ranks).tolist() == left


def test_draws_are_uniform_over_what_is_allowed_and_never_a_purchase():
    start, count = np.array([0, 100]), np.array([6, 4])
    group_P, campaign_P = np.array([0, 0, 0, 1]), np.array([4, 0, 2, 103])
    allowed = Allowed.of(start, count, group_P, campaign_P)
    drawn = allowed.draw(np.array([1, 0]), 60_000, np.random.default_rng(0))
    for campaign_N, expected in zip(drawn, ([100, 101, 102], [1, 3, 5]), strict=True):
        found, times = np.unique(campaign_N, return_counts=True)
        assert found.tolist() == expected
        assert np.abs(times / len(campaign_N) - 1 / 3).max() < 0.01


def test_the_same_seed_draws_the_same_pool():
    groups = [(0, 1000, [3]), (500, 1000, [])]
    assert drawn(groups, 20, seed=5) == drawn(groups, 20, seed=5)
    assert drawn(groups, 20, seed=5) != drawn(groups, 20, seed=6)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 9)), max_size=6), st.integers(1, 30))
def test_epoch_negatives_stay_in_their_pool(pool, negatives):
    start = np.array([s for s, _ in pool], dtype=np.int64)
    count = np.array([c for _, c in pool], dtype=np.int64)
    rows = epoch_negatives(start, count, negatives, np.random.default_rng(0))
    assert rows.shape == (len(pool), negatives)
    assert ((rows >= start[:, None]) & (rows < (start + count)[:, None])).all()


def test_epoch_negatives_reach_every_row_of_a_pool_equally():
    rows = epoch_negatives(np.array([10]), np.array([4]), 40_000, np.random.default_rng(0))
    shares = np.bincount(rows[0] - 10) / rows.size
    assert np.abs(shares - 0.25).max() < 0.01

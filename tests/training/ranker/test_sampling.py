import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.ranker.sampling import epoch_negatives, pools

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

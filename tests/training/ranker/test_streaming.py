"""Rankings from arrays are those of the network over frames, pair by pair."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.ranker import planted
from training.ranker.candidates import top_k
from training.ranker.columns import Columns, Scales, encoded
from training.ranker.config import RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.encoding import Encoder
from training.ranker.features import Catalogue
from training.ranker.fitted import FittedRanker
from training.ranker.fitting import fit
from training.ranker.pair_blocks import KeyedBlock, Own
from training.ranker.streaming import State, first_of
from vitrine.errors import DegenerateModelError

CUSTOMERS, CAMPAIGNS, CLUSTERS = 60, 23, 3
SECTORS = np.arange(CAMPAIGNS) % 4 - 1
"""Key of each campaign; every fourth has no sector."""
CATALOGUE = Catalogue(
    planted.CATALOGUE.customer,
    planted.CATALOGUE.campaign,
    (
        *planted.CATALOGUE.pair,
        planted.feature("sector_views", "pair", "numeric"),
        replace(planted.feature("cluster_share", "cluster", "numeric"), fill=0.5),
    ),
)


def pair_rows(count: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(rng.poisson(0.4, (count, 3)), columns=CATALOGUE.pair_names, dtype="f4")


@pytest.fixture(scope="module")
def ranker() -> FittedRanker:
    examples = planted.examples(120, True, 1, pool=9).to_pandas()
    more = pair_rows(len(examples), np.random.default_rng(1))
    for name in ("sector_views", "cluster_share"):
        examples[name] = more[name]
    frame = ExampleFrame.of(planted.pa.Table.from_pandas(examples), CATALOGUE)
    config = replace(RankerConfig(), epochs=3, batch_groups=16, learning_rate=1e-2, trees=0)
    return fit(frame, CATALOGUE, config, seed=1).ranker


def side(rows: int, name: str, text: str, rng: np.random.Generator) -> pd.DataFrame:
    values = rng.normal(size=rows)
    values[0] = np.nan
    styles = rng.choice([*planted.STYLES, "never seen"], rows)
    return pd.DataFrame({name: values, text: styles})


class Shop:
    """Frames of all sides, and the state that holds the same as arrays."""

    def __init__(self, ranker: FittedRanker) -> None:
        rng = np.random.default_rng(5)
        self.ranker = ranker
        self.customers = side(CUSTOMERS, "taste", "favourite_style", rng)
        self.campaigns = side(CAMPAIGNS, "tone", "style", rng)
        self.market_L = rng.integers(0, 2, CUSTOMERS)
        self.offers = (np.arange(CAMPAIGNS), np.arange(0, CAMPAIGNS, 2))
        self.cluster_L = rng.integers(0, CLUSTERS, CUSTOMERS)
        self.cluster_KCF = rng.random((CLUSTERS, CAMPAIGNS, 1)).astype(np.float32)
        self.bought_LC = (rng.random((CUSTOMERS, CAMPAIGNS)) < 0.1) * rng.poisson(2.0, CAMPAIGNS)
        self.viewed_LQ = (rng.random((CUSTOMERS, 3)) < 0.4) * rng.poisson(3.0, 3)
        # Who has nothing at all of their own, first and last included.
        self.bought_LC[[0, 7, -1]] = self.viewed_LQ[[0, 7, -1]] = 0

    def state(self) -> State:
        return State(
            ranker=self.ranker,
            customers=Columns.of(self.customers, self.ranker.customer),
            campaigns=Columns.of(self.campaigns, self.ranker.campaign),
            market_L=self.market_L,
            offers=self.offers,
            cluster_L=self.cluster_L,
            cluster_names=("cluster_share",),
            cluster_KCF=self.cluster_KCF,
            blocks=(
                block("times_bought", self.bought_LC, np.arange(CAMPAIGNS)),
                block("sector_views", self.viewed_LQ, SECTORS),
            ),
        )

    def expected(self, customer: int, count: int) -> tuple[list[int], list[float]]:
        """Score a customer's offers by the network over frames, in the order of the ranks."""
        offered = self.offers[self.market_L[customer]]
        viewed = np.append(self.viewed_LQ[customer], 0)[SECTORS[offered]]
        pairs = pd.DataFrame(
            {
                "times_bought": self.bought_LC[customer, offered],
                "sector_views": viewed,
                "cluster_share": self.cluster_KCF[self.cluster_L[customer], offered, 0],
            }
        )
        vectors = self.ranker.customers(self.customers.iloc[[customer]])
        campaigns = self.ranker.campaigns(self.campaigns)
        same = np.zeros(len(offered), np.int64)
        score_R = self.ranker.scores(vectors, campaigns, same, offered, pairs)
        row_T, _ = top_k(same, offered, score_R, count)
        return offered[row_T].tolist(), score_R[row_T].tolist()


def block(name: str, value_LQ: np.ndarray, key_of_campaign: np.ndarray) -> KeyedBlock:
    customer_Y, key_Y = np.nonzero(value_LQ)
    shuffled = np.random.default_rng(0).permutation(len(key_Y))
    customer_Y, key_Y = customer_Y[shuffled], key_Y[shuffled]
    value_YF = value_LQ[customer_Y, key_Y][:, None].astype(np.float32)
    return KeyedBlock.of((name,), CUSTOMERS, customer_Y, key_Y, value_YF, key_of_campaign)


@pytest.fixture(scope="module")
def shop(ranker) -> Shop:
    return Shop(ranker)


@pytest.mark.parametrize("count", [1, 5, 99])
def test_one_customer_gets_the_list_of_the_network_over_frames(shop, count):
    state = shop.state()
    for customer in range(CUSTOMERS):
        found = state.one(customer, count)
        campaigns, scores = shop.expected(customer, count)
        assert found.campaign_BN[0, : len(campaigns)].tolist() == campaigns
        assert found.score_BN[0, : len(scores)] == pytest.approx(scores, abs=1e-5)
        assert (found.campaign_BN[0, len(campaigns) :] == -1).all()
        assert np.isneginf(found.score_BN[0, len(scores) :]).all()


@pytest.mark.parametrize(("threads", "values"), [(1, 1 << 20), (2, 500)])
def test_all_customers_get_their_own_list_each_once_in_their_order(shop, threads, values):
    state, seen = replace(shop.state(), head_values=values, customers_at_once=4), []
    for part in state.all(5, threads):
        seen += part.list_B.tolist()
        for row, customer in enumerate(part.list_B):
            campaigns, scores = shop.expected(int(customer), 5)
            assert part.campaign_BN[row].tolist() == campaigns
            assert part.score_BN[row] == pytest.approx(scores, abs=1e-5)
    assert seen == list(range(CUSTOMERS))


@dataclass(frozen=True)
class Noted:
    """A block that notes whom it was asked about."""

    block: KeyedBlock
    seen: list[int]

    @property
    def names(self) -> tuple[str, ...]:
        return self.block.names

    def own(self, customer_B: np.ndarray, campaign_C: np.ndarray) -> Own:
        self.seen.extend(customer_B.tolist())
        return self.block.own(customer_B, campaign_C)


def test_little_is_computed_ahead_of_whoever_uses_it(shop):
    state = replace(shop.state(), customers_at_once=4)
    noted = Noted(state.blocks[0], [])
    parts = replace(state, blocks=(noted, *state.blocks[1:])).all(5, threads=2)
    next(parts)
    assert len(noted.seen) <= 12 < CUSTOMERS
    assert len(list(parts)) == CUSTOMERS // 4 - 1
    assert sorted(noted.seen) == list(range(CUSTOMERS))


def test_newer_campaigns_are_taken_up(shop):
    newer = Shop(shop.ranker)
    newer.campaigns = side(CAMPAIGNS, "tone", "style", np.random.default_rng(99))
    columns = Columns.of(newer.campaigns, shop.ranker.campaign)
    state = shop.state()
    before = state.one(3, 9)
    after = state.with_campaigns(columns).one(3, 9)
    assert after.campaign_BN[0].tolist() == newer.expected(3, 9)[0]
    assert after.campaign_BN.tolist() != before.campaign_BN.tolist()


def test_columns_are_encoded_as_frames_are(shop):
    for rows, encoder in (
        (shop.customers, shop.ranker.customer),
        (shop.campaigns, shop.ranker.campaign),
    ):
        expected = encoder.encode(rows)
        columns = Columns.together(
            Columns.of(part, encoder) for part in (rows.iloc[:5], rows.iloc[5:])
        )
        found = encoded(columns, Scales.of(encoder.numeric))
        assert np.array_equal(found.numeric_BF, expected.numeric_BF)
        assert np.array_equal(found.codes_BK, expected.codes_BK)


def test_an_encoder_without_numbers_or_texts_gives_empty_columns():
    rows, encoder = pd.DataFrame(index=range(3)), Encoder((), ())
    side = encoded(Columns.of(rows, encoder), Scales.of(()))
    assert side.numeric_BF.shape == side.codes_BK.shape == (3, 0)


ROWS = st.lists(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=7, max_size=7), min_size=1, max_size=9
)


@given(ROWS, st.integers(1, 9))
def test_the_first_of_each_row_are_those_of_a_sort(rows, count):
    places, scores = first_of(np.array(rows, np.float32), count)
    for row, place_N, score_N in zip(rows, places.tolist(), scores.tolist(), strict=True):
        own = sorted((-value, place) for place, value in enumerate(row))[:count]
        missing = count - len(own)
        assert place_N == [place for _, place in own] + [-1] * missing
        assert score_N == [-value for value, _ in own] + [float("-inf")] * missing


def test_scores_that_are_not_finite_are_refused():
    for bad in (np.nan, np.inf):
        with pytest.raises(DegenerateModelError):
            first_of(np.array([[1.0, bad, 2.0]], np.float32), 2)


def test_nothing_on_offer_gives_empty_ranks():
    places, scores = first_of(np.zeros((2, 0), np.float32), 3)
    assert places.tolist() == [[-1] * 3] * 2
    assert np.isneginf(scores).all()

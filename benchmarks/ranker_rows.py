"""Feature rows of the ranker's real inputs with made-up values, of any number and seeded.

Shape legend: L customers, C campaigns, G groups, R pairs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp

from training.ranker import affinity
from training.ranker.columns import Columns
from training.ranker.dataset import ExampleFrame
from training.ranker.encoding import Encoder
from training.ranker.features import Catalogue
from training.ranker.fitted import FittedRanker
from training.ranker.item_models import FACTORS
from training.ranker.near_block import Alike, NearBlock
from training.ranker.pair_blocks import KeyedBlock
from training.ranker.sampling import pools
from training.ranker.streaming import State
from vitrine.feature_catalogue import Feature, ranker_models

VALUES = 40
"""Distinct values of a categorical feature: about as many as clusters, countries or sectors."""
START = np.datetime64("2026-03-01", "us")
LEVELS = {"pair_sector_": (12, 2.5), "pair_sub_sector_": (60, 3.0), "pair_brand_": (120, 3.0)}
"""Features by the start of their names: keys of 250 campaigns, and keys that a customer has."""
OWN_CAMPAIGNS = 3.0
"""Of the campaigns on offer, how many a customer has bought from or looked at."""
ARTICLES, BOUGHT, LATELY = 6_000, 20.0, 3.0
"""Articles that the models know; how many of them a customer bought, ever and lately."""


def frame(features: Sequence[Feature], rows: int, generator: np.random.Generator) -> pd.DataFrame:
    """Return one column a feature: counts and amounts with long tails, and few distinct texts."""
    return pd.DataFrame({f.name: _column(f, rows, generator) for f in features})


def examples(
    catalogue: Catalogue, groups: int, on_sale: int, pool_size: int, seed: int
) -> ExampleFrame:
    """Return examples whose groups bought one to a few of what was on sale in their week."""
    generator = np.random.default_rng(seed)
    weeks = max(groups // 2_000, 1)
    week_G = np.sort(generator.integers(0, weeks, groups))
    bought_group, bought_campaign = purchases(week_G, on_sale, generator)
    start_G, count_G = week_G * on_sale, np.full(groups, on_sale)
    pool_group, pool_campaign = pools(
        start_G, count_G, bought_group, bought_campaign, pool_size, generator
    )
    group_R = np.concatenate([bought_group, pool_group])
    campaign_R = np.concatenate([bought_campaign, pool_campaign])
    label_R = np.repeat(np.array([1, 0], np.int8), [len(bought_group), len(pool_group)])
    order = np.lexsort((campaign_R, -label_R, group_R))
    pairs = frame(catalogue.pair, len(order), generator)
    # Something that can be learnt, or the loop would refuse a loss that does not fall.
    pairs[catalogue.pair_names[0]] += 3.0 * label_R[order]
    return ExampleFrame(
        customers=frame(catalogue.customer, groups, generator),
        campaigns=frame(catalogue.campaign, weeks * on_sale, generator),
        pairs=pairs,
        customer_id_G=np.array([f"c{n}" for n in range(groups)], dtype=object),
        campaign_id_C=np.array([f"k{n}" for n in range(weeks * on_sale)], dtype=object),
        as_of_G=START + week_G * np.timedelta64(7, "D"),
        known_at_G=START + (week_G + 1) * np.timedelta64(7, "D"),
        group_R=group_R[order],
        campaign_R=campaign_R[order],
        label_R=label_R[order],
    )


def purchases(
    week_G: np.ndarray, on_sale: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct `group_P, campaign_P`, 2.5 a group on average, popular campaigns first."""
    count_G = np.minimum(generator.geometric(0.4, len(week_G)), on_sale // 2)
    group_P = np.repeat(np.arange(len(week_G)), count_G)
    offset_P = (generator.random(len(group_P)) ** 2 * on_sale).astype(np.int64)
    key_P = np.sort(group_P * on_sale + offset_P)
    key_P = key_P[np.r_[True, key_P[1:] != key_P[:-1]]]
    return key_P // on_sale, week_G[key_P // on_sale] * on_sale + key_P % on_sale


def state(ranker: FittedRanker, customers: int, campaigns: int, seed: int) -> State:
    """Return a shop in memory: one market, 40 clusters, customers with and without a history."""
    generator = np.random.default_rng(seed)
    cluster_names = tuple(f.name for model in ranker_models("cluster") for f in model.features)
    published = tuple(f.name for model in ranker_models("pair") for f in model.features)
    levels = {p: tuple(n for n in published if n.startswith(p)) for p in LEVELS}
    direct = tuple(n for n in published if not n.startswith(tuple(LEVELS)))
    own = tuple(f.name for f in affinity.OWN)
    every_C = np.arange(campaigns)
    blocks = [
        _block(names, customers, every_C, campaigns, OWN_CAMPAIGNS, generator)
        for names in (direct, own)
    ]
    near = _near(customers, campaigns, generator)
    for start, (keys, mean) in LEVELS.items():
        key_of_campaign = generator.integers(0, keys, campaigns)
        blocks.append(_block(levels[start], customers, key_of_campaign, keys, mean, generator))
    shape = (VALUES, campaigns, len(cluster_names))
    return State(
        ranker=ranker,
        customers=_columns(ranker.customer, customers, generator),
        campaigns=_columns(ranker.campaign, campaigns, generator),
        market_L=np.zeros(customers, np.int8),
        offers=(every_C,),
        cluster_L=generator.integers(0, VALUES, customers, dtype=np.int16),
        cluster_names=cluster_names,
        cluster_KCF=generator.random(shape, dtype=np.float32),
        blocks=tuple(blocks),
        near=(near,),
    )


def own_rows(state: State) -> int:
    """Return how many feature rows customers have of their own, those of all campaigns aside."""
    return sum(len(block.key_Y) for block in state.blocks)


def _near(customers: int, campaigns: int, generator: np.random.Generator) -> NearBlock:
    """Make up histories of `BOUGHT` articles, and models that know `ARTICLES` of them."""
    faded = _purchases(customers, BOUGHT, generator)
    bought = {
        "faded": faded,
        "binary": sp.csr_matrix(
            (np.ones_like(faded.data), faded.indices, faded.indptr), faded.shape
        ),
        "lately": _purchases(customers, LATELY, generator),
        "last_basket": _purchases(customers, LATELY, generator),
    }

    def matrix(*shape: int) -> np.ndarray:
        return generator.random(shape, dtype=np.float32)

    recent_V = generator.choice(customers, min(customers // 2, affinity.MOST_RECENT), replace=False)
    place_L = np.full(customers, -1)
    place_L[recent_V] = np.arange(len(recent_V))
    lately_VC = sp.random_array(
        (len(recent_V), campaigns), density=2 / campaigns, rng=generator, dtype=np.float32
    )
    return NearBlock(
        names=tuple(f.name for f in affinity.NEAR),
        bought=bought,
        products=[(name, matrix(ARTICLES, campaigns)) for name, _ in affinity.PRODUCTS],
        factor_LD=matrix(customers, FACTORS),
        factor_DC=matrix(FACTORS, campaigns),
        alike=Alike(
            faded, faded[recent_V].T.tocsr(), lately_VC.tocsr(), place_L, affinity.MOST_ALIKE
        ),
        likenesses=[matrix(ARTICLES, campaigns)],
        is_known_C=np.ones(campaigns, dtype=bool),
    )


def _purchases(customers: int, mean: float, generator: np.random.Generator) -> sp.csr_matrix:
    """Return fading purchases, popular articles first: float32 `[L, K]`."""
    end_L = np.cumsum(generator.geometric(1 / (1 + mean), customers) - 1)
    article_P = (generator.random(end_L[-1]) ** 2 * ARTICLES).astype(np.int32)
    weight_P = generator.random(end_L[-1], dtype=np.float32)
    rows = sp.csr_matrix(
        (weight_P, article_P, np.append(0, end_L)), (customers, ARTICLES), dtype=np.float32
    )
    rows.sum_duplicates()
    return rows


def _columns(encoder: Encoder, rows: int, generator: np.random.Generator) -> Columns:
    shape = (rows, len(encoder.numeric))
    number_BF = np.floor(generator.standard_exponential(shape, dtype=np.float32) * 3)
    codes = [generator.integers(0, len(c.values) + 1, rows) for c in encoder.categorical]
    return Columns(number_BF, np.stack(codes, axis=1).astype(np.int32))


def _block(
    names: tuple[str, ...],
    customers: int,
    key_of_campaign: np.ndarray,
    keys: int,
    mean: float,
    generator: np.random.Generator,
) -> KeyedBlock:
    count_L = generator.poisson(mean, customers)
    customer_Y = np.repeat(np.arange(customers), count_L)
    key_Y = (generator.random(len(customer_Y)) ** 2 * keys).astype(np.int64)
    pair_Y = np.sort(customer_Y * keys + key_Y)
    pair_Y = pair_Y[np.r_[True, pair_Y[1:] != pair_Y[:-1]]]
    shape = (len(pair_Y), len(names))
    value_YF = np.floor(generator.standard_exponential(shape, dtype=np.float32) * 3)
    return KeyedBlock.of(names, customers, pair_Y // keys, pair_Y % keys, value_YF, key_of_campaign)


def _column(
    feature: Feature, rows: int, generator: np.random.Generator
) -> "np.ndarray | pd.Categorical[str]":
    if feature.kind == "categorical":
        codes = (generator.random(rows) ** 2 * VALUES).astype(np.int8)
        values = pd.Index([f"value{n:02}" for n in range(VALUES)])
        return pd.Categorical.from_codes(codes, categories=values)
    drawn = generator.standard_exponential(rows, dtype=np.float32)
    return np.floor(drawn * 3) if feature.kind == "numeric" else (drawn > 1).astype(np.float32)

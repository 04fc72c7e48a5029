"""The state of an instant, read once from the published features: what `streaming` ranks from.

The pair features are read through the same function as everywhere else, but only for pairs that
may have something of their own: ledgers say which. A feature of a customer and a sector is the same
for all campaigns of the sector, so it is read for one of them.

Shape legend: L customers, C campaigns, Q keys of campaigns, Y pairs with something of their own,
K clusters, F features.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from training.ranker.candidates import Candidates
from training.ranker.columns import Columns
from training.ranker.features import CLUSTER, FeatureReader
from training.ranker.fitted import FittedRanker
from training.ranker.pair_blocks import KeyedBlock
from training.ranker.streaming import State
from vitrine.errors import BadInputError
from vitrine.feature_catalogue import ranker_models

CUSTOMERS_AT_ONCE = 200_000
"""Customers whose features are read at once: as text and doubles they take some 300 MB."""
LEVELS = ("sector", "sub_sector", "brand")


def prepared(reader: FeatureReader, ranker: FittedRanker, candidates: Candidates) -> State:
    """Read all that rankings of these lists need; all are of one instant.

    Raises
    ------
    BadInputError
        If the lists are of several instants, or the ranker needs a feature that is not published.
    """
    instants = candidates.campaigns["as_of"].unique()
    if len(instants) != 1:
        raise BadInputError(f"a state is of one instant, not of {len(instants)}")
    _refuse_other_features(ranker, reader)
    customers, cluster_texts = _customers(reader, ranker, candidates.lists)
    cluster_L, cluster_K = pd.factorize(cluster_texts, sort=True)
    campaign_rows = reader.campaign_rows(candidates.campaigns)
    cluster_names = tuple(f.name for model in ranker_models("cluster") for f in model.features)
    customer_ids = candidates.lists["customer_id"].to_numpy(object)
    own, near = reader.affinity_blocks(customer_ids, candidates.campaigns)
    # A model that was trained before there were affinities knows none of them, and one that was
    # trained before there were embeddings no content.
    known = set(ranker.pair.names)
    near = None if near is None else near.told(known)
    blocks = [*_published(reader, ranker, candidates, campaign_rows), own]
    offers = np.split(candidates.offer_O, candidates.end_M[:-1])
    return State(
        ranker=ranker,
        customers=customers,
        campaigns=Columns.of(campaign_rows, ranker.campaign),
        market_L=candidates.market_L,
        offers=tuple(offers),
        cluster_L=cluster_L,
        cluster_names=tuple(name for name in cluster_names if name in ranker.pair.names),
        cluster_KCF=_clusters(reader, ranker, np.asarray(cluster_K, object), candidates.campaigns),
        blocks=tuple(block for block in blocks if known.issuperset(block.names)),
        near=(
            tuple(near.of(offered_C) for offered_C in offers)
            if near is not None and known.issuperset(near.names)
            else ()
        ),
    )


def _refuse_other_features(ranker: FittedRanker, reader: FeatureReader) -> None:
    missing = [name for name in ranker.pair.names if name not in reader.catalogue.pair_names]
    if missing:
        raise BadInputError(
            f"the model needs the features {', '.join(missing)}, which the published tables"
            " lack; train it again with `vitrine train ranker`"
        )


def _customers(
    reader: FeatureReader, ranker: FittedRanker, lists: pd.DataFrame
) -> tuple[Columns, np.ndarray]:
    """Return the customers' features, and their clusters as text."""
    parts, clusters = [], []
    for first in range(0, len(lists), CUSTOMERS_AT_ONCE):
        rows = reader.customer_rows(lists.iloc[first : first + CUSTOMERS_AT_ONCE])
        parts.append(Columns.of(rows, ranker.customer))
        clusters.append(rows[CLUSTER].to_numpy(object))
    return Columns.together(parts), np.concatenate(clusters)


def _clusters(
    reader: FeatureReader, ranker: FittedRanker, cluster_K: np.ndarray, campaigns: pd.DataFrame
) -> np.ndarray:
    clusters, count = len(cluster_K), len(campaigns)
    rows = reader.cluster_rows(
        cluster_K,
        campaigns,
        np.repeat(np.arange(clusters), count),
        np.tile(np.arange(count), clusters),
    )
    used = [name for name in rows.columns if name in ranker.pair.names]
    values_KCF: np.ndarray = rows[used].to_numpy(np.float32).reshape(clusters, count, len(used))
    return values_KCF


def _published(
    reader: FeatureReader,
    ranker: FittedRanker,
    candidates: Candidates,
    campaign_rows: pd.DataFrame,
) -> Iterator[KeyedBlock]:
    """Read the pair features of the tables, a block a key."""
    (model,) = ranker_models("pair")
    names = [f.name for f in model.features if f.name in ranker.pair.names]
    of_level = {level: [n for n in names if n.startswith(f"pair_{level}_")] for level in LEVELS}
    direct = [n for n in names if not any(n in own for own in of_level.values())]
    key_C = candidates.campaigns["campaign_id"]
    yield _read_block(reader, candidates, "campaign", key_C, direct, "campaign_id")
    for level, own in of_level.items():
        yield _read_block(reader, candidates, level, campaign_rows[level], own, level)


def _read_block(
    reader: FeatureReader,
    candidates: Candidates,
    ledger: str,
    key_C: pd.Series,
    names: list[str],
    column: str,
) -> KeyedBlock:
    """Read some pair features once a customer and key, for one campaign of the key."""
    key_of_campaign, key_Q = pd.factorize(key_C.astype(object))
    first_Q = np.unique(key_of_campaign, return_index=True)[1]
    customers = pd.Index(candidates.lists["customer_id"])
    known = reader.connection.execute(
        f"select distinct customer_id, {column} as key"
        f" from daily.intermediate.int_customer_{ledger}_ledger where available_at <= $as_of",
        {"as_of": candidates.campaigns["as_of"].iloc[0].to_pydatetime()},
    ).df()
    customer_Y = customers.get_indexer(known["customer_id"])
    key_Y = pd.Index(key_Q).get_indexer(known["key"])
    is_asked_Y = (customer_Y >= 0) & (key_Y >= 0)
    customer_Y, key_Y = customer_Y[is_asked_Y], key_Y[is_asked_Y]
    rows = reader.published_pair_rows(
        customers.to_numpy(object), candidates.campaigns, customer_Y, first_Q[key_Y]
    )
    return KeyedBlock.of(
        tuple(names), len(customers), customer_Y, key_Y, rows[names].to_numpy(np.float32),
        key_of_campaign,
    )  # fmt: skip

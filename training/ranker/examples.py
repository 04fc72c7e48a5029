"""Training examples: purchases beside campaigns that were on sale at the same instant.

A group is one customer at one instant: the campaigns bought from then on (label 1) and a pool of
campaigns on sale then that were not among them (label 0). Every feature is read as of that instant;
the labels are known since the last of the group's purchases was received.
"""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from training.ranker.candidates import Candidates
from training.ranker.config import RankerConfig
from training.ranker.features import CLUSTER, FeatureReader
from training.ranker.sampling import pools
from vitrine.errors import BadInputError
from vitrine.interval import Interval
from vitrine.paths import Paths, stamp
from vitrine.publish import atomic_file

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
KEYS = ("example_id", "group_id", "customer_id", "campaign_id", "as_of", "known_at", "label")


def examples_file(paths: Paths, as_of: datetime) -> Path:
    """Return where the examples as of an instant lie."""
    return paths.examples / f"{stamp(as_of)}.parquet"


def write(
    reader: FeatureReader, config: RankerConfig, paths: Paths, as_of: datetime, seed: int
) -> int:
    """Build the examples as of an instant, publish them, and return how many there are."""
    rows = build(reader, config, as_of, seed)
    with atomic_file(examples_file(paths, as_of)) as file:
        pq.write_table(rows, file, compression="zstd")
    return rows.num_rows


def build(reader: FeatureReader, config: RankerConfig, as_of: datetime, seed: int) -> pa.Table:
    """Return examples of the purchases that were known at an instant.

    Raises
    ------
    BadInputError
        If there is no purchase that a model could learn from.
    """
    info = reader.build_info()
    known = Interval(info.data.start, as_of)
    since = Interval(info.exact_from, as_of) if info.exact_from < as_of else known
    is_permanent = reader.sells_permanently(as_of)
    purchases = at_instants(reader.purchases(since), as_of, is_permanent=is_permanent)
    purchases = purchases[purchases["as_of"] >= info.exact_from]
    groups = recent_groups(purchases, config.max_groups)
    if not len(groups):
        raise BadInputError(f"no purchase by a known customer was received in {known}")
    campaigns = reader.campaigns_on_sale(groups["as_of"].drop_duplicates().tolist())
    candidates = reader.candidates(groups, campaigns)
    bought = located(purchases, candidates)
    bought_group, bought_place = bought["group"].to_numpy(), bought["place"].to_numpy()
    groups = groups.assign(known_at=bought.groupby("group")["received_at"].max())
    pool_group, pool_place = pools(
        candidates.start_L,
        candidates.count_L,
        bought_group,
        bought_place,
        config.pool_size,
        np.random.default_rng(seed),
    )
    group_R, campaign_R, label_R = _together(
        bought_group, candidates.offer_O[bought_place], pool_group, candidates.offer_O[pool_place]
    )
    if not len(group_R):
        raise BadInputError(f"no purchase in {known} had anything else on sale beside it")
    return _with_features(reader, groups, campaigns, group_R, campaign_R, label_R)


def at_instants(purchases: pd.DataFrame, as_of: datetime, *, is_permanent: bool) -> pd.DataFrame:
    """Return purchases at the instant of their list, each once, with when it was first received.

    Columns customer_id, campaign_id, as_of, received_at. Flash sales come and go within the day:
    the instant is the hour of the purchase. A shop of permanent campaigns is asked for lists that
    last, so there one list stands for a week of purchases, its instant the week's first; the weeks
    end with `as_of`.
    """
    if is_permanent:
        week = (purchases["received_at"] - pd.Timestamp(as_of)) // pd.Timedelta(WEEK)
        instants = pd.Timestamp(as_of) + week * pd.Timedelta(WEEK)
    else:
        instants = purchases["occurred_at"].dt.floor(pd.Timedelta(HOUR))
    rows = purchases[["customer_id", "campaign_id", "received_at"]].assign(as_of=instants)
    rows["as_of"] = rows["as_of"].astype("datetime64[us, UTC]")
    key = ["customer_id", "campaign_id", "as_of"]
    rows["received_at"] = rows.groupby(key)["received_at"].transform("min")
    return rows.drop_duplicates(ignore_index=True)


def recent_groups(purchases: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Return the most recent groups customer_id, as_of, oldest first; ties by customer."""
    groups = purchases[["customer_id", "as_of"]].drop_duplicates()
    ordered = groups.sort_values(["as_of", "customer_id"], kind="stable")
    return ordered.tail(limit).reset_index(drop=True)


def located(purchases: pd.DataFrame, candidates: Candidates) -> pd.DataFrame:
    """Return group, place among the offers, and received_at of the purchases of what was on sale.

    What the customer could not buy at the instant as far as one knew, such as a product never sold
    before, is left out: the model could not have been asked about it.
    """
    groups = candidates.lists[["customer_id", "as_of"]].assign(group=candidates.lists.index)
    campaigns = candidates.campaigns.assign(campaign=np.arange(len(candidates.campaigns)))
    found = purchases.merge(groups, on=["customer_id", "as_of"]).merge(
        campaigns, on=["campaign_id", "as_of"]
    )
    place_P = candidates.places(found["group"].to_numpy(), found["campaign"].to_numpy())
    return found[["group", "received_at"]].assign(place=place_P)[place_P >= 0]


def _together(
    bought_group: np.ndarray,
    bought_campaign: np.ndarray,
    pool_group: np.ndarray,
    pool_campaign: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order purchases and pools by group, label (1 first), campaign; drop one-sided groups."""
    group = np.concatenate([bought_group, pool_group])
    campaign = np.concatenate([bought_campaign, pool_campaign])
    label = np.r_[np.ones(len(bought_group), np.int8), np.zeros(len(pool_group), np.int8)]
    both = np.intersect1d(bought_group, pool_group)
    order = np.lexsort((campaign, -label, group))
    order = order[np.isin(group[order], both)]
    return group[order], campaign[order], label[order]


def _with_features(
    reader: FeatureReader,
    groups: pd.DataFrame,
    campaigns: pd.DataFrame,
    group_R: np.ndarray,
    campaign_R: np.ndarray,
    label_R: np.ndarray,
) -> pa.Table:
    used_G, group_R = np.unique(group_R, return_inverse=True)
    used_C, campaign_R = np.unique(campaign_R, return_inverse=True)
    groups = groups.iloc[used_G].reset_index(drop=True)
    campaigns = campaigns.iloc[used_C].reset_index(drop=True)
    customer_rows, campaign_rows = reader.customer_rows(groups), reader.campaign_rows(campaigns)
    pair_rows = reader.pair_rows(groups["customer_id"].to_numpy(), campaigns, group_R, campaign_R)
    cluster_G, cluster_K = pd.factorize(customer_rows[CLUSTER], sort=True)
    cluster_key_R = cluster_G[group_R] * len(campaigns) + campaign_R
    key_X, cluster_row_R = np.unique(cluster_key_R, return_inverse=True)
    cluster_rows = reader.cluster_rows(
        cluster_K.to_numpy(), campaigns, key_X // len(campaigns), key_X % len(campaigns)
    )
    keys = pa.table(
        {
            "example_id": np.arange(len(group_R), dtype=np.int64),
            "group_id": group_R.astype(np.int64),
            "label": label_R,
        }
    )
    parts = (
        keys,
        _taken(groups, group_R),
        _taken(campaigns[["campaign_id"]], campaign_R),
        _taken(customer_rows, group_R),
        _taken(campaign_rows, campaign_R),
        _taken(pair_rows, None),
        _taken(cluster_rows, cluster_row_R),
    )
    columns = {name: part[name] for part in parts for name in part.column_names}
    return pa.table({**{key: columns.pop(key) for key in KEYS}, **columns})


def _taken(rows: pd.DataFrame, index: np.ndarray | None) -> pa.Table:
    """Repeat rows by position; numbers become float32, which is what the network computes in."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    narrow = [
        pa.field(f.name, pa.float32()) if pa.types.is_floating(f.type) else f for f in table.schema
    ]
    table = table.cast(pa.schema(narrow))
    return table if index is None else table.take(pa.array(index))

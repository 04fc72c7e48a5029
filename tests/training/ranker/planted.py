"""Examples with a known answer: customers buy what suits their taste, or anything at all."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from training.ranker.features import Catalogue
from vitrine.feature_catalogue import Feature

START = datetime(2026, 3, 1, tzinfo=UTC)
STYLES = ["modern", "classic", "rustic"]


def feature(name: str, block: str, kind: str) -> Feature:
    fill = 0.0 if kind == "numeric" else "unknown"
    return Feature(name, block, kind, fill, None, "day", (), name)


CATALOGUE = Catalogue(
    customer=(
        feature("taste", "customer", "numeric"),
        feature("favourite_style", "customer", "categorical"),
    ),
    campaign=(feature("tone", "campaign", "numeric"), feature("style", "campaign", "categorical")),
    pair=(feature("times_bought", "pair", "numeric"),),
)


def examples(groups: int, has_pattern: bool, seed: int, pool: int = 20) -> pa.Table:
    """Each group buys one of `pool` + 1 campaigns: the most suitable one, or any."""
    rng = np.random.default_rng(seed)
    size = pool + 1
    rows = pd.DataFrame({"group_id": np.repeat(np.arange(groups), size)})
    rows["customer_id"] = [f"c{g % 50}" for g in rows["group_id"]]
    # Campaigns of an instant are its own: nothing repeats that a model could learn by heart.
    rows["campaign_id"] = [f"k{n}" for n in range(groups * size)]
    instants = [START + timedelta(hours=int(g)) for g in range(groups)]
    rows["as_of"] = pd.Series(np.repeat(pd.to_datetime(instants), size)).dt.as_unit("us")
    rows["known_at"] = rows["as_of"] + timedelta(minutes=30)
    rows["taste"] = np.repeat(rng.normal(size=groups), size)
    rows["favourite_style"] = np.repeat(rng.choice(STYLES, groups), size)
    rows["tone"] = rng.normal(size=len(rows))
    rows["style"] = rng.choice(STYLES, len(rows))
    rows["times_bought"] = rng.poisson(0.2, len(rows)).astype(float)
    suits = (
        rows["taste"] * rows["tone"]
        + 2.0 * (rows["favourite_style"] == rows["style"])
        + rows["times_bought"]
    )
    wish = suits if has_pattern else pd.Series(rng.normal(size=len(rows)))
    rows["label"] = (wish.groupby(rows["group_id"]).rank(ascending=False) == 1).astype(np.int8)
    rows = rows.sort_values(["group_id", "label"], ascending=[True, False], kind="stable")
    rows["example_id"] = np.arange(len(rows))
    return pa.Table.from_pandas(rows, preserve_index=False)

"""Which model answers for an instant, and what it answers: scores and recommendations.

A model never knows anything later than the instant it is asked about.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from training.evaluation.baselines import Popularity, Repurchase
from training.ranker.features import FeatureReader
from training.ranker.fitted import FittedRanker
from training.ranker.inputs import InputSample
from training.ranker.ranking import RankerScorer, Scorer, ranked
from training.ranker.training import NAME
from training.registry import ModelVersion, Registry

MAX_AGE = timedelta(days=14)
BASELINE = "repurchase"


@dataclass(frozen=True)
class Model:
    """A scorer and what to call it; `version` is None for the baseline."""

    scorer: Scorer
    version: ModelVersion | None

    @property
    def name(self) -> str:
        """What a manifest calls it, such as `ranker`."""
        return BASELINE if self.version is None else self.version.name


def version_for(
    models: Registry, as_of: datetime, max_age: timedelta | None
) -> ModelVersion | None:
    """Return the champion if it knows nothing later than `as_of`, else the newest that does not.

    Only versions that passed the gate are asked, and with `max_age` only those whose data end no
    longer than that before `as_of`.
    """
    champion = models.champion(NAME)
    found = champion if champion and champion.data.end <= as_of else models.newest(NAME, as_of)
    if found is None or (max_age is not None and as_of - found.data.end > max_age):
        return None
    return found


def model_of(
    reader: FeatureReader,
    models: Registry,
    version: ModelVersion | None,
    kept: InputSample | None = None,
) -> Model:
    """Load a version, or take the baseline where there is none; it reads no features to keep."""
    if version is None:
        return Model(Repurchase(Popularity(reader.connection, days=14)), None)
    return Model(RankerScorer(reader, FittedRanker.load(models.folder(version)), kept), version)


def recommendations(
    scorer: Scorer,
    reader: FeatureReader,
    customers: list[str],
    campaigns: pd.DataFrame,
    as_of: datetime,
    k: int,
) -> pd.DataFrame:
    """Return each customer's first k of some campaigns (as_of, campaign_id), as of an instant.

    Of campaigns that sell in one country alone a customer gets those of the own. Columns
    customer_id, rank (from 1), campaign_id, score; customers in the given order.
    """
    lists = pd.DataFrame({"customer_id": customers, "as_of": pd.Timestamp(as_of)})
    lists["as_of"] = lists["as_of"].astype("datetime64[us, UTC]")
    found = ranked(scorer, reader.candidates(lists, campaigns), k)
    return found[["customer_id", "rank", "campaign_id", "score"]]


def with_best_products(rows: pd.DataFrame, reader: FeatureReader, as_of: datetime) -> pd.DataFrame:
    """Add to each campaign its best seller that is still on sale; a permanent one has just one."""
    joined = rows.merge(reader.best_products(as_of), on="campaign_id", how="left")
    return joined[["customer_id", "rank", "campaign_id", "product_id", "score"]]

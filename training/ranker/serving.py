"""Which model answers for an instant, and what it answers.

A model never knows anything later than the instant it is asked about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from training.evaluation.baselines import Popularity, Repurchase
from training.ranker.candidates import Candidates
from training.ranker.features import FeatureReader
from training.ranker.fitted import FittedRanker
from training.ranker.preparation import prepared
from training.ranker.ranking import RankerScorer, Scorer, ranked
from training.ranker.rankings import Rankings
from training.ranker.training import NAME
from training.registry import ModelVersion, Registry

MAX_AGE = timedelta(days=14)
BASELINE = "repurchase"


@dataclass(frozen=True)
class Model:
    """A scorer and what to call it; `version` and `ranker` are None for the baseline."""

    scorer: Scorer
    version: ModelVersion | None = None
    ranker: FittedRanker | None = None

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


def model_of(reader: FeatureReader, models: Registry, version: ModelVersion | None) -> Model:
    """Load a version, or take the baseline where there is none."""
    if version is None:
        return Model(Repurchase(Popularity(reader.connection, days=14)))
    ranker = FittedRanker.load(models.folder(version))
    return Model(RankerScorer(reader, ranker), version, ranker)


def candidates(
    reader: FeatureReader, customers: list[str], campaigns: pd.DataFrame, as_of: datetime
) -> Candidates:
    """Return a list for each customer at an instant, in the given order.

    Of campaigns (as_of, campaign_id) that sell in one country alone a customer gets those of the
    own.
    """
    lists = pd.DataFrame({"customer_id": customers, "as_of": pd.Timestamp(as_of)})
    lists["as_of"] = lists["as_of"].astype("datetime64[us, UTC]")
    return reader.candidates(lists, campaigns)


def rankings(
    model: Model, reader: FeatureReader, asked: Candidates, k: int, threads: int = 1
) -> Iterator[Rankings]:
    """Yield each list's first k campaigns, in parts of lists in their order.

    A network ranks from arrays: a million customers within minutes. Trees and the baseline know
    frames alone, and are given those of a million pairs at a time.
    """
    k = min(k, int(asked.count_L.max(initial=0)))
    if not k:
        return iter(())
    if model.ranker is not None and model.ranker.is_streamable:
        return prepared(reader, model.ranker, asked).all(k, threads)
    return ranked(model.scorer, asked, k)

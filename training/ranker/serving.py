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
from vitrine.champions import HELD, Ledger

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
    for found in (models.champion(NAME), models.newest(NAME, as_of)):
        if found is None or found.data.end > as_of:
            continue
        if max_age is None or as_of - found.data.end <= max_age:
            return found
    return None


def held_champion(models: Registry, ledger: Ledger, as_of: datetime) -> ModelVersion | None:
    """Return the champion, however old, if a rollback holds refreshes; else None.

    What would be trained in its place has the causes of what was rolled back from.
    """
    champion = models.champion(NAME)
    if champion is None or champion.data.end > as_of or ledger.holding(NAME) is None:
        return None
    return champion


def why_not(ledger: Ledger, version: ModelVersion) -> str:
    """Say why a version may not answer, as in `a rollback held refreshes`."""
    if version.version in ledger.rolled_back(NAME):
        return "it was rolled back from"
    verdicts = {entry.version: entry.verdict for entry in ledger.entries(NAME)}
    is_held = verdicts.get(version.version) == HELD
    return "a rollback held refreshes" if is_held else "it did not pass the gate"


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

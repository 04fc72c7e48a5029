"""What to ask: rows of spines of three kinds, drawn with a seed.

`training` are rows of the newest examples, with the very values that a model learnt from;
`scoring` are rows of the newest scores; `history` are any entities at any instants, and at those
where a fault would show: around the instant at which a fact becomes readable or leaves a look-back,
midnights, and days on which clocks change.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq

from vitrine.errors import NotPublishedError
from vitrine.feature_catalogue import FeatureModel
from vitrine.interval import DAY, Interval, floor, parse_instant
from vitrine.paths import Paths
from vitrine.proof.history import MICROSECOND, SALE, VIEWS, Fact, History
from vitrine.publish import current_version

TRAINING, SCORING, HISTORY = "training", "scoring", "history"
NOBODY = "nobody"
HOUR = timedelta(hours=1)
LOOK_BACKS = (HOUR, DAY, 7 * DAY, 28 * DAY, 30 * DAY)


@dataclass(frozen=True)
class Question:
    """One row of a spine.

    `keys` are the entity's ids in the order of the model's spine. `values` are what the examples
    say; empty where the published function has to be asked. `fact` becomes readable right after the
    instant, where the question was drawn for that.
    """

    model: FeatureModel = field(repr=False)
    kind: str
    keys: tuple[str, ...]
    as_of: datetime
    values: Mapping[str, float | str] = field(default_factory=dict, compare=False)
    fact: Fact | None = field(default=None, compare=False)


def training(
    paths: Paths, models: tuple[FeatureModel, ...], size: int, seed: int
) -> list[Question]:
    """Draw rows of the newest examples; none where there are no examples."""
    files = sorted(paths.examples.glob("[0-9]*.parquet"))
    if not files:
        return []
    rows = pq.ParquetFile(files[-1]).read()
    chosen = _chosen(rows.num_rows, size, seed)
    found: dict[tuple, Question] = {}
    for row in rows.take(chosen).to_pylist():
        for model in models:
            names = [f.name for f in model.features if f.name in row]
            if not names or not set(model.spine) <= set(row):
                continue
            keys = tuple(row[key] for key in model.spine if key != "as_of")
            values = {name: row[name] for name in names}
            question = Question(model, TRAINING, keys, row["as_of"], values)
            found.setdefault((model.name, keys, row["as_of"]), question)
    return list(found.values())


def scoring(
    paths: Paths, models: tuple[FeatureModel, ...], history: History, size: int, seed: int
) -> list[Question]:
    """Draw customers and campaigns of the newest scores; none where nothing was scored."""
    try:
        folder = current_version(paths.scores)
    except NotPublishedError:
        return []
    as_of = parse_instant(json.loads((folder / "manifest.json").read_text())["as_of"])
    rows = pq.ParquetFile(folder / "campaign_scores.parquet").read(["customer_id", "campaign_id"])
    chosen = _chosen(rows.num_rows, size, seed)
    found = {}
    for row in rows.take(chosen).to_pylist():
        for model in models:
            keys = _keys(history, model, row["customer_id"], row["campaign_id"], as_of)
            found[model.name, keys] = Question(model, SCORING, keys, as_of)
    return list(found.values())


def _chosen(row_count: int, size: int, seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return sorted(rng.choice(row_count, min(size, row_count), replace=False).tolist())


def anywhere(
    models: tuple[FeatureModel, ...],
    history: History,
    covered: Mapping[str, Interval],
    size: int,
    seed: int,
) -> list[Question]:
    """Draw entities and instants of all history that the warehouses cover."""
    return [
        question
        for model in models
        for question in _of_model(model, history, covered[model.database], size, seed)
    ]


def _of_model(
    model: FeatureModel,
    history: History,
    covered: Interval,
    size: int,
    seed: int,
) -> Iterator[Question]:
    rng = np.random.default_rng(seed)
    changes = clock_changes(history, covered)
    bought = history.sample(size, seed, SALE, covered)
    seen = history.sample(size, seed, (*VIEWS, "add_to_cart"), covered)
    facts = [f for both in zip_longest(bought, seen) for f in both if f is not None]
    for number, fact in enumerate(facts[:size]):
        readable_at = fact.day_at if model.database == "daily" else fact.window_at
        moments = _moments(fact, readable_at, covered, changes, rng)
        which = number % len(moments)
        as_of = moments[which]
        if not covered.start < as_of <= covered.end:
            continue
        keys = _keys(history, model, fact.customer_id or NOBODY, fact.campaign_id or NOBODY, as_of)
        yield Question(model, HISTORY, keys, as_of, fact=fact if which == 0 else None)
    keys = tuple(NOBODY for key in model.spine if key != "as_of")
    yield Question(model, HISTORY, keys, covered.end)


def _moments(
    fact: Fact,
    readable_at: datetime,
    covered: Interval,
    changes: list[datetime],
    rng: np.random.Generator,
) -> list[datetime]:
    """List instants at which a fault about a fact would show; the first is right before it."""
    seconds = int((covered.end - covered.start).total_seconds())
    anytime = covered.start + timedelta(seconds=int(rng.integers(1, seconds)))
    look_back = LOOK_BACKS[rng.integers(len(LOOK_BACKS))]
    return [
        readable_at - MICROSECOND,
        readable_at,
        readable_at + look_back,
        readable_at + look_back - MICROSECOND,
        anytime,
        floor(anytime, DAY),
        fact.received_at,
        changes[rng.integers(len(changes))] if changes else anytime,
    ]


def clock_changes(history: History, covered: Interval) -> list[datetime]:
    """List instants around each change of the clocks in the shop's zones."""
    zones = {
        row["timezone"]
        for table in ("customers", "campaigns")
        for key in history.keys(table)
        for row in history.versions(table, key, covered.end)
    }
    found: set[datetime] = set()
    for zone in sorted(zones):
        local = ZoneInfo(zone)
        for day in covered.split(DAY):
            hours = [i.start for i in day.split(HOUR)] + [day.end]
            offsets = [hour.astimezone(local).utcoffset() for hour in hours]
            for n in range(1, len(hours)):
                if offsets[n] != offsets[n - 1]:
                    found |= {hours[n] - MICROSECOND, hours[n], hours[n] + HOUR}
    return sorted(found)


def _keys(
    history: History, model: FeatureModel, customer_id: str, campaign_id: str, as_of: datetime
) -> tuple[str, ...]:
    """Complete a customer and a campaign to the keys that a model asks for."""
    offered = history.where("campaign_products", "campaign_id", campaign_id)
    known = {
        "customer_id": customer_id,
        "campaign_id": campaign_id,
        "demographic_cluster": history.value(
            "customers", customer_id, "demographic_cluster", as_of
        ),
        "sector": history.value("campaigns", campaign_id, "sector", as_of),
        "product_id": offered[0][1] if offered else NOBODY,
    }
    return tuple(known[key] for key in model.spine if key != "as_of")

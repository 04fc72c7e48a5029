"""What to ask: rows of spines of three kinds, drawn with a seed.

`training` are rows of the newest examples, with the very values that a model learnt from;
`scoring` are those that the newest scores were computed from; `history` are any entities at any
instants, and at those where a fault would show: around the instant at which a fact becomes readable
or leaves a look-back, midnights, and days on which clocks change.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
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
    or the kept inputs say; empty where the published function has to be asked. `fact` becomes
    readable right after the instant, where the question was drawn for that.
    """

    model: FeatureModel = field(repr=False)
    kind: str
    keys: tuple[str, ...]
    as_of: datetime
    values: Mapping[str, float | str] = field(default_factory=dict, compare=False)
    fact: Fact | None = field(default=None, compare=False)


def ask_rows(connection: duckdb.DuckDBPyConnection, questions: list[Question]) -> None:
    """Put the questions of one function into the table `asked_rows`: its spine, and `row_index`."""
    keys = [key for key in questions[0].model.spine if key != "as_of"]
    spine = {key: [q.keys[n] for q in questions] for n, key in enumerate(keys)}
    spine["as_of"] = pa.array([q.as_of for q in questions], pa.timestamp("us", tz="UTC"))
    connection.register("given", pa.table(spine | {"row_index": range(len(questions))}))
    connection.execute("create or replace temp table asked_rows as from given")


def training(
    paths: Paths, models: tuple[FeatureModel, ...], size: int, seed: int
) -> list[Question]:
    """Draw rows of the newest examples.

    Raises
    ------
    NotPublishedError
        If there are none.
    """
    files = sorted(paths.examples.glob("[0-9]*.parquet"))
    if not files:
        raise NotPublishedError("no examples in this home; `vitrine train examples` writes them")
    rows = pq.ParquetFile(files[-1]).read()
    found = _of_rows(TRAINING, rows, models, size, seed)
    if not found:
        raise NotPublishedError(f"the newest examples, {files[-1].name}, hold no row")
    return found


def scoring(paths: Paths, models: tuple[FeatureModel, ...], size: int, seed: int) -> list[Question]:
    """Draw rows of the inputs that the newest scores were computed from.

    The instant is the one that the scores are published for, whatever the rows say.

    Raises
    ------
    NotPublishedError
        If nothing was scored, or no inputs were kept beside the scores.
    """
    try:
        folder = current_version(paths.scores)
    except NotPublishedError as error:
        raise NotPublishedError("no scores in this home; `vitrine score` writes them") from error
    file = folder / "scored_inputs.parquet"
    manifest = json.loads((folder / "manifest.json").read_text())
    if not file.exists():
        raise NotPublishedError(
            f"the scores {folder.name} by {manifest['model']} keep no inputs: a baseline has none,"
            " and scores of an older Vitrine lie without; `vitrine score` keeps a ranker's"
        )
    rows = pq.ParquetFile(file).read()
    as_of = pa.array([parse_instant(manifest["as_of"])] * len(rows), pa.timestamp("us", tz="UTC"))
    rows = rows.set_column(rows.column_names.index("as_of"), "as_of", as_of)
    return _of_rows(SCORING, rows, models, size, seed)


def _of_rows(
    kind: str, rows: pa.Table, models: tuple[FeatureModel, ...], size: int, seed: int
) -> list[Question]:
    """Draw rows that hold keys, instant and features, and ask for each model's part of them."""
    found: dict[tuple, Question] = {}
    for row in rows.take(_chosen(rows.num_rows, size, seed)).to_pylist():
        for model in models:
            names = [f.name for f in model.features if f.name in row]
            if not names or not set(model.spine) <= set(row):
                continue
            keys = tuple(row[key] for key in model.spine if key != "as_of")
            values = {name: row[name] for name in names}
            question = Question(model, kind, keys, row["as_of"], values)
            found.setdefault((model.name, keys, row["as_of"]), question)
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
        keys = _keys(history, model, fact, as_of)
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


def _keys(history: History, model: FeatureModel, fact: Fact, as_of: datetime) -> tuple[str, ...]:
    """Name what a fact is about by the keys that a model asks for.

    The view of a campaign names no product: then one that the campaign offers is asked about.
    """
    customer_id, campaign_id = fact.customer_id or NOBODY, fact.campaign_id or NOBODY
    offered = history.where("campaign_products", "campaign_id", campaign_id)
    known = {
        "customer_id": customer_id,
        "campaign_id": campaign_id,
        "demographic_cluster": history.value(
            "customers", customer_id, "demographic_cluster", as_of
        ),
        "sector": history.value("campaigns", campaign_id, "sector", as_of),
        "product_id": fact.product_id or (offered[0][1] if offered else NOBODY),
    }
    return tuple(known[key] for key in model.spine if key != "as_of")

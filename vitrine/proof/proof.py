"""The proof itself: draw, recompute, compare, plant, and compare again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from vitrine import runlog, warehouse
from vitrine.errors import NotPublishedError, VitrineError
from vitrine.feature_catalogue import FeatureModel, feature_models
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.paths import Paths
from vitrine.proof import assortment, comparison, plants, questions, references
from vitrine.proof.assortment import ON_SALE
from vitrine.proof.comparison import Difference, Values, Verdict
from vitrine.proof.history import History, Rule
from vitrine.proof.plants import Plant
from vitrine.proof.questions import HISTORY, NOBODY, SCORING, TRAINING, Question

Say = Callable[[str], None]


@dataclass(frozen=True)
class Planted:
    """A planted fault, and where the comparison saw it."""

    plant: Plant
    seen: tuple[Difference, ...]


@dataclass(frozen=True)
class Outcome:
    """What was proven, what was planted, and the history that both were compared with.

    `absent` says of each kind of rows that there was none of, why.
    """

    verdicts: tuple[Verdict, ...]
    absent: dict[str, str]
    planted: tuple[Planted, ...]
    history: History

    @property
    def differences(self) -> list[Difference]:
        """Everything that the published tables or the examples say otherwise."""
        return [d for verdict in self.verdicts for d in verdict.differences]

    @property
    def missed(self) -> list[Plant]:
        """The planted faults that were not seen."""
        return [p.plant for p in self.planted if not p.seen]


@contextmanager
def proven(installation: Installation, sample: int, say: Say) -> Iterator[Outcome]:
    """Compare a sample with the raw rows, plant faults into a copy, and compare again.

    The outcome can be asked about raw rows until the context ends.

    Raises
    ------
    VitrineError
        If a feature has no reference, there is no row to compare, or nothing could be planted.
    """
    paths, seed = installation.paths, installation.settings.seed
    models = feature_models()
    with (
        _work_folder(paths) as folder,
        closing(warehouse.connect(paths)) as connection,
        _history(connection, paths, folder) as (history, covered),
        runlog.record(paths, "prove-time", covered["daily"]) as run,
    ):
        for model in models:
            references.expected(
                history, model, *[NOBODY] * (len(model.spine) - 1), covered["daily"].end
            )
        asked, absent = _drawn(paths, models, history, covered, sample, seed)
        say(f"{len(asked)} rows drawn with seed {seed}; recomputing them from raw rows")
        expected = _recomputed(history, asked, say)
        verdicts = comparison.compare(connection, asked, expected)
        say("planting faults into a private copy")
        planted = _planted(paths, folder, asked, expected)
        run.note(rows=len(asked), differences=sum(len(v.differences) for v in verdicts))
        yield Outcome(tuple(verdicts), absent, tuple(planted), history)


@contextmanager
def _work_folder(paths: Paths) -> Iterator[Path]:
    paths.staging.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="proof-", dir=paths.staging) as folder:
        yield Path(folder)


@contextmanager
def _history(
    connection: duckdb.DuckDBPyConnection, paths: Paths, folder: Path
) -> Iterator[tuple[History, dict[str, Interval]]]:
    """Read the raw rows that the published builds knew; also say which instants they answer for."""
    ((day_minutes, window_minutes, permanent_days, provided),) = connection.execute(
        "select day_features_delay_minutes, intraday_delay_minutes, permanent_campaign_days,"
        " provided_tables from daily.features.build_info"
    ).fetchall()
    rule = Rule(timedelta(minutes=day_minutes), timedelta(minutes=window_minutes))
    ends = {name: _instant(connection, name, "data_end_at") for name in warehouse.DATABASES}
    windows_from = _instant(connection, "intraday", "history_start_at")
    exact_from = _instant(connection, "intraday", "exact_from_at")
    file = folder / "raw.duckdb"
    shop = (rule, ends, windows_from, permanent_days, provided)
    with closing(History(paths, *shop, file)) as history:
        start = history.span.start
        yield (
            history,
            {
                "daily": Interval(start, ends["daily"] + rule.day_delay),
                "intraday": Interval(max(start, exact_from), ends["intraday"] + rule.window_delay),
            },
        )


def _instant(connection: duckdb.DuckDBPyConnection, database: str, column: str) -> datetime:
    ((instant,),) = connection.execute(
        f"select {column} from {database}.features.build_info"
    ).fetchall()
    found: datetime = instant
    return found


def _drawn(
    paths: Paths,
    models: tuple[FeatureModel, ...],
    history: History,
    covered: Mapping[str, Interval],
    sample: int,
    seed: int,
) -> tuple[list[Question], dict[str, str]]:
    """Return what to ask, and of each kind that there is nothing of, why."""
    asked: list[Question] = []
    absent: dict[str, str] = {}
    for kind, draw in ((TRAINING, questions.training), (SCORING, questions.scoring)):
        try:
            asked += draw(paths, models, sample, seed)
        except NotPublishedError as error:
            absent[kind] = str(error)
    asked += questions.anywhere(models, history, covered, sample, seed)
    if all(set(question.keys) <= {NOBODY} for question in asked):
        raise NotPublishedError("nothing to prove: no row of training, scoring or history")
    asked += assortment.drawn(history, covered["daily"], sample, seed)
    return asked, absent


def _recomputed(history: History, asked: list[Question], say: Say) -> dict[Question, Values]:
    """Compute what each question's features should say, and tell how far it got."""
    found: dict[Question, Values] = {}
    # In the order of time, so that rows which many questions need are read once.
    in_order = sorted(asked, key=lambda q: (q.model.name, q.as_of))
    for number, question in enumerate(in_order, start=1):
        found[question] = references.expected(
            history, question.model, *question.keys, question.as_of
        )
        if number % 100 == 0 or number == len(in_order):
            say(f"  {number} of {len(in_order)} rows recomputed")
    return found


def _planted(
    paths: Paths, folder: Path, asked: list[Question], expected: Mapping[Question, Values]
) -> list[Planted]:
    """Plant each fault into a fresh copy, and compare the rows that were drawn in history."""
    drawn = [q for q in asked if q.kind == HISTORY]
    faults = [(m, f) for m in plants.LEDGERS for f in (plants.late_row, plants.peeking_column)]
    planted = []
    for model, plant_one in [*faults, (ON_SALE.name, plants.early_offer)]:
        mine = [q for q in drawn if q.model.name == model]
        with plants.private_copy(paths, folder) as copy:
            plant = plant_one(copy, model, mine)
            if plant is None:
                raise VitrineError(f"no fault could be planted for {model}; give a larger --sample")
            (verdict,) = comparison.compare(copy, mine, expected)
            planted.append(Planted(plant, tuple(filter(plant.shows_in, verdict.differences))))
    return planted

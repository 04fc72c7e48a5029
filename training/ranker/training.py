"""One training run: fit before the hold-out, judge, refit on everything, register, promote.

Two networks come out of a run as of T. The *held-out* one knows only what came before the hold-out
week [T - 7 d, T); the metrics are its. The *refitted* one, with the same settings, knows all until
T and serves. A version holds both: when it is champion and a later challenger comes, its held-out
network ranks the challenger's week, which it has never seen.
"""

import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from training import registry
from training.evaluation import canaries
from training.evaluation.backtest import Week, weeks_before
from training.evaluation.baselines import Popularity, Repurchase
from training.evaluation.gate import Decision, judge
from training.evaluation.leaderboard import GATE_METRIC, averages
from training.promotion import Promotion
from training.ranker.config import RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.examples import examples_file
from training.ranker.features import FeatureReader
from training.ranker.fitted import FittedRanker, predictor
from training.ranker.fitting import Fit, fit
from training.ranker.ranking import RankerScorer, Scorer
from vitrine.errors import BadInputError, NotPublishedError
from vitrine.interval import Interval, format_instant
from vitrine.paths import Paths, stamp

NAME = "ranker"
HELD_OUT = "held_out"
MARGIN = 0.05
"""Two seeds differ by up to 3 % (LOG.md); a refusal for that would keep stale champions by luck."""
MAX_LISTS = 4_000
"""Lists of a hold-out at most, so that a large shop is judged in minutes."""
Leaderboard = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: the registered version, how it compared, and what became of it."""

    version: registry.ModelVersion
    leaderboard: Leaderboard
    reason: str
    is_champion: bool


@dataclass(frozen=True)
class TrainingRun:
    """Everything that one run works with."""

    reader: FeatureReader
    models: registry.Registry
    paths: Paths
    config: RankerConfig
    seed: int
    device: str
    is_candidate: bool = True
    """False for a model that only answers a question about the past: no alias moves for it."""

    def run(self, as_of: datetime) -> Outcome:
        """Train on the published examples as of an instant, and register what came out.

        Raises
        ------
        NotPublishedError
            If the examples of that instant were not written yet.
        BadInputError
            If there is no purchase before or none within the hold-out.
        DegenerateModelError
            If a network learnt nothing, a feature leaks, or shuffled labels can be foretold.
        """
        frame = self._examples(as_of)
        measured = canaries.ask(frame, self.seed)
        (week,) = weeks_before(as_of, 1)
        kept = self.paths.staging / "checkpoints" / f"{NAME}-{stamp(as_of)}"
        held_out = self._fit(frame.before(week.start), kept, later=frame.since(week.start))
        refitted = self._fit(frame, kept)
        folder = self._save(refitted.ranker, held_out.ranker, as_of)
        leaderboard = self._leaderboard(folder, week)
        version = self._register(folder, frame, held_out, flattened(leaderboard) | measured, as_of)
        outcome = self._decided(version, leaderboard)
        shutil.rmtree(folder)
        shutil.rmtree(kept)
        return outcome

    def _decided(self, version: registry.ModelVersion, leaderboard: Leaderboard) -> Outcome:
        decision = decide(leaderboard)
        if not self.is_candidate:
            self.models.note(version.name, version.version, decision)
            return Outcome(version, leaderboard, decision.reason, is_champion=False)
        entry = Promotion.of(self.models, self.paths).promote(version, decision)
        return Outcome(version, leaderboard, entry.reason, entry.is_promoted)

    def _examples(self, as_of: datetime) -> ExampleFrame:
        file = examples_file(self.paths, as_of)
        if not file.exists():
            instant = format_instant(as_of)
            raise NotPublishedError(
                f"there are no training examples as of {instant};"
                f" write them with `vitrine train examples --as-of {instant}`"
            )
        return ExampleFrame.read(file, self.reader.catalogue)

    def _fit(
        self, frame: ExampleFrame, checkpoints: Path, later: ExampleFrame | None = None
    ) -> Fit:
        return fit(
            frame,
            self.reader.catalogue,
            self.config,
            seed=self.seed,
            device=self.device,
            later=later,
            checkpoints=checkpoints,
        )

    def _save(self, refitted: FittedRanker, held_out: FittedRanker, as_of: datetime) -> Path:
        folder = self.paths.staging / "models" / f"{NAME}-{stamp(as_of)}"
        shutil.rmtree(folder, ignore_errors=True)
        refitted.save(folder)
        held_out.save(folder / HELD_OUT)
        return folder

    def _leaderboard(self, folder: Path, interval: Interval) -> Leaderboard:
        week = Week.of(self.reader, interval, MAX_LISTS)
        connection = self.reader.connection
        two_weeks = Popularity(connection, days=14)
        scorers: dict[str, Scorer] = {
            NAME: RankerScorer(self.reader, FittedRanker.load(folder / HELD_OUT)),
            "popularity_7d": Popularity(connection, days=7),
            "popularity_14d": two_weeks,
            "repurchase": Repurchase(two_weeks),
        }
        champion = self._champion_before(interval.end)
        if champion is not None:
            scorers["champion"] = RankerScorer(self.reader, champion)
        return {name: averages(week.judge(scorer).ranks) for name, scorer in scorers.items()}

    def _champion_before(self, as_of: datetime) -> FittedRanker | None:
        """Return the champion's held-out network, which has not seen this run's hold-out.

        None where there is no champion, where it knows later data than this run, and where it needs
        features that are no longer published (then it cannot serve either).
        """
        champion = self.models.champion(NAME)
        if champion is None or champion.data.end > as_of:
            return None
        ranker = FittedRanker.load(self.models.folder(champion) / HELD_OUT)
        needed = {*ranker.customer.names, *ranker.campaign.names, *ranker.pair.names}
        return ranker if needed <= set(self.reader.catalogue.names) else None

    def _register(
        self,
        folder: Path,
        frame: ExampleFrame,
        held_out: Fit,
        metrics: dict[str, float],
        as_of: datetime,
    ) -> registry.ModelVersion:
        rows = frame.rows(5)
        return self.models.register(
            NAME,
            registry.Trained(
                folder=folder,
                entry=Path(__file__).with_name("served.py"),
                params={**asdict(self.config), "seed": self.seed, "device": self.device},
                metrics=metrics,
                curves=held_out.curves,
                data=Interval(pd.Timestamp(frame.as_of_G.min(), tz="UTC").to_pydatetime(), as_of),
                example_inputs=rows,
                example_outputs=predictor(folder)(rows),
            ),
            is_candidate=self.is_candidate,
        )


def decide(leaderboard: Leaderboard) -> Decision:
    """Compare with the better popularity, and with the champion on the same lists."""
    popular = max(
        metrics[GATE_METRIC] for name, metrics in leaderboard.items() if name.startswith("popul")
    )
    champion = leaderboard.get("champion", {}).get(GATE_METRIC)
    return judge(GATE_METRIC, leaderboard[NAME][GATE_METRIC], popular, champion, margin=MARGIN)


def flattened(leaderboard: Leaderboard) -> dict[str, float]:
    """Name the ranker's metrics plainly and the others' with their own prefix."""
    return {
        metric if name == NAME else f"{name}_{metric}": value
        for name, metrics in leaderboard.items()
        for metric, value in metrics.items()
    }


def refuse_short_history(reader: FeatureReader, as_of: datetime) -> None:
    """Raise BadInputError where there is no data before the hold-out, so nothing to train on."""
    start = reader.build_info().exact_from
    (week,) = weeks_before(as_of, 1)
    if start >= week.start:
        raise BadInputError(
            f"the data begin at {format_instant(start)}, too late to train before {week}"
        )

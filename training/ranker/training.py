"""One training run: fit before the hold-out, judge, refit on everything, register, promote.

Two rankers come out of a run as of T. The *held-out* one knows only what came before the hold-out
week [T - 7 d, T); the metrics are its. The *refitted* one, with the same settings, knows all until
T and serves. A version holds both: when it is champion and a later challenger comes, its held-out
ranker ranks the challenger's week, which it has never seen.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from training import registry
from training.evaluation import canaries
from training.evaluation.backtest import Week, weeks_before
from training.evaluation.baselines import Popularity, Repurchase
from training.evaluation.challenge import Comparison, compare
from training.evaluation.gate import Decision, judge, judge_challenge, judge_latency
from training.evaluation.latency import CAMPAIGNS, p99_ms
from training.evaluation.leaderboard import GATE_METRIC, averages
from training.promotion import Promotion
from training.ranker import examples
from training.ranker.config import RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.examples import examples_file
from training.ranker.features import FeatureReader
from training.ranker.fitted import FittedRanker, predictor
from training.ranker.fitting import Fit, fit
from training.ranker.ranking import RankerScorer, Scorer
from vitrine.champions import CHALLENGE
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
    example_count: int
    """Of the fit that serves."""


@dataclass(frozen=True)
class GateSettings:
    """What an installation asks of a champion."""

    weeks: int = 3
    """Rolling weeks that a challenger meets the champion on."""
    budget_ms: float = 50.0
    """For ranking 250 campaigns for a customer."""


@dataclass(frozen=True)
class TrainingRun:
    """Everything that one run works with."""

    reader: FeatureReader
    models: registry.Registry
    paths: Paths
    config: RankerConfig
    seed: int
    device: str
    gate: GateSettings = GateSettings()
    is_candidate: bool = True
    """False for a model that only answers a question about the past: no alias moves for it."""
    say: Callable[[str], object] = lambda _: None
    """Told what is fitted now, a line each: a challenge takes minutes."""

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
        rival = self._champion_before(as_of)
        challenged = None if rival is None or rival.config == self.config else rival.config
        frame = self._built(self.config, as_of) if challenged else self._examples(as_of)
        sold = self.reader.purchases(Interval(frame.start, as_of))
        drawn = frame.thinned(self.config.uniform_size, self.seed)
        measured = canaries.ask(drawn, sold, self.seed)
        (week,) = weeks_before(as_of, 1)
        kept = self.paths.staging / "checkpoints" / f"{NAME}-{stamp(as_of)}"
        self.say(f"fitting what came before {week.start:%Y-%m-%d}, to be judged on the week after")
        held_out = self._fit(frame.before(week.start), kept, later=frame.since(week.start))
        self.say(f"fitting what came before {as_of:%Y-%m-%d}, to serve")
        refitted = self._fit(frame, kept)
        folder = self._save(refitted.ranker, held_out.ranker, as_of)
        leaderboard = self._leaderboard(folder, week, rival)
        measured["latency_p99_ms"] = p99_ms(predictor(folder), frame.rows(CAMPAIGNS))
        decision = self._decision(leaderboard, challenged, measured["latency_p99_ms"], as_of)
        version = self._register(folder, frame, held_out, flattened(leaderboard) | measured, as_of)
        reason, is_champion = self._carried_out(version, decision)
        shutil.rmtree(folder)
        shutil.rmtree(kept)
        return Outcome(version, leaderboard, reason, is_champion, len(frame.label_R))

    def _carried_out(self, version: registry.ModelVersion, decision: Decision) -> tuple[str, bool]:
        """Promote, or only note; return why, and whether the version is champion."""
        if not self.is_candidate:
            self.models.note(version.name, version.version, decision)
            return decision.reason, False
        entry = Promotion.of(self.models, self.paths).promote(version, decision)
        return entry.reason, entry.is_promoted

    def _examples(self, as_of: datetime) -> ExampleFrame:
        file = examples_file(self.paths, as_of)
        if not file.exists():
            instant = format_instant(as_of)
            raise NotPublishedError(
                f"there are no training examples as of {instant};"
                f" write them with `vitrine train examples --as-of {instant}`"
            )
        return ExampleFrame.read(file, self.reader.catalogue)

    def _built(self, config: RankerConfig, as_of: datetime) -> ExampleFrame:
        rows = examples.build(self.reader, config, as_of, self.seed)
        return ExampleFrame.of(rows, self.reader.catalogue)

    def _decision(
        self,
        leaderboard: Leaderboard,
        challenged: RankerConfig | None,
        latency_ms: float,
        as_of: datetime,
    ) -> Decision:
        """Decide; of a challenge by the last weeks, with what it changed for the ledger."""
        if challenged is None:
            return judge_latency(decide(leaderboard), latency_ms, self.gate.budget_ms)
        exact_from = self.reader.build_info().exact_from
        weeks = [w for w in weeks_before(as_of, self.gate.weeks) if w.start > exact_from]
        found = decide(leaderboard, self._compared(challenged, weeks))
        decision = judge_latency(found, latency_ms, self.gate.budget_ms)
        said = asked(self.config, challenged, weeks)
        return replace(decision, reason=f"{decision.reason}; {said}")

    def _compared(self, champion: RankerConfig, weeks: list[Interval]) -> Comparison:
        """Fit both settings before each of the last weeks, and judge both on the week."""
        numbered = enumerate(weeks, start=1)
        begun = ((f"[{n}/{len(weeks)}] {week.start:%Y-%m-%d}", week) for n, week in numbered)
        return compare((self._round(text, week, champion) for text, week in begun), self.seed)

    def _round(
        self, begun: str, interval: Interval, champion: RankerConfig
    ) -> tuple[Week, Scorer, Scorer]:
        frames: dict[tuple[int, ...], ExampleFrame] = {}
        scorers: list[Scorer] = []
        for whose, config in (("challenger", self.config), ("champion", champion)):
            self.say(f"{begun}  fitting the {whose}'s settings")
            if config.sampled not in frames:
                frames[config.sampled] = self._built(config, interval.start)
            found = fit(
                frames[config.sampled],
                self.reader.catalogue,
                config,
                seed=self.seed,
                device=self.device,
            )
            scorers.append(RankerScorer(self.reader, found.ranker))
        return Week.of(self.reader, interval, MAX_LISTS), scorers[0], scorers[1]

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

    def _leaderboard(
        self, folder: Path, interval: Interval, rival: FittedRanker | None
    ) -> Leaderboard:
        week = Week.of(self.reader, interval, MAX_LISTS)
        connection = self.reader.connection
        two_weeks = Popularity(connection, days=14)
        scorers: dict[str, Scorer] = {
            NAME: RankerScorer(self.reader, FittedRanker.load(folder / HELD_OUT)),
            "popularity_7d": Popularity(connection, days=7),
            "popularity_14d": two_weeks,
            "repurchase": Repurchase(two_weeks),
        }
        if rival is not None:
            scorers["champion"] = RankerScorer(self.reader, rival)
        return {name: averages(week.judge(scorer).ranks) for name, scorer in scorers.items()}

    def _champion_before(self, as_of: datetime) -> FittedRanker | None:
        """Return the champion's held-out network, which has not seen this run's hold-out.

        None where there is no champion, where it knows later data than this run, and where it
        cannot serve any more: it needs features or layers that there are not since a release.
        """
        champion = self.models.champion(NAME)
        if champion is None or champion.data.end > as_of:
            return None
        try:
            ranker = FittedRanker.load(self.models.folder(champion) / HELD_OUT)
        except BadInputError:
            return None
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
                data=Interval(frame.start, as_of),
                example_inputs=rows,
                example_outputs=predictor(folder)(rows),
            ),
            is_candidate=self.is_candidate,
        )


def decide(leaderboard: Leaderboard, found: Comparison | None = None) -> Decision:
    """Compare with the better popularity, then with the champion on the same lists.

    What was found is a challenge's comparison; without it the run is a refresh.
    """
    popular = max(
        metrics[GATE_METRIC] for name, metrics in leaderboard.items() if name.startswith("popul")
    )
    value = leaderboard[NAME][GATE_METRIC]
    champion = leaderboard.get("champion", {}).get(GATE_METRIC)
    if found is None:
        return judge(GATE_METRIC, value, popular, champion, margin=MARGIN)
    baseline = replace(judge(GATE_METRIC, value, popular), kind=CHALLENGE)
    return judge_challenge(GATE_METRIC, found) if baseline.is_passed else baseline


def asked(config: RankerConfig, champion: RankerConfig, weeks: list[Interval]) -> str:
    """Say what a challenge changed and which weeks it was on, for the ledger."""
    theirs = asdict(champion)
    changes = [
        f"{name}={value} instead of {theirs[name]}"
        for name, value in asdict(config).items()
        if value != theirs[name]
    ]
    days = ", ".join(f"{week.start:%Y-%m-%d}" for week in weeks)
    return f"settings: {', '.join(changes)}; weeks from {days} on"


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

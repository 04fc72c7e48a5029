"""Fit and judge every model on every week, and keep what came out, so that nothing is done twice.

What was judged lies in `Paths.staging`, a file per model and week, found by everything that it
depends on: a run that was interrupted goes on where it was, and none ever reads what other code or
other data gave. The files are NumPy's, without pickles.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from training.device import prepare
from training.evaluation import definitions
from training.evaluation.assortment import Assortment
from training.evaluation.backtest import Week
from training.evaluation.leaderboard import Judged
from training.evaluation.oracle import Oracle
from training.evaluation.ranks import Judgement, Ranks
from training.evaluation.roster import Known, models
from training.ranker.features import FeatureReader
from vitrine import warehouse
from vitrine.errors import MachineError
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.paths import stamp
from vitrine.publish import age, atomic_file
from vitrine.settings import Settings

MOST_KEPT = 2_000
"""Judgements that are kept: those that were asked for last."""
Task = tuple[Interval, str]


@dataclass(frozen=True)
class Outcome:
    """A judgement, the model's losses by epoch, and the seconds that fitting and judging took."""

    judgement: Judgement
    curves: Mapping[str, Sequence[float]]
    fit_s: float
    judge_s: float

    def save(self, file: Path) -> None:
        """Write arrays alone."""
        arrays = {"seconds": np.array([self.fit_s, self.judge_s])}
        for part in fields(Judgement):
            ranks = getattr(self.judgement, part.name)
            arrays |= {f"{part.name}.{f.name}": getattr(ranks, f.name) for f in fields(Ranks)}
            arrays[f"{part.name}.customer_L"] = ranks.customer_L.astype(str)
        arrays |= {f"curve.{name}": np.asarray(values) for name, values in self.curves.items()}
        with atomic_file(file) as path, path.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, file: Path) -> "Outcome":
        """Read what `save` wrote, and mark the file as used."""
        os.utime(file)
        with np.load(file) as arrays:
            parts = {
                part.name: Ranks(**{f.name: arrays[f"{part.name}.{f.name}"] for f in fields(Ranks)})
                for part in fields(Judgement)
            }
            curves = {
                name.removeprefix("curve."): arrays[name].tolist()
                for name in arrays.files
                if name.startswith("curve.")
            }
            fit_s, judge_s = arrays["seconds"].tolist()
        return cls(Judgement(**parts), curves, fit_s, judge_s)


class Judge:
    """Fits models as of the beginning of weeks, and judges them on what an installation knows."""

    def __init__(self, settings: Settings, reader: FeatureReader) -> None:
        self._settings = settings
        self._device = str(prepare(settings))
        self._reader = reader
        paths = Installation(settings).paths
        self._folder = paths.staging / "evaluations"
        self._models, self._oracle = models(paths), Oracle.of(paths, reader)
        # Now: what is edited while models are fitted is not what they were fitted by.
        self._codes = {name: definitions.digest(each) for name, each in self._models.items()}
        # All models are judged on a week before the next one is read.
        self._week = lru_cache(1)(self._read_week)
        self._known = lru_cache(1)(self._read_known)

    def judged(
        self, intervals: list[Interval], names: list[str], jobs: int = 1
    ) -> Iterator[tuple[Judged, bool]]:
        """Give what each model made of each week, week by week, and whether it had been kept.

        Raises
        ------
        MachineError
            If one of several processes was killed; what had been judged is kept.
        """
        tasks = [(interval, name) for interval in intervals for name in names]
        missing = [task for task in tasks if not self.file(*task).exists()]
        if jobs == 1 or len(missing) < 2:
            yield from ((self._judged(*task), task not in missing) for task in tasks)
        else:
            yield from self._side_by_side(tasks, missing, jobs)
        self._forget_old()

    def outcome(self, interval: Interval, name: str) -> Outcome:
        """Return what was kept of a model and a week, or fit, judge and keep it."""
        file = self.file(interval, name)
        if not file.exists():
            self._fitted(interval, name).save(file)
        return Outcome.load(file)

    def file(self, interval: Interval, name: str) -> Path:
        """Return where a model's judgement of a week is kept."""
        seed, device = self._settings.seed, self._device
        code, truth = self._codes[name], self._oracle and self._oracle.files()
        depends_on = repr((name, interval, seed, device, code, self._data, truth))
        key = hashlib.sha256(depends_on.encode()).hexdigest()
        return self._folder / f"{stamp(interval.start)}-{name}-{key[:16]}.npz"

    @cached_property
    def _data(self) -> tuple[object, ...]:
        """What tells this published warehouse, and what models read of it, from others."""
        known = "select columns(* exclude (available_at))::varchar from {}.features.build_info"
        queries = [known.format(database) for database in warehouse.DATABASES]
        built = [self._reader.connection.execute(query).fetchall() for query in queries]
        contents = self._reader.contents
        embedded = [] if contents is None else contents.versions
        return (*built, self._reader.catalogue, *embedded)

    def _side_by_side(
        self, tasks: list[Task], missing: list[Task], jobs: int
    ) -> Iterator[tuple[Judged, bool]]:
        # A forked child would inherit the threads of libraries in an unknown state.
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            futures = {task: pool.submit(_judge_apart, self._settings, *task) for task in missing}
            try:
                for task in tasks:
                    if task in futures:
                        futures[task].result()
                    yield self._judged(*task), task not in futures
            except BrokenProcessPool as error:
                raise MachineError(
                    "a process that judged a model was killed, perhaps for lack of memory; type the"
                    " same command again, with --jobs 1 if need be: what was judged is kept"
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)

    def _judged(self, interval: Interval, name: str) -> Judged:
        week, assortment = self._week(interval)
        found = self.outcome(interval, name)
        return Judged(
            name, week, found.judgement, assortment, found.curves, found.fit_s, found.judge_s
        )

    def _fitted(self, interval: Interval, name: str) -> Outcome:
        week, _ = self._week(interval)
        known = self._known(interval)
        begun = time.monotonic()
        scorer = self._models[name](known)
        fitted = time.monotonic()
        judgement = week.judge(scorer)
        curves = getattr(scorer, "curves", {})
        return Outcome(judgement, curves, fitted - begun, time.monotonic() - fitted)

    def _read_week(self, interval: Interval) -> tuple[Week, Assortment]:
        week = Week.of(self._reader, interval)
        if self._oracle is not None:
            week = week.only(self._oracle.knows(week.candidates))
        return week, Assortment.of(self._reader, week)

    def _read_known(self, interval: Interval) -> Known:
        return Known.at(self._reader, interval.start, self._settings.seed, self._device)

    def _forget_old(self) -> None:
        for old in sorted(self._folder.glob("*.npz"), key=age)[:-MOST_KEPT]:
            old.unlink(missing_ok=True)


def _judge_apart(settings: Settings, interval: Interval, name: str) -> None:
    _own_judge(settings).outcome(interval, name)


@lru_cache(1)
def _own_judge(settings: Settings) -> Judge:
    """Open the warehouse once in a process that judges beside others."""
    paths = Installation(settings).paths
    return Judge(settings, FeatureReader.of(warehouse.connect(paths), paths))

"""`vitrine train examples|ranker`, `vitrine score`, `vitrine recommend`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vitrine import runlog, sources
from vitrine.champions import Ledger
from vitrine.errors import BadArgumentError, BadInputError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant
from vitrine.options import as_of_option, refuse_unwritable
from vitrine.paths import stamp
from vitrine.publish import atomic_file, new_version
from vitrine.settings import Settings

if TYPE_CHECKING:
    from training.ranker.candidates import Candidates
    from training.ranker.config import RankerConfig
    from training.ranker.features import FeatureReader
    from training.ranker.rankings import Rankings
    from training.ranker.serving import Model
    from training.ranker.training import Outcome
    from training.registry import ModelVersion, Registry

SCORES_KEPT = 100
"""Campaigns kept per customer in the published scores: more than any list can hold."""
SCORE_COLUMNS = ("customer_id", "campaign_id", "score", "rank")
RECOMMENDED_COLUMNS = ("customer_id", "rank", "campaign_id", "product_id", "score")


@click.command()
@as_of_option
def examples(as_of: datetime) -> None:
    """Write the ranker's training examples as of an instant.

    vitrine train examples --as-of 2011-10-24T00:00:00Z
    """
    with _working("train examples", as_of) as work:
        count = work.write_examples(as_of)
        work.run.note(rows_out=count)
    click.echo(f"{count} examples as of {format_instant(as_of)}")


@click.command(short_help="Train, evaluate and register the ranker.")
@as_of_option
@click.option("--challenge", is_flag=True,
              help="Take this release's settings instead of the champion's.")  # fmt: skip
@click.option("--setting", "settings", multiple=True, metavar="NAME=VALUE",
              help="Change a setting, such as epochs=12; may be repeated.")  # fmt: skip
def ranker(as_of: datetime, challenge: bool, settings: tuple[str, ...]) -> None:
    """Train, evaluate and register the ranker; promote it through the gate.

    vitrine train ranker --as-of 2011-10-24T00:00:00Z

    It has the champion's settings and newer data. With other settings it must be better than them
    on the same weeks: both are then fitted before each, which takes a few times as long.
    """
    from vitrine.transform import operations

    with _working("train ranker", as_of) as work:
        config = work.config(challenge).changed(settings)
        if (challenge or settings) and work.is_champions(config):
            click.echo("the champion has these very settings: a refresh, not a challenge")
        outcome = work.train(as_of, config=config)
        work.run.note(**outcome.version.metrics, version=outcome.version.version)
        work.run.note(rows_in=outcome.example_count)
    operations.bring_up_to_date(work.installation)
    _tell(outcome)


@click.command()
@as_of_option
def score(as_of: datetime) -> None:
    """Publish the champion's scores of what is, or within two days will be, on sale.

    Beside them lies a sample of the rows that it scored, for `vitrine prove-time`.

    vitrine score --as-of 2011-10-24T00:00:00Z
    """
    with _working("score", as_of) as work:
        from training.ranker import serving
        from training.ranker.inputs import InputSample
        from training.ranker.rankings import Naming

        settings, paths = work.installation.settings, work.installation.paths
        model = work.model(serving.version_for(work.models, as_of, max_age=None))
        customers = work.reader.customers_known(as_of)
        # Letters go out within a day, and early access shows what opens a day after that.
        campaigns = work.reader.campaigns_opening(as_of, within=2 * DAY)
        asked = serving.candidates(work.reader, customers, campaigns, as_of)
        sample = InputSample(asked, SCORES_KEPT, settings.seed)
        parts = sample.watching(work.rankings(model, asked, SCORES_KEPT))
        with new_version(paths.scores, stamp(as_of), settings.keep_versions) as folder:
            naming = Naming.of(asked)
            count = naming.write(folder / "campaign_scores.parquet", parts, SCORE_COLUMNS)
            if model.ranker is not None and count:
                inputs = sample.rows(work.reader, model.ranker)
                inputs.to_parquet(folder / "scored_inputs.parquet", index=False)
            (folder / "manifest.json").write_text(_manifest(model, as_of, count))
        work.run.note(rows_in=len(customers), rows_out=count, model=model.name)
    click.echo(f"{count} scores of {len(customers)} customers by {_called(model)}")


@click.command()
@as_of_option
@click.option("--k", type=int, default=12, show_default=True, help="Campaigns per customer.")
@click.option(
    "--customers",
    "customers_file",
    type=click.Path(path_type=Path),
    help="Text, CSV or Parquet with customer_id; all known customers by default.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Parquet to write.")
def recommend(as_of: datetime, k: int, customers_file: Path | None, out: Path) -> None:
    """Rank campaigns for customers with what was known at any instant.

    vitrine recommend --as-of 2011-10-24T00:00:00Z --k 12 --out recs.parquet
    """
    _refuse_bad_arguments(k, out)
    with _working("recommend", as_of) as work:
        from training.ranker import serving
        from training.ranker.rankings import Naming

        customers = work.customers(customers_file, as_of)
        model = work.model_at(as_of)
        campaigns = work.reader.campaigns_on_sale([as_of])
        asked = serving.candidates(work.reader, customers, campaigns, as_of)
        naming = Naming.of(asked, work.reader.best_products(as_of))
        with atomic_file(out) as path:
            count = naming.write(path, work.rankings(model, asked, k), RECOMMENDED_COLUMNS)
        work.run.note(rows_in=len(customers), rows_out=count, model=model.name)
    click.echo(f"{count} rows for {len(customers)} customers by {_called(model)} -> {out}")


@dataclass(frozen=True)
class _Work:
    """The parts that these commands share, opened once."""

    installation: Installation
    reader: "FeatureReader"
    models: "Registry"
    run: runlog.Run

    def write_examples(self, as_of: datetime) -> int:
        from training.ranker import examples as training_examples

        settings, paths = self.installation.settings, self.installation.paths
        return training_examples.write(self.reader, self.config(), paths, as_of, settings.seed)

    def config(self, is_new: bool = False) -> "RankerConfig":
        """Return the champion's settings, or this release's where there is none or as asked."""
        from training.ranker.config import RankerConfig
        from training.ranker.fitted import FittedRanker
        from training.ranker.training import NAME

        champion = None if is_new else self.models.champion(NAME)
        if champion is None:
            return RankerConfig()
        return FittedRanker.settings_of(self.models.folder(champion))

    def is_champions(self, config: "RankerConfig") -> bool:
        """Whether somebody serves with these very settings."""
        from training.ranker.training import NAME

        return self.models.champion(NAME) is not None and config == self.config()

    def train(
        self, as_of: datetime, is_candidate: bool = True, config: "RankerConfig | None" = None
    ) -> "Outcome":
        from training.ranker.training import GateSettings, TrainingRun

        settings = self.installation.settings
        return TrainingRun(
            self.reader,
            self.models,
            self.installation.paths,
            config or self.config(),
            settings.seed,
            _device(settings),
            GateSettings(settings.promotion_weeks, settings.ranking_budget_ms),
            is_candidate,
            say=click.echo,
        ).run(as_of)

    def customers(self, file: Path | None, as_of: datetime) -> list[str]:
        from training.ranker import customers

        if file is None:
            return self.reader.customers_known(as_of)
        asked = customers.read(file)
        customers.refuse_unknown(asked, self.reader.customers_ever())
        return asked

    def model_at(self, as_of: datetime) -> "Model":
        """Return a model for an instant; train one where none is fit to answer for it."""
        from training.ranker import serving

        version = (
            serving.held_champion(self.models, self.ledger, as_of)
            or serving.version_for(self.models, as_of, serving.MAX_AGE)
            or self._trained_for(as_of)
            # Stale is better than the baseline.
            or serving.version_for(self.models, as_of, max_age=None)
        )
        return self.model(version)

    def model(self, version: "ModelVersion | None") -> "Model":
        """Load a version, or the baseline where there is none."""
        from training.ranker import serving

        _device(self.installation.settings)
        return serving.model_of(self.reader, self.models, version)

    def rankings(self, model: "Model", asked: "Candidates", k: int) -> "Iterator[Rankings]":
        """Yield rankings in the order of the lists, and show how far they are."""
        import torch

        from training.device import usable_threads
        from training.ranker import serving

        threads = usable_threads(self.installation.settings)
        # Each of them multiplies alone.
        torch.set_num_threads(1)
        parts = serving.rankings(model, self.reader, asked, k, threads)
        with click.progressbar(length=len(asked.lists), label="ranking customers") as bar:
            for part in parts:
                yield part
                bar.update(len(part.list_B))

    @property
    def ledger(self) -> Ledger:
        """The decisions about champions."""
        return Ledger.of(self.installation.paths)

    def _trained_for(self, as_of: datetime) -> "ModelVersion | None":
        """Train a version for an instant, unless that was done; return it if it passed."""
        from training.ranker import serving
        from training.ranker.training import NAME, refuse_short_history

        instant = format_instant(as_of)
        known = [version for version in self.models.versions(NAME) if version.data.end == as_of]
        if known:
            why = serving.why_not(self.ledger, known[-1])
            click.echo(f"ranker version {known[-1].version} was trained for {instant}, but {why}")
            return None
        click.echo(f"no ranker knows the two weeks before {instant} and nothing later: training")
        try:
            refuse_short_history(self.reader, as_of)
            self.write_examples(as_of)
            outcome = self.train(as_of, is_candidate=False)
        except BadInputError as error:
            click.echo(str(error))
        else:
            _tell(outcome)
        return serving.version_for(self.models, as_of, serving.MAX_AGE)


@contextmanager
def _working(stage: str, as_of: datetime) -> Iterator[_Work]:
    """Open the warehouse and the registry for a stage, and leave its record."""
    installation = Installation.load()
    with runlog.record(installation.paths, stage, Interval(as_of - DAY, as_of)) as run:
        sources.require(installation.shop, stage, "orders")
        from training.promotion import Promotion
        from training.ranker.features import FeatureReader
        from training.ranker.training import NAME
        from training.registry import Registry
        from vitrine import warehouse

        connection = warehouse.connect(installation.paths)
        try:
            reader = FeatureReader.of(connection, installation.paths)
            reader.require_covered(as_of)
            models = Registry(installation.settings, installation.paths)
            Promotion.of(models, installation.paths).settle(NAME)
            yield _Work(installation, reader, models, run)
        finally:
            connection.close()


def _device(settings: Settings) -> str:
    """Prepare torch for matrices so small that a second thread costs more than it computes."""
    import torch

    from training.device import prepare

    device = str(prepare(settings))
    torch.set_num_threads(settings.torch_threads or 1)
    return device


def _refuse_bad_arguments(k: int, out: Path) -> None:
    if k < 1:
        raise BadArgumentError(f"--k {k}: a list has at least one campaign")
    refuse_unwritable(out)


def _manifest(model: "Model", as_of: datetime, rows: int) -> str:
    version = model.version
    manifest = {
        "model": model.name,
        "version": version.version if version else None,
        "data_end": format_instant(version.data.end) if version else format_instant(as_of),
        "as_of": format_instant(as_of),
        "rows": rows,
    }
    return json.dumps(manifest, indent=2) + "\n"


def _called(model: "Model") -> str:
    if model.version is None:
        return f"the baseline {model.name}: no ranker has passed the gate for this instant"
    return f"{model.name} version {model.version.version}"


def _tell(outcome: "Outcome") -> None:
    import pandas as pd

    from training.evaluation import page
    from training.evaluation.backtest import weeks_before

    number = outcome.version.version
    (week,) = weeks_before(outcome.version.data.end, 1)
    click.echo(f"on the week from {week.start:%Y-%m-%d} on; the row ranker is version {number}:")
    click.echo(page.text(pd.DataFrame(outcome.leaderboard).T))
    verb = "is champion" if outcome.is_champion else "is registered, not champion"
    click.echo(f"ranker version {number} {verb}: {outcome.reason}")

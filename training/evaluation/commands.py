"""`vitrine evaluate`: all models on the same weeks."""

import time
from datetime import datetime
from typing import TYPE_CHECKING

import click

from vitrine import runlog, sources
from vitrine.errors import BadArgumentError
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import as_of_option
from vitrine.paths import stamp
from vitrine.publish import new_version

if TYPE_CHECKING:
    from training.evaluation.leaderboard import Judged
    from training.ranker.features import FeatureReader


@click.command()
@as_of_option
@click.option("--weeks", type=click.IntRange(1, 52), default=5, show_default=True,
              help="So many weeks that end by then are the tests.")  # fmt: skip
@click.option("--models", default="", help="Some models alone, by comma; all by default.")
def evaluate(as_of: datetime, weeks: int, models: str) -> None:
    """Train every model before each of the last weeks, and rank what was bought in it.

    vitrine evaluate --as-of 2011-10-31T00:00:00Z --weeks 5
    """
    from training.evaluation.backtest import weeks_before

    installation = Installation.load()
    intervals = weeks_before(as_of, weeks)
    span = Interval(intervals[0].start, intervals[-1].end)
    with runlog.record(installation.paths, "evaluate", span) as run:
        sources.require(installation.shop, "evaluate", "orders")
        from training.device import prepare
        from training.evaluation import leaderboard, page
        from training.ranker.features import Catalogue, FeatureReader
        from vitrine import warehouse

        settings = installation.settings
        names = _chosen(models)
        prepare(settings)
        with warehouse.connect(installation.paths) as connection:
            reader = FeatureReader(connection, Catalogue.load())
            reader.require_covered(as_of)
            judged = _judged(reader, intervals, names, settings.seed)
            rows = leaderboard.table(judged, settings.seed)
        folder = installation.paths.home / "evaluations"
        with new_version(folder, stamp(as_of), settings.keep_versions) as version:
            rows.to_parquet(version / "leaderboard.parquet", index=False)
            page.write(rows, judged, version)
        run.note(rows_out=len(rows), models=len(names))
    click.echo(page.text(page.overall(rows)))


def _chosen(models: str) -> list[str]:
    from training.evaluation.roster import ROSTER

    names = [name.strip() for name in models.split(",") if name.strip()] or list(ROSTER)
    unknown = [name for name in names if name not in ROSTER]
    if unknown:
        raise BadArgumentError(
            f"there is no model {', '.join(unknown)}; there are {', '.join(ROSTER)}"
        )
    return names


def _judged(
    reader: "FeatureReader", intervals: list[Interval], names: list[str], seed: int
) -> list["Judged"]:
    from training.evaluation.backtest import Week
    from training.evaluation.leaderboard import GATE_METRIC, Judged, list_values
    from training.evaluation.roster import ROSTER, Known

    judged = []
    for interval in intervals:
        week = Week.of(reader, interval)
        known = Known.at(reader, interval.start, seed)
        for name in names:
            begun = time.monotonic()
            found = Judged(name, week, week.judge(ROSTER[name](known)))
            judged.append(found)
            value = list_values(found.judgement.ranks)[GATE_METRIC].mean()
            click.echo(f"{interval}  {name:<20}{GATE_METRIC} {value:.4f}"
                       f"{time.monotonic() - begun:8.1f} s")  # fmt: skip
    return judged

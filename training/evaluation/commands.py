"""`vitrine evaluate`: all models on the same weeks."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from vitrine import runlog, sources
from vitrine.errors import BadArgumentError
from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant
from vitrine.options import as_of_option

if TYPE_CHECKING:
    from training.evaluation.judging import Judge
    from training.evaluation.leaderboard import Judged
    from vitrine.paths import Paths


OF_CLASSIFIERS, OF_RANKERS = ("number",), ("weeks", "models", "reference", "jobs")
"""Parameters that make sense for one model alone."""


@click.command()
@as_of_option
@click.option("--model", type=click.Choice(["ranker", "classifier"]), default="ranker",
              show_default=True, help="Whose kind is judged.")  # fmt: skip
@click.option("--version", "number", type=click.IntRange(min=1),
              help="A registered version of the classifier; the champion by default.")  # fmt: skip
@click.option("--weeks", type=click.IntRange(1, 52), default=5, show_default=True,
              help="So many weeks that end by then are the tests.")  # fmt: skip
@click.option("--models", help="Some models alone, by comma; all by default.")
@click.option("--reference", default="",
              help="The model that others are compared with; the ranker by default.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True,
              help="So many processes fit models side by side.")  # fmt: skip
@click.option("--page", "page_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the page to this file, too, its pictures to images/.")  # fmt: skip
def evaluate(
    as_of: datetime,
    model: str,
    number: int | None,
    weeks: int,
    models: str | None,
    reference: str,
    jobs: int,
    page_file: Path | None,
) -> None:
    """Train every model before each of the last weeks, and rank what was bought in it.

    vitrine evaluate --as-of 2011-10-31T00:00:00Z --weeks 5

    vitrine evaluate --model classifier --as-of 2026-03-01

    Of the classifier nothing is trained: a version answers about products that it has never seen.

    What was judged is kept: an interrupted run goes on where it was. `vitrine sql` knows the result
    as the table leaderboard, unless the one that it shows is later or larger, and MLflow as the
    experiment evaluation. docs/evaluation.md explains it.
    """
    _refuse_strange(model)
    if model == "classifier":
        from training.classifier.judging.commands import evaluate_classifier

        evaluate_classifier(as_of, number, page_file)
    else:
        _evaluate_rankers(as_of, weeks, models, reference, jobs, page_file)


def _evaluate_rankers(
    as_of: datetime,
    weeks: int,
    models: str | None,
    reference: str,
    jobs: int,
    page_file: Path | None,
) -> None:
    from training.evaluation.backtest import weeks_before

    installation = Installation.load()
    intervals = weeks_before(as_of, weeks)
    span = Interval(intervals[0].start, intervals[-1].end)
    with runlog.record(installation.paths, "evaluate", span) as run:
        sources.require(installation.shop, "evaluate", "orders")
        from training.device import described
        from training.evaluation import leaderboard, page, publication
        from training.evaluation.judging import Judge
        from training.ranker.features import FeatureReader
        from training.registry import Registry
        from vitrine import warehouse

        settings, paths = installation.settings, installation.paths
        names = _chosen(models, paths)
        reference = _reference(reference, names)
        with warehouse.connect(paths) as connection:
            reader = FeatureReader.of(connection, paths)
            reader.require_covered(as_of)
            _require_weeks(reader.build_info().data.start, as_of, weeks)
            judged = list(_told(Judge(settings, reader), intervals, names, jobs))
            rows = leaderboard.table(judged, settings.seed, reference)
        command = _command(as_of, weeks, models, reference, jobs)
        about = page.About(command, settings.source, described(settings), reference)
        published = publication.publish(
            installation, as_of, rows, judged, about, is_choice=models is not None
        )
        if page_file is not None:
            publication.write_page(page_file, published.folder, rows, judged, about)
        comparison = publication.comparison(rows, judged, published.folder)
        Registry(settings, paths).log_comparison(publication.EXPERIMENT, comparison)
        run.note(rows_out=len(rows), models=len(names))
    for line, is_reference in page.terminal(rows, reference):
        click.echo(click.style(line, bold=True) if is_reference else line)
    click.echo(f"\npage and pictures: {page_file or published.folder / 'leaderboard.md'}")
    click.echo(published.shown_by("leaderboard"))


def _refuse_strange(model: str) -> None:
    """Refuse what was typed for the other kind of model.

    Raises
    ------
    BadArgumentError
        With the options that do not belong.
    """
    context = click.get_current_context()
    strange = OF_RANKERS if model == "classifier" else OF_CLASSIFIERS
    typed = [
        option.opts[0]
        for option in context.command.params
        if option.name in strange
        and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    ]
    if typed:
        raise BadArgumentError(
            f"--model {model} has no {' and no '.join(typed)}; see `vitrine evaluate --help`"
        )


def _require_weeks(data_start: datetime, as_of: datetime, weeks: int) -> None:
    """Refuse weeks before which nothing was known that a model could learn from.

    Raises
    ------
    BadArgumentError
        With how many weeks fit.
    """
    from training.ranker.examples import WEEK

    fitting = max(0, -(-(as_of - data_start) // WEEK) - 1)
    if weeks > fitting:
        advice = f"ask for --weeks {fitting} or fewer, or" if fitting else "ask for"
        raise BadArgumentError(
            f"the data begin at {format_instant(data_start)}, and models learn from what was known"
            f" before a week: {fitting or 'no'} whole week{'' if fitting == 1 else 's'} that"
            f" end{'s' if fitting == 1 else ''} by {format_instant(as_of)} can be judged, not"
            f" {weeks}; {advice} a later --as-of, or load earlier data"
        )


def _command(as_of: datetime, weeks: int, models: str | None, reference: str, jobs: int) -> str:
    """Return what makes the same page again, and takes as long."""
    chosen = f" --models {models}" if models else ""
    return (
        f"vitrine evaluate --as-of {format_instant(as_of)} --weeks {weeks}{chosen}"
        f" --reference {reference} --jobs {jobs}"
    )


def _chosen(models: str | None, paths: "Paths") -> list[str]:
    from training.evaluation import roster

    known = roster.models(paths)
    if models is None:
        return list(known)
    names = [name.strip() for name in models.split(",") if name.strip()]
    if not names:
        raise BadArgumentError(
            f"--models names no model; leave it out for all, or choose from {', '.join(known)}"
        )
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadArgumentError(
            f"there is no model {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return list(dict.fromkeys(names))


def _reference(given: str, names: list[str]) -> str:
    """Return the model that was asked for, else the ranker, else the first of those compared."""
    from training.evaluation.leaderboard import REFERENCE

    if given and given not in names:
        raise BadArgumentError(
            f"--reference {given} is not among the models compared: {', '.join(names)}"
        )
    return given or (REFERENCE if REFERENCE in names else names[0])


def _told(
    judge: "Judge", intervals: list[Interval], names: list[str], jobs: int
) -> Iterator["Judged"]:
    """Say which model is at work, and how good it was and how long it took."""
    from training.evaluation.leaderboard import GATE_METRIC, list_values

    total, found = len(intervals) * len(names), judge.judged(intervals, names, jobs)
    tasks = ((interval, name) for interval in intervals for name in names)
    for number, (interval, name) in enumerate(tasks, start=1):
        begun = f"[{number:>{len(str(total))}}/{total}] {interval.start:%Y-%m-%d}  {name:<20}"
        click.echo(f"{begun} …\r", nl=False) if sys.stdout.isatty() else None
        judged, was_kept = next(found)
        value = list_values(judged.judgement.ranks)[GATE_METRIC].mean()
        took = f"fitted in {judged.fit_s:.1f} s, judged in {judged.judge_s:.1f} s"
        click.echo(f"{begun} {GATE_METRIC} {value:.4f}  {'kept: ' if was_kept else ''}{took}")
        yield judged

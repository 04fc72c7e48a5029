"""What `vitrine evaluate --model classifier` does; the command itself is the evaluation's."""

from datetime import datetime
from pathlib import Path

import click

from vitrine import runlog, sources
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant


def evaluate_classifier(as_of: datetime, number: int | None, page_file: Path | None) -> None:
    """Judge a version of the classifier, print and publish what was found."""
    installation = Installation.load()
    settings, paths = installation.settings, installation.paths
    with runlog.record(paths, "evaluate classifier", Interval(as_of - DAY, as_of)) as run:
        sources.require(installation.shop, "evaluate classifier", "products", "product_images")
        from training.classifier.judging import page, publication
        from training.classifier.judging.evaluation import evaluate
        from training.device import described
        from training.registry import Registry

        evaluation = evaluate(settings, paths, as_of, number, tell=click.echo)
        about = page.About(_command(as_of, number), settings.source, described(settings))
        published = publication.publish(paths, evaluation, about, settings.keep_versions)
        if page_file is not None:
            publication.write_page(page_file, published.folder, evaluation, about)
        publication.log(Registry(settings, paths), evaluation, published)
        run.note(rows_out=len(evaluation.scores), version=evaluation.version.version)
    for line in page.terminal(evaluation, about):
        click.echo(line)
    click.echo(f"\npage and pictures: {page_file or published.folder / publication.PAGE}")
    if page_file is not None:
        click.echo(f"photographs of what is confused: {published.folder}")
    click.echo(published.shown_by("classifier_scores"))


def _command(as_of: datetime, number: int | None) -> str:
    """Return what makes the same page again."""
    chosen = "" if number is None else f" --version {number}"
    return f"vitrine evaluate --model classifier --as-of {format_instant(as_of)}{chosen}"

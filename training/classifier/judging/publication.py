"""Publish an evaluation: tables that analysts query, a page, its pictures; and log it to MLflow."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.classifier.evaluation import metric_name
from training.classifier.judging import contact_sheet, figures, page
from training.classifier.judging.evaluation import Evaluation
from training.classifier.judging.scores import EVERY_TASK, rows_of
from training.classifier.judging.subjects import CLASSIFIER
from training.evaluation.published import ASIDE, Published
from training.registry import Comparison, Registry
from vitrine.interval import Interval, format_instant
from vitrine.paths import Paths, stamp
from vitrine.publish import atomic_file, current_version, new_version

SCORES, MISTAKES, PAGE = "classifier_scores.parquet", "classifier_mistakes.parquet", "classifier.md"
EXPERIMENT = "classifier evaluation"


def publish(paths: Paths, evaluation: Evaluation, about: page.About, keep: int) -> Published:
    """Write the tables, the page, its pictures and the contact sheets of what is confused.

    It becomes current if it is of the champion and of no earlier instant than what is; else it is
    kept aside, where it pushes no other out.
    """
    root, run = paths.classifier_evaluations, run_name(evaluation)
    reason = why_aside(
        root, evaluation.as_of, evaluation.version.version, is_champion=evaluation.is_champion
    )
    root = root / ASIDE if reason else root
    with new_version(root, run, keep) as folder:
        told(evaluation.scores, evaluation, run).to_parquet(folder / SCORES, index=False)
        told(evaluation.mistakes, evaluation, run).to_parquet(folder / MISTAKES, index=False)
        figures.draw(evaluation.scores, evaluation.reliability, folder)
        sheets = contact_sheet.draw_sheets(evaluation.mistakes, evaluation.held_out, folder)
        links = {name: name for name in (figures.TASKS, figures.RELIABILITY)}
        (folder / PAGE).write_text(page.markdown(evaluation, about, links, sheets))
    return Published(current_version(root), run, reason)


def run_name(evaluation: Evaluation) -> str:
    """Return the folder's name: the instant, and a hash of the figures and the version's files.

    So one name never stands for two results.
    """
    found = f"{evaluation.version.files_sha256}\n{evaluation.scores.to_csv()}"
    return f"{stamp(evaluation.as_of)}-{hashlib.sha256(found.encode()).hexdigest()[:8]}"


def told(rows: pd.DataFrame, evaluation: Evaluation, run: str) -> pd.DataFrame:
    """Put before rows what tells them from another run's: as_of, run, version."""
    known: dict[str, Any] = {
        "as_of": pd.Timestamp(evaluation.as_of),
        "run": run,
        "version": evaluation.version.version,
    }
    return rows.assign(**known)[[*known, *rows.columns]]


def why_aside(root: Path, as_of: datetime, version: int, *, is_champion: bool) -> str:
    """Say why an evaluation does not become the current one; nothing if it does."""
    if not is_champion:
        return f"version {version} is not the champion"
    file = root / "current" / SCORES
    if not file.exists():
        return ""
    current = pd.read_parquet(file, columns=["as_of"])["as_of"].iloc[0]
    if as_of < current:
        return f"the current evaluation is as of {format_instant(current)}, which is later"
    return ""


def write_page(file: Path, folder: Path, evaluation: Evaluation, about: page.About) -> None:
    """Write the page to a file of its own, its plots to `images` beside, and no photograph."""
    links = {}
    for name in (figures.TASKS, figures.RELIABILITY):
        links[name] = f"images/{file.stem}-{name}"
        with atomic_file(file.parent / links[name]) as path:
            path.write_bytes((folder / name).read_bytes())
    with atomic_file(file) as path:
        path.write_text(page.markdown(evaluation, about, links, sheets={}))


def log(registry: Registry, evaluation: Evaluation, published: Published) -> None:
    """Log the figures to the version's own run, and to a run beside those of its peers."""
    registry.log_figures(evaluation.version, _metrics(evaluation.scores, CLASSIFIER, "held_out/"))
    subjects = evaluation.scores["subject"].drop_duplicates()
    registry.log_comparison(
        EXPERIMENT,
        Comparison(
            name=f"{published.run} version {evaluation.version.version}",
            digest=hashlib.sha256((published.folder / SCORES).read_bytes()).hexdigest(),
            data=Interval(evaluation.version.data.start, evaluation.as_of),
            models={
                evaluation.name if subject == CLASSIFIER else subject: {
                    name: [value] for name, value in _metrics(evaluation.scores, subject).items()
                }
                for subject in subjects
            },
            folder=published.folder,
        ),
    )


def _metrics(scores: pd.DataFrame, subject: str, prefix: str = "") -> dict[str, float]:
    """Return the figures of a subject under the names that the training's metrics have."""
    known = scores[(scores["subject"] == subject) & np.isfinite(scores["value"])]
    return {f"{prefix}{row.metric}{_of_task(row.task)}": float(row.value) for row in rows_of(known)}


def _of_task(task: str) -> str:
    return "" if task == EVERY_TASK else f"/{metric_name(task)}"

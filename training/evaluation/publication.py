"""Publish an evaluation: tables that analysts query, a page, its pictures; and log it to MLflow."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from training.evaluation import figures, page, tables
from training.evaluation.leaderboard import GATE_METRIC, TOGETHER, Judged
from training.evaluation.published import ASIDE, Published
from training.registry import Comparison
from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant
from vitrine.paths import stamp
from vitrine.publish import atomic_file, current_version, new_version

LEADERBOARD = "leaderboard.parquet"
EXPERIMENT = "evaluation"


def publish(
    installation: Installation,
    as_of: datetime,
    rows: pd.DataFrame,
    judged: list[Judged],
    about: page.About,
    *,
    is_choice: bool = False,
) -> Published:
    """Write a version of `Paths.evaluations`, the current one unless that shows more.

    It holds the leaderboard's rows with what tells the run from others, one row per model and week
    of what fitting and judging took, one per loss and epoch, the page and its pictures. A version
    beside the current one is of ASIDE, so that it pushes none of the others out.

    Parameters
    ----------
    is_choice
        Whether some models alone were asked for.
    """
    root, known = installation.paths.evaluations, named(rows, as_of, about.reference)
    reason, run = why_aside(root, known, is_choice=is_choice), str(known["run"].iloc[0])
    root = root / ASIDE if reason else root
    with new_version(root, run, installation.settings.keep_versions) as folder:
        known.to_parquet(folder / LEADERBOARD, index=False)
        costs(judged).to_parquet(folder / "model_costs.parquet", index=False)
        losses(judged).to_parquet(folder / "learning_curves.parquet", index=False)
        drawn = figures.draw(rows, judged, about.reference, folder)
        links = {name: name for name in drawn}
        (folder / "leaderboard.md").write_text(page.markdown(rows, judged, about, links))
    return Published(current_version(root), run, reason)


def named(rows: pd.DataFrame, as_of: datetime, reference: str) -> pd.DataFrame:
    """Put before the rows what tells them from another run's: as_of, run, weeks, reference.

    `run` is the version's name: the instant, and a hash of the rows and the reference. So one name
    never stands for two results.
    """
    digest = hashlib.sha256(f"{reference}\n{rows.to_csv()}".encode()).hexdigest()
    known: dict[str, Any] = {
        "as_of": pd.Timestamp(as_of),
        "run": f"{stamp(as_of)}-{digest[:8]}",
        "weeks": _week_count(rows),
        "reference": reference,
    }
    return rows.assign(**known)[[*known, *rows.columns]]


def why_aside(root: Path, rows: pd.DataFrame, *, is_choice: bool) -> str:
    """Say what the current evaluation shows that these rows do not; nothing if they replace it."""
    file = root / "current" / LEADERBOARD
    if not file.exists():
        return ""
    current = pd.read_parquet(file, columns=["as_of", "model", "week"])
    as_of, current_as_of = rows["as_of"].iloc[0], current["as_of"].iloc[0]
    if as_of < current_as_of:
        return f"the current evaluation is as of {format_instant(current_as_of)}, which is later"
    missing = sorted({*current["model"]} - {*rows["model"]}) if is_choice else []
    if missing:
        others = f"{len(missing) - 1} other{'s' if len(missing) > 2 else ''}"
        more = f" and {others}" if len(missing) > 1 else ""
        return f"the current evaluation compares {missing[0]}{more}, which this one does not"
    if as_of == current_as_of and _week_count(rows) < _week_count(current):
        return f"the current evaluation is of {_week_count(current)} weeks that end then"
    return ""


def _week_count(rows: pd.DataFrame) -> int:
    return rows.loc[rows["week"] != TOGETHER, "week"].nunique()


def write_page(
    file: Path, folder: Path, rows: pd.DataFrame, judged: list[Judged], about: page.About
) -> None:
    """Write the page to a file of its own, and a published folder's pictures to `images` beside."""
    links = {}
    for picture in sorted(folder.glob("*.png")):
        links[picture.name] = f"images/{file.stem}-{picture.name.replace('_', '-')}"
        with atomic_file(file.parent / links[picture.name]) as path:
            path.write_bytes(picture.read_bytes())
    with atomic_file(file) as path:
        path.write_text(page.markdown(rows, judged, about, links))


def costs(judged: list[Judged]) -> pd.DataFrame:
    """Return one row per model and week: model, week, fit_s, judge_s."""
    return pd.DataFrame(
        [(each.model, each.week_start, each.fit_s, each.judge_s) for each in judged],
        columns=["model", "week", "fit_s", "judge_s"],
    )


def losses(judged: list[Judged]) -> pd.DataFrame:
    """Return one row per model, week, curve and epoch (from 1): the loss as `value`."""
    return pd.DataFrame(
        [
            (each.model, each.week_start, curve, epoch, float(value))
            for each in judged
            for curve, values in each.curves.items()
            for epoch, value in enumerate(values, start=1)
        ],
        columns=["model", "week", "curve", "epoch", "value"],
    )


def comparison(rows: pd.DataFrame, judged: list[Judged], folder: Path) -> Comparison:
    """Return what MLflow is told: each model's metrics with the weeks as steps."""
    return Comparison(
        name=f"{folder.name} {len(rows['model'].unique())} models",
        digest=hashlib.sha256((folder / LEADERBOARD).read_bytes()).hexdigest(),
        data=Interval(judged[0].week.interval.start, judged[-1].week.interval.end),
        models={m: _series(rows[rows["model"] == m], judged) for m in rows["model"].unique()},
        folder=folder,
    )


def _series(rows: pd.DataFrame, judged: list[Judged]) -> dict[str, list[float]]:
    """Return the values of one model by metric: a week each, all weeks together, an epoch each.

    Beside all lists' metrics stand those of the slices that the page compares.
    """
    by_week = rows[(rows["slice"] == "all") & (rows["week"] != TOGETHER)]
    series = {
        str(metric): list(each["value"]) for metric, each in by_week.groupby("metric", sort=False)
    }
    for row in rows[rows["week"] == TOGETHER].itertuples():
        if row.slice == "all" or row.metric in tables.ACCURACY:
            series[f"all weeks/{row.slice}/{row.metric}"] = [row.value]
        if row.slice == "all" and row.metric == GATE_METRIC:
            series[f"all weeks/all/{row.metric}_low"] = [row.low]
            series[f"all weeks/all/{row.metric}_high"] = [row.high]
    for each in (each for each in judged if each.model == rows["model"].iloc[0]):
        for curve, values in each.curves.items():
            series[f"{each.week_start[:10]}/{curve}"] = list(values)
    return series

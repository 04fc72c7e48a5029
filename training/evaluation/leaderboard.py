"""All models on the same weeks: every metric by slice, with 95 % intervals over customers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from training.evaluation import metrics
from training.evaluation.backtest import Week
from training.evaluation.intervals import bootstrap
from training.evaluation.ranks import Judgement, Ranks
from vitrine.errors import BadInputError
from vitrine.interval import format_instant

CUTS = (3, 7, 12)
PURCHASE_SHARES = (0.1, 0.5, 0.9)
GATE_METRIC = "map_at_12"
TOGETHER = "all weeks"


@dataclass(frozen=True)
class Judged:
    """What one model made of one week."""

    model: str
    week: Week
    judgement: Judgement


def list_values(ranks: Ranks) -> dict[str, np.ndarray]:
    """Return every metric that has one value a list, as float64 `[L]` by name."""
    relevant_L = ranks.relevant()
    values = {f"recall_at_{cut}": metrics.recall(ranks.hits(cut), relevant_L) for cut in CUTS}
    hit_LK = ranks.hits()
    return {
        f"map_at_{metrics.CUT}": metrics.average_precision(hit_LK, relevant_L),
        **values,
        f"precision_at_{metrics.CUT}": metrics.precision(hit_LK, relevant_L),
        f"ndcg_at_{metrics.CUT}": metrics.ndcg(hit_LK, relevant_L),
        f"hit_rate_at_{metrics.CUT}": metrics.hit_rate(hit_LK, relevant_L),
    }


def collective_values(rank_P: np.ndarray, count_P: np.ndarray) -> dict[str, float]:
    """Return the metrics of all purchases together, each at its rank of so many candidates."""
    return {
        "collective_auc": metrics.collective_auc(rank_P, count_P),
        **{
            f"needed_for_{100 * share:.0f}_percent": metrics.needed(rank_P, share)
            for share in PURCHASE_SHARES
        },
    }


def averages(ranks: Ranks) -> dict[str, float]:
    """Return every metric of one slice of lists by name, such as `map_at_12`.

    Raises
    ------
    BadInputError
        If there is no list, or one without anything relevant.
    """
    relevant_L = ranks.relevant()
    if not len(relevant_L) or relevant_L.min() < 1:
        raise BadInputError("metrics need at least one list, each with something relevant")
    values = {name: float(value_L.mean()) for name, value_L in list_values(ranks).items()}
    return values | collective_values(ranks.rank_P, ranks.count_L[ranks.list_P])


def table(judged: list[Judged], seed: int) -> pd.DataFrame:
    """Return one row per model, week (and all together), slice and metric.

    Columns model, week (its first instant, or `all weeks`), slice, metric, value, low, high (null
    for the metrics of all purchases together), list_count.
    """
    rows = [row for each in judged for row in _week_rows(each, seed)]
    by_model: dict[str, list[Judged]] = {}
    for each in judged:
        by_model.setdefault(each.model, []).append(each)
    for model, weeks in by_model.items():
        rows.extend(_together(model, weeks, seed))
    return pd.DataFrame(rows)


def _week_rows(judged: Judged, seed: int) -> Iterator[dict[str, object]]:
    week = format_instant(judged.week.interval.start)
    for name, ranks in judged.week.sliced(judged.judgement):
        yield from _rows({"model": judged.model, "week": week, "slice": name}, [ranks], seed)


def _together(model: str, weeks: list[Judged], seed: int) -> Iterator[dict[str, object]]:
    parts: dict[str, list[Ranks]] = {}
    for each in weeks:
        for name, ranks in each.week.sliced(each.judgement):
            parts.setdefault(name, []).append(ranks)
    for name, every in parts.items():
        yield from _rows({"model": model, "week": TOGETHER, "slice": name}, every, seed)


def _rows(key: Mapping[str, object], parts: list[Ranks], seed: int) -> Iterator[dict[str, object]]:
    customer_L = np.concatenate([ranks.customer_L for ranks in parts])
    values = [list_values(ranks) for ranks in parts]
    for metric in values[0]:
        value_L = np.concatenate([each[metric] for each in values])
        found = bootstrap(value_L, customer_L, seed)
        yield {
            **key,
            "metric": metric,
            "value": found.mean,
            "low": found.low,
            "high": found.high,
            "list_count": len(value_L),
        }
    rank_P = np.concatenate([ranks.rank_P for ranks in parts])
    count_P = np.concatenate([ranks.count_L[ranks.list_P] for ranks in parts])
    for metric, value in collective_values(rank_P, count_P).items():
        yield {**key, "metric": metric, "value": value, "list_count": len(customer_L)}


def order_holds(rows: pd.DataFrame, metric: str = GATE_METRIC) -> list[float]:
    """Return Kendall's τ between the models' order in each week and in the next."""
    chosen = rows[(rows["slice"] == "all") & (rows["metric"] == metric)]
    weeks = chosen[chosen["week"] != TOGETHER].pivot(index="week", columns="model", values="value")
    pairs = zip(weeks.to_numpy()[:-1], weeks.to_numpy()[1:], strict=True)
    return [float(stats.kendalltau(before, after).statistic) for before, after in pairs]

"""All models on the same weeks: every metric by slice, with 95 % intervals over customers.

Shape legend: L lists, P relevant (list, campaign) pairs, N resamples, M metrics.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from training.evaluation import metrics, oracle
from training.evaluation.assortment import Assortment
from training.evaluation.backtest import Week
from training.evaluation.intervals import Resamples, bounds
from training.evaluation.ranks import Judgement, Ranks
from vitrine.errors import BadInputError
from vitrine.interval import format_instant

CUTS = (3, 7, 12)
PURCHASE_SHARES = (0.1, 0.5, 0.9)
GATE_METRIC = "map_at_12"
TOGETHER = "all weeks"
REFERENCE = "ranker"
"""The model that the others' differences are taken from."""
LOWER_IS_BETTER = (
    "share_of_top_1_percent",
    *(f"needed_for_{100 * share:.0f}_percent" for share in PURCHASE_SHARES),
)
COVERED = "distance_covered"
"""Share of the way from popularity's GATE_METRIC to the oracle's, in shops whose truth is known."""
BOUNDED = ("value", "low", "high")
COMPARED = dict(zip(BOUNDED, ("difference", "difference_low", "difference_high"), strict=True))
KEY = ("model", "week", "slice", "metric")
COLUMNS = [*KEY, *BOUNDED, *COMPARED.values(), "list_count"]


@dataclass(frozen=True)
class Shown:
    """Some lists of one week as a model ranked them, and what they could hold."""

    ranks: Ranks
    assortment: Assortment

    def list_values(self) -> dict[str, np.ndarray]:
        """Return every metric that has one value a list, as float64 `[L]` by name."""
        ranks, assortment, cut = self.ranks, self.assortment, metrics.CUT
        values = list_values(ranks)
        values[f"novelty_at_{cut}"] = metrics.novelty(assortment.information_C, ranks.top_LK)
        if assortment.label_CA.shape[1]:
            values[f"diversity_at_{cut}"] = metrics.diversity(assortment.label_CA, ranks.top_LK)
        if assortment.margin_C is not None:
            values[f"margin_at_{cut}"] = metrics.margin(
                assortment.margin_C, ranks.hits(), ranks.top_LK
            )
        return values

    def earliness(self) -> np.ndarray:
        """Return how early each purchase stands in its list: float64 `[P]`."""
        return metrics.earliness(self.ranks.rank_P, self.ranks.count_L[self.ranks.list_P])


@dataclass(frozen=True)
class Judged:
    """What one model made of one week."""

    model: str
    week: Week
    judgement: Judgement
    assortment: Assortment
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Name -> one value an epoch, of a model that learns in epochs."""
    fit_s: float = 0.0
    judge_s: float = 0.0

    @property
    def week_start(self) -> str:
        """The week's first instant."""
        return format_instant(self.week.interval.start)

    def sliced(self) -> Iterator[tuple[str, Shown]]:
        """Cut the week into all its lists and its slices."""
        for name, ranks in self.week.sliced(self.judgement):
            yield name, Shown(ranks, self.assortment)


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
    return {"collective_auc": metrics.collective_auc(rank_P, count_P), **_needed(rank_P)}


def averages(ranks: Ranks) -> dict[str, float]:
    """Return every metric of one slice of lists by name, such as `map_at_12`.

    What has no value, as `metrics.needed` may, is left out.

    Raises
    ------
    BadInputError
        If there is no list, or one without anything relevant.
    """
    relevant_L = ranks.relevant()
    if not len(relevant_L) or relevant_L.min() < 1:
        raise BadInputError("metrics need at least one list, each with something relevant")
    values = {name: float(value_L.mean()) for name, value_L in list_values(ranks).items()}
    values |= collective_values(ranks.rank_P, ranks.count_L[ranks.list_P])
    return {name: value for name, value in values.items() if not np.isnan(value)}


def table(judged: list[Judged], seed: int, reference: str = REFERENCE) -> pd.DataFrame:
    """Return one row per model, week (and all together), slice and metric.

    Columns model, week (its first instant, or `all weeks`), slice, metric, value, low, high (the
    95 % interval), difference, difference_low, difference_high (value less that of the reference
    model, on the same draws of customers), list_count. Null are the bounds of what is no mean over
    lists or purchases, and the differences of the reference itself. COVERED stands among the
    metrics where the oracle and popularity are among the models.
    """
    slices: dict[tuple[str, str], dict[str, list[Shown]]] = {}
    for each in judged:
        for name, shown in each.sliced():
            for week in (each.week_start, TOGETHER):
                slices.setdefault((week, name), {}).setdefault(each.model, []).append(shown)
    rows = [
        {"week": week, "slice": name, **row}
        for (week, name), models in sorted(slices.items(), key=lambda item: item[0][0] == TOGETHER)
        for row in _slice_rows(models, seed, reference)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _slice_rows(
    models: dict[str, list[Shown]], seed: int, reference: str
) -> Iterator[dict[str, object]]:
    customer_L = _customers(next(iter(models.values())))
    draws = Resamples.of(customer_L, seed)
    means = {model: _Means.of(parts, draws) for model, parts in models.items()}
    for model, parts in models.items():
        is_compared = reference in means and model != reference
        differences = means[model].less(means[reference]).rows() if is_compared else {}
        values = (
            means[model].rows()
            | _covered(means, model)
            | {name: {"value": value} for name, value in _pooled(parts).items()}
        )
        for metric, row in values.items():
            found = {COMPARED[name]: value for name, value in differences.get(metric, {}).items()}
            yield {"model": model, "metric": metric, **row, **found, "list_count": len(customer_L)}


@dataclass(frozen=True)
class _Means:
    """Means of M metrics over the lists (or purchases) of some weeks, and over each resample."""

    names: list[str]
    mean_M: np.ndarray
    mean_NM: np.ndarray

    @classmethod
    def of(cls, parts: list[Shown], draws: Resamples) -> "_Means":
        found = [shown.list_values() for shown in parts]
        names = [name for name in found[0] if all(name in values for values in found)]
        value_LM = np.concatenate([np.stack([v[n] for n in names], axis=1) for v in found])
        early_P = np.concatenate([shown.earliness() for shown in parts])
        customer_P = np.concatenate([shown.ranks.customer_L[shown.ranks.list_P] for shown in parts])
        means = [
            draws.means(value_LM, _customers(parts)),
            draws.means(early_P[:, None], customer_P),
        ]
        mean_M = np.append(value_LM.mean(axis=0), early_P.mean())
        return cls([*names, "collective_auc"], mean_M, np.hstack(means))

    def less(self, other: "_Means") -> "_Means":
        """Return how much higher these are than another model's, draw by draw."""
        return _Means(self.names, self.mean_M - other.mean_M, self.mean_NM - other.mean_NM)

    def rows(self) -> dict[str, dict[str, float]]:
        """Return value, low and high by metric."""
        columns = np.stack([self.mean_M, *bounds(self.mean_NM)], axis=1)
        return {
            name: dict(zip(BOUNDED, map(float, row), strict=True))
            for name, row in zip(self.names, columns, strict=True)
        }


def _covered(means: dict[str, _Means], model: str) -> dict[str, dict[str, float]]:
    """Return value and bounds of COVERED; no bounds where the oracle is not above in every draw."""
    if not {oracle.NAME, oracle.BELOW} <= means.keys():
        return {}
    three = [means[name] for name in (model, oracle.BELOW, oracle.NAME)]
    place = three[0].names.index(GATE_METRIC)
    value = oracle.distance_covered(*(part.mean_M[place] for part in three))
    share_N = oracle.distance_covered(*(part.mean_NM[:, place] for part in three))
    low, high = np.full(2, np.nan) if np.isnan(share_N).any() else bounds(share_N)
    return {COVERED: dict(zip(BOUNDED, map(float, (value, low, high)), strict=True))}


def _pooled(parts: list[Shown]) -> dict[str, float]:
    """Return the metrics of all that was bought, or shown, together; they have no interval.

    An item counts anew in each week that it was a candidate of.
    """
    rank_P = np.concatenate([shown.ranks.rank_P for shown in parts])
    shown_I = [shown.assortment.shown(shown.ranks.top_LK) for shown in parts]
    items, slots = [len(part) for part in shown_I], [part.sum() for part in shown_I]
    coverage = [metrics.coverage(part) for part in shown_I]
    top = [metrics.share_of_top(part) for part in shown_I]
    return {
        **_needed(rank_P),
        "coverage": float(np.average(coverage, weights=items)),
        "share_of_top_1_percent": float(np.average(top, weights=np.maximum(slots, 1))),
    }


def _needed(rank_P: np.ndarray) -> dict[str, float]:
    return {
        f"needed_for_{100 * share:.0f}_percent": metrics.needed(rank_P, share)
        for share in PURCHASE_SHARES
    }


def _customers(parts: list[Shown]) -> np.ndarray:
    return np.concatenate([shown.ranks.customer_L for shown in parts])


def order_holds(rows: pd.DataFrame, metric: str = GATE_METRIC) -> list[float]:
    """Return Kendall's τ between the models' order in each week and in the next.

    Empty where there is one model or one week alone: neither has an order that could hold.
    """
    chosen = rows[(rows["slice"] == "all") & (rows["metric"] == metric)]
    weeks = chosen[chosen["week"] != TOGETHER].pivot(index="week", columns="model", values="value")
    if weeks.shape[1] < 2:
        return []
    pairs = zip(weeks.to_numpy()[:-1], weeks.to_numpy()[1:], strict=True)
    return [float(stats.kendalltau(before, after).statistic) for before, after in pairs]


def ordered(rows: pd.DataFrame, metric: str = GATE_METRIC, slice_: str = "all") -> list[str]:
    """Return the models of a slice, best first, all weeks together."""
    chosen = rows[(rows["week"] == TOGETHER) & (rows["slice"] == slice_)]
    chosen = chosen[chosen["metric"] == metric]
    return list(chosen.sort_values(["value", "model"], ascending=[False, True])["model"])


def best(rows: pd.DataFrame) -> pd.Series:
    """Return the best value of each metric among rows of one slice and week."""
    by_metric = rows.groupby("metric")["value"]
    is_lower = by_metric.min().index.isin(LOWER_IS_BETTER)
    return by_metric.max().where(~is_lower, by_metric.min())

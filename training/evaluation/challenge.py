"""Two models on the same rolling weeks, list by list: the champion, and who challenges it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from training.evaluation.backtest import Week
from training.evaluation.intervals import Interval95, bootstrap
from training.evaluation.leaderboard import GATE_METRIC, list_values
from training.evaluation.ranks import Ranks
from training.ranker.ranking import Scorer

ALL = "all"


@dataclass(frozen=True)
class Slice:
    """The gate's metric of both on the same lists, averaged."""

    list_count: int
    challenger: float
    champion: float

    @property
    def difference(self) -> float:
        """Challenger less champion."""
        return self.challenger - self.champion


@dataclass(frozen=True)
class Comparison:
    """How a challenger did beside the champion, over all weeks together."""

    week_count: int
    slices: dict[str, Slice]
    """By name; `all` is every list."""
    difference: Interval95
    """Of all lists: challenger less champion, paired list by list, over customers."""

    @property
    def overall(self) -> Slice:
        """Return what all lists say."""
        return self.slices[ALL]

    def figures(self) -> dict[str, float]:
        """Return what the ledger keeps; each slice by its name."""
        return {
            "version_value": self.overall.challenger,
            "champion_value": self.overall.champion,
            "difference": self.difference.mean,
            "difference_low": self.difference.low,
            "difference_high": self.difference.high,
            **{f"difference {name}": part.difference for name, part in self.slices.items()},
        }


def compare(rounds: Iterable[tuple[Week, Scorer, Scorer]], seed: int) -> Comparison:
    """Judge challenger and champion, fitted to what came before, on each week's lists."""
    parts: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    week_count = 0
    for week, challenger, champion in rounds:
        week_count += 1
        both = (week.sliced(week.judge(scorer)) for scorer in (challenger, champion))
        for (name, ours), (_, theirs) in zip(*both, strict=True):
            parts.setdefault(name, []).append((ours.customer_L, _values(ours), _values(theirs)))
    joined = {name: [np.concatenate(each) for each in zip(*p, strict=True)]
              for name, p in parts.items()}  # fmt: skip
    customer_L, ours_L, theirs_L = joined[ALL]
    return Comparison(
        week_count,
        {
            name: Slice(len(ours_S), float(ours_S.mean()), float(theirs_S.mean()))
            for name, (_, ours_S, theirs_S) in joined.items()
        },
        bootstrap(ours_L - theirs_L, customer_L, seed),
    )


def _values(ranks: Ranks) -> np.ndarray:
    return list_values(ranks)[GATE_METRIC]

"""Judgements of made-up models whose skill is known."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from training.evaluation.assortment import Assortment
from training.evaluation.leaderboard import Judged
from training.evaluation.ranks import Judgement, Ranks
from vitrine.interval import Interval, parse_instant

CANDIDATES = 40
CUSTOMERS = 60
WEEKS = [
    Interval(parse_instant("2026-03-02"), parse_instant("2026-03-09")),
    Interval(parse_instant("2026-03-09"), parse_instant("2026-03-16")),
]


def judged(
    model: str,
    interval: Interval,
    skill: float,
    seed: int,
    margin_C: np.ndarray | None = None,
    curves: dict[str, list[float]] | None = None,
) -> Judged:
    """Rank the one relevant campaign of 120 lists uniformly within the first CANDIDATES / skill."""
    generator, lists = np.random.default_rng(seed), 2 * CUSTOMERS
    ranks = Ranks(
        np.array([f"c{n % CUSTOMERS}" for n in range(lists)], object),
        np.arange(lists),
        generator.integers(1, int(CANDIDATES / skill) + 1, lists),
        np.full(lists, CANDIDATES),
        np.argsort(generator.random((lists, CANDIDATES)), axis=1)[:, :12],
    )
    rare, few = (ranks.where(np.arange(lists) < count) for count in (20, 10))
    last = replace(ranks, rank_P=np.full(lists, CANDIDATES))
    week: Any = SimpleNamespace(
        interval=interval,
        candidates=SimpleNamespace(lists=pd.DataFrame({"as_of": [interval.start] * lists})),
        sliced=lambda judgement: [
            ("all", judgement.ranks),
            ("group rare", rare),
            ("group few", few),
            ("never sold before", last),
        ],
    )
    assortment = Assortment(
        np.arange(CANDIDATES), np.ones(CANDIDATES), np.zeros((CANDIDATES, 0), int), margin_C
    )
    return Judged(
        model, week, Judgement(ranks, ranks), assortment, curves or {}, fit_s=2.0, judge_s=1.0
    )

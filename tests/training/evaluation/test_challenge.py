"""A comparison pairs the same lists; a model beside itself is no better."""

import numpy as np
import pandas as pd
import pytest

from tests.training.ranker import taste_shop
from training.evaluation.backtest import Week, weeks_before
from training.evaluation.baselines import Popularity, Repurchase
from training.evaluation.challenge import compare
from training.evaluation.latency import CAMPAIGNS, REPEATS, p99_ms
from training.evaluation.leaderboard import averages


def test_differences_are_those_of_the_same_lists_in_every_slice(reader):
    popular = Popularity(reader.connection, days=14)
    weeks = [Week.of(reader, week) for week in weeks_before(taste_shop.END, 2)]
    found = compare([(week, Repurchase(popular), popular) for week in weeks], seed=7)
    assert found.week_count == 2
    sizes, values = zip(
        *((len(r.ranks.count_L), averages(r.ranks)["map_at_12"])
          for r in (week.judge(Repurchase(popular)) for week in weeks)), strict=True,
    )  # fmt: skip
    assert found.overall.list_count == sum(sizes)
    assert found.overall.challenger == pytest.approx(np.average(values, weights=sizes))
    assert found.difference.low <= found.difference.mean <= found.difference.high
    assert found.difference.mean == pytest.approx(found.overall.difference)
    for name, part in found.slices.items():
        assert part.list_count <= found.overall.list_count, name
        assert found.figures()[f"difference {name}"] == part.difference


def test_a_model_beside_itself_differs_nowhere(reader):
    popular = Popularity(reader.connection, days=14)
    (interval,) = weeks_before(taste_shop.END, 1)
    found = compare([(Week.of(reader, interval), popular, popular)], seed=7)
    assert (found.difference.low, found.difference.high) == (0, 0)
    assert {part.difference for part in found.slices.values()} == {0}


def test_latency_is_asked_about_250_campaigns_again_and_again():
    calls = []

    def predict(rows: pd.DataFrame) -> pd.DataFrame:
        calls.append(len(rows))
        return rows

    p99_ms(predict, pd.DataFrame({"x": [1.0, 2.0]}))
    assert calls == [CAMPAIGNS] * (REPEATS + 1)

from datetime import date

import numpy as np
import pytest

from vitrine.simulator.population import Population, make_population
from vitrine.simulator.shop import Shop


@pytest.fixture(scope="module")
def people() -> Population:
    return make_population(Shop.of_size(7, 4_000, date(2026, 3, 1)))


def explained(people: Population, cluster_N: np.ndarray) -> float:
    """Return the share of the variance of the sector tastes between clusters."""
    taste_NS = people.sector_taste_NS - people.sector_taste_NS.mean(axis=0)
    _, cluster_N = np.unique(cluster_N, return_inverse=True)
    size_C = np.bincount(cluster_N)
    sum_CS = np.stack([np.bincount(cluster_N, column) for column in taste_NS.T], axis=1)
    mean_CS = sum_CS / size_C[:, None]
    return float((size_C @ mean_CS**2).sum() / (taste_NS**2).sum())


def clusters(people: Population) -> np.ndarray:
    return people.market_N * 100 + people.gender_N * 10 + (2026 - people.birth_year_N) // 18


def test_demographic_clusters_carry_taste(people):
    assert explained(people, clusters(people)) > 0.15


def test_shuffled_clusters_do_not(people):
    shuffled = np.random.default_rng(0).permutation(clusters(people))
    assert explained(people, shuffled) < 0.03


def test_activity_differs_by_far(people):
    assert (people.visits_per_day_N == 0).mean() > 0.04
    assert np.quantile(people.visits_per_day_N, 0.9) > 5 * np.quantile(people.visits_per_day_N, 0.3)

"""One suite that every peer passes: what it must find, what it must not, and what it must keep."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.training.peers import word_shop
from training.peers.ease import Ease
from training.peers.fashion_dna import FashionDna
from training.peers.implicit_models import Als, Bpr, ItemKnn
from training.peers.mlp_baskets import MlpBaskets
from training.peers.two_tower import TwoTower

TOWERS = TwoTower(width=16, steps=150, batch=128, id_dropout=0.5)
DNA = FashionDna(width=8, batch=32)
WORDY: dict[str, Any] = {
    "two_tower": TOWERS,
    "two_tower_deep": replace(TOWERS, hidden=32),
    "two_tower_diverse": replace(TOWERS, hidden=32, diversity=1.0),
    "fashion_dna": DNA,
}
MLP = MlpBaskets(epochs=20, batch_orders=64, learning_rate=1e-2)
PURE: dict[str, Any] = {
    "item_knn": ItemKnn(),
    "ease": Ease(regularisation=10.0),
    "als": Als(factors=8),
    "bpr": Bpr(factors=8),
    "mlp_baskets_100": MLP,
    "mlp_baskets_500_100": replace(MLP, hidden=(500, 100)),
}


def fitted(name, shop):
    if name in WORDY:
        return WORDY[name].fit(shop.history, word_shop.articles)
    return PURE[name].fit(shop.history)


@pytest.fixture(scope="module")
def shop():
    return word_shop.draw(has_pattern=True)


@pytest.fixture(scope="module")
def noise():
    return word_shop.draw(has_pattern=False)


@pytest.fixture(scope="module", params=[*PURE, *WORDY])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def scorer(name, shop):
    return fitted(name, shop)


def test_a_taste_is_found(scorer, shop):
    assert word_shop.auc_of_next(scorer, shop) > 0.85


def test_nothing_is_found_in_noise(name, noise):
    assert word_shop.auc_of_next(fitted(name, noise), noise) == pytest.approx(0.5, abs=0.08)


def test_the_same_seed_gives_the_same_scores(name, scorer, shop):
    customers, campaigns = list(shop.following), list(word_shop.NAMES)
    np.testing.assert_array_equal(
        word_shop.scores(scorer, customers, campaigns),
        word_shop.scores(fitted(name, shop), customers, campaigns),
    )


def test_an_unknown_customer_gets_the_popular(scorer, shop):
    (found,) = word_shop.scores(scorer, ["nobody"], list(shop.history.campaign_ids))
    buyers = shop.history.buyers(days=14)
    assert len(set(buyers)) > 3
    by_score = np.argsort(-found, kind="stable")
    assert (np.diff(buyers[by_score]) <= 0).all()


def test_a_shop_of_first_orders_alone_is_ranked_too(name):
    young = word_shop.draw(has_pattern=True, bought=1)
    found = word_shop.scores(fitted(name, young), [*young.following, "nobody"], word_shop.NAMES)
    assert np.isfinite(found).all()
    assert np.ptp(found[-1]) > 0


def test_a_batch_equals_its_single_rows(scorer):
    campaigns = [*word_shop.NAMES, "never sold"]
    together = word_shop.scores(scorer, ["u1", "nobody", "u2"], campaigns)
    for row, customer in enumerate(["u1", "nobody", "u2"]):
        (alone,) = word_shop.scores(scorer, [customer], campaigns)
        np.testing.assert_allclose(alone, together[row], rtol=1e-5, atol=1e-9)


def test_what_was_bought_before_stands_above_what_was_not(scorer, shop):
    history = shop.history
    found = word_shop.scores(scorer, list(history.customer_ids), list(history.campaign_ids))
    bought = history.by_customer(np.ones(len(history.customer_P))).toarray() > 0
    assert (
        np.mean([np.median(s[b]) > np.median(s[~b]) for s, b in zip(found, bought, strict=True)])
        > 0.9
    )


@pytest.mark.parametrize("name", list(WORDY), scope="module")
def test_what_was_never_sold_is_placed_by_its_words(name, shop):
    found = word_shop.scores(fitted(name, shop), list(shop.following), word_shop.UNSOLD)
    liked = np.arange(len(shop.following)) % len(word_shop.MATERIALS)
    assert (found.argmax(axis=1) == liked).mean() > 0.8

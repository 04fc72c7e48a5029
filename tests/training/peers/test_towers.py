import numpy as np
import pytest
import scipy.sparse as sp
import torch

from training.peers.articles import Articles
from training.peers.baskets import Baskets
from training.peers.towers import PRICE_LEVELS, Inputs, Towers, in_batch_softmax, redundancy
from training.peers.two_tower import Draws


def articles(prices):
    texts = np.array([f"lamp {number}" for number in range(len(prices))], dtype=object)
    return Articles(texts, np.full(len(prices), "home", dtype=object), np.array(prices, float))


def test_a_draw_is_told_from_the_others_but_not_from_what_its_order_held_besides():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 5, generator=generator)
    is_held = torch.eye(5, dtype=torch.bool)
    is_held[0, 3] = is_held[3, 0] = True
    losses = []
    for row in range(5):
        others = [column for column in range(5) if column == row or not is_held[row, column]]
        terms = [float(torch.exp(logits[row, column])) for column in others]
        losses.append(np.log(sum(terms)) - float(logits[row, row]))
    assert float(in_batch_softmax(logits, is_held)) == pytest.approx(np.mean(losses), rel=1e-5)


def test_groups_that_say_the_same_are_redundant_and_unrelated_ones_are_not():
    generator = torch.Generator().manual_seed(1)
    one, other = torch.randn(2, 2000, 1, generator=generator)
    assert float(redundancy(torch.stack([one, one]))) == pytest.approx(1, abs=1e-4)
    assert float(redundancy(torch.stack([one, -3 * one]))) == pytest.approx(1, abs=1e-4)
    assert float(redundancy(torch.stack([one, other]))) < 0.01


def test_prices_are_cut_into_levels_and_the_unknown_is_a_level_of_its_own():
    levels = Inputs.of(articles([np.nan, 0.0, 0.1, 0.3, 3.0, 1e9]), np.arange(6)).level_C
    assert levels.tolist()[:3] == [0, 0, 1]
    assert levels.tolist() == sorted(levels.tolist())
    assert levels[-1] == PRICE_LEVELS - 1


def test_a_campaign_never_sold_has_no_id_and_a_known_one_loses_it_only_while_learning():
    torch.manual_seed(1)
    towers = Towers(campaigns=400, width=4, hidden=0, id_dropout=0.5)
    inputs = Inputs.of(articles([1.0] * 401), np.append(np.arange(400), -1))
    ids_CD = towers.groups(inputs)[0]
    assert 0.3 < float((ids_CD.abs().sum(dim=1) == 0).float().mean()) < 0.7
    ids_CD = towers.eval().groups(inputs)[0]
    assert (ids_CD[:400].abs().sum(dim=1) > 0).all()
    assert (ids_CD[400] == 0).all()


def test_a_customer_is_the_mean_of_what_was_bought_and_the_habits():
    torch.manual_seed(1)
    towers = Towers(campaigns=3, width=2, hidden=0, id_dropout=0.0)
    groups_GCD = towers.groups(Inputs.of(articles([1.0, 5.0, 9.0]), np.arange(3)))
    before = sp.csr_matrix(np.array([[0.5, 0.0, 1.5], [0.0, 0.0, 0.0]], dtype=np.float32))
    mean = 0.25 * groups_GCD[:, 0].flatten() + 0.75 * groups_GCD[:, 2].flatten()
    habits = torch.tensor([np.log1p(2.0), np.log1p(2.0), 1.5], dtype=torch.float32)
    expected = towers.customer_head(torch.cat([mean, habits]))
    found = towers.customers(before, groups_GCD)
    torch.testing.assert_close(found[0], torch.cat([expected, torch.ones(1)]))
    nothing = towers.customer_head(torch.zeros(11))
    torch.testing.assert_close(found[1, :2], nothing, atol=1e-5, rtol=1e-5)


def test_draws_fade_with_the_age_of_the_order_and_know_how_likely_each_campaign_is():
    baskets = Baskets(
        before_OC=sp.csr_matrix((2, 3), dtype=np.float32),
        basket_OC=sp.csr_matrix(np.array([[1, 1, 0], [0, 1, 0]], dtype=np.float32)),
        day_O=np.array([10, 0]),
        customer_O=np.array([0, 0]),
    )
    draws = Draws.of(baskets, half_life_days=10.0)
    orders, campaigns = draws.batch(np.random.default_rng(1), 20_000)
    assert np.bincount(orders) / 20_000 == pytest.approx([0.5, 0.5], abs=0.02)
    assert np.bincount(campaigns) / 20_000 == pytest.approx([0.25, 0.75], abs=0.02)
    expected = np.log([0.25, 0.75, 1e-12])
    np.testing.assert_allclose(draws.log_chance_C.numpy(), expected, rtol=1e-5)

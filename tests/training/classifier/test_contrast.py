import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from training.classifier.batches import Example
from training.classifier.catalogue import Task
from training.classifier.contrast import BLOCK, Companionship, contrast_loss
from training.classifier.fitting import fit
from training.classifier.prediction import predict
from training.classifier.text import buckets

TEMPERATURE = 0.2
KIND = Task("kind", ("bag", "boot", "shirt"))
STYLES = ("urban", "romantic", "sporty", "classic", "rural", "festive")


def companionship(pairs, categories) -> Companionship:
    weight_NN = np.zeros((len(categories), len(categories)), np.float32)
    for a, b, weight in pairs:
        weight_NN[a, b] = weight_NN[b, a] = weight
    return Companionship(sp.csr_array(weight_NN), np.asarray(categories))


def unit_vectors(seed: int, count: int) -> torch.Tensor:
    drawn = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn, dim=1)


def gradient(tensor: torch.Tensor) -> torch.Tensor:
    assert tensor.grad is not None
    return tensor.grad


def plain_loss(vectors, weights, known) -> float:
    costs = []
    for i, anchor in enumerate(vectors):
        others = [j for j in range(len(vectors)) if j != i]
        near = {j: math.exp(float(anchor @ vectors[j]) / TEMPERATURE) for j in others}
        negatives = [near[j] for j in others if not weights[i][j] and known[j]]
        companions = {j: weights[i][j] for j in others if weights[i][j]}
        if companions and negatives:
            even, total = math.log(1 + len(negatives)), sum(companions.values())
            costs.append(
                sum(
                    weight / total * -math.log(near[j] / (near[j] + sum(negatives))) / even
                    for j, weight in companions.items()
                )
            )
    return sum(costs) / len(costs) if costs else 0


@given(st.integers(0, 7), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_the_loss_agrees_with_a_plain_loop(count, seed):
    rng = np.random.default_rng(seed)
    drawn = rng.random((count, count)) * (rng.random((count, count)) < 0.3)
    weights = torch.tensor(drawn + drawn.T, dtype=torch.float32)
    known = torch.tensor(rng.random(count) < 0.7) | (weights > 0).any(1)
    vectors = unit_vectors(seed, count)
    loss = contrast_loss(vectors, weights, known, TEMPERATURE)
    expected = plain_loss(vectors, weights.tolist(), known.tolist())
    assert loss.item() == pytest.approx(expected, abs=1e-4)


def test_products_that_are_all_equally_near_cost_one():
    vectors = F.normalize(torch.ones(5, 4), dim=1)
    weights = torch.zeros(5, 5)
    weights[0, 1] = weights[1, 0] = 0.3
    known = torch.ones(5, dtype=torch.bool)
    assert contrast_loss(vectors, weights, known, TEMPERATURE).item() == pytest.approx(1)


def test_a_step_brings_companions_nearer_and_pushes_the_others_away():
    vectors = unit_vectors(1, 4).requires_grad_()
    weights = torch.zeros(4, 4)
    weights[0, 1] = weights[1, 0] = 1
    known = torch.tensor([True, True, True, False])
    contrast_loss(vectors, weights, known, TEMPERATURE).backward()
    moved = F.normalize(vectors - 0.01 * gradient(vectors), dim=1)
    before, after = vectors @ vectors.T, moved @ moved.T
    assert after[0, 1] > before[0, 1]
    assert after[0, 2] < before[0, 2]


def test_what_is_not_known_to_go_with_anything_is_moved_by_nothing():
    vectors = unit_vectors(2, 4).requires_grad_()
    weights = torch.zeros(4, 4)
    weights[0, 1] = weights[1, 0] = 1
    contrast_loss(vectors, weights, torch.tensor([True, True, True, False]), 0.2).backward()
    assert gradient(vectors)[3].eq(0).all()
    assert gradient(vectors)[:3].ne(0).any(1).all()


@pytest.mark.parametrize(
    ("weight", "known"), [(0.0, True), (1.0, True), (0.0, False)], ids=["none", "all", "unknown"]
)
def test_without_a_companion_or_a_negative_it_costs_and_moves_nothing(weight, known):
    vectors = unit_vectors(3, 3).requires_grad_()
    loss = contrast_loss(vectors, torch.full((3, 3), weight), torch.full((3,), known), TEMPERATURE)
    loss.backward()
    assert loss.item() == 0
    assert gradient(vectors).eq(0).all()


def test_an_arranged_order_holds_each_product_once_and_couples_side_by_side():
    pairs = [(a, a + 1, 0.5) for a in range(0, 40, 2)]
    together = companionship(pairs, ["kind"] * 60)
    order = np.random.default_rng(1).permutation(60)
    arranged = together.arranged(order, np.random.default_rng(2)).tolist()
    assert sorted(arranged) == list(range(60))
    places = {product: place for place, product in enumerate(arranged)}
    assert all(abs(places[a] - places[b]) == 1 for a, b, _ in pairs)
    again = together.arranged(order, np.random.default_rng(2)).tolist()
    assert again == arranged


def test_an_arrangement_takes_only_what_is_in_the_order():
    together = companionship([(0, 1, 1.0), (1, 2, 1.0)], ["a", "a", "b", "b"])
    assert sorted(together.arranged(np.array([3, 0]), np.random.default_rng(1))) == [0, 3]


def test_neighbours_are_of_one_category():
    categories = np.arange(96) % 3
    together = companionship([(n, n + 48, 0.5) for n in range(48)], categories)
    arranged = together.arranged(np.arange(96), np.random.default_rng(1))
    blocks = categories[arranged].reshape(-1, 2 * BLOCK)
    assert (blocks == blocks[:, :1]).all()


def test_heavier_companions_are_drawn_more_often_and_all_are_in_time():
    together = companionship([(0, 1, 0.9), (0, 2, 0.1)], ["a"] * 4)
    rng = np.random.default_rng(4)
    first = [together.arranged(np.arange(4), rng).tolist() for _ in range(200)]
    beside = [abs(order.index(0) - order.index(1)) == 1 for order in first]
    heavier = sum(order[order.index(0) + 1 :][:1] == [1] for order in first)
    assert 150 < heavier < 200
    assert sum(beside) >= heavier


def test_a_batch_is_told_what_goes_together_within_it():
    together = companionship([(0, 1, 0.5), (1, 3, 0.25)], ["a"] * 5)
    weight_BB, is_known_B = together.among(np.array([3, 4, 1]))
    assert weight_BB.tolist() == [[0, 0, 0.25], [0, 0, 0], [0.25, 0, 0]]
    assert is_known_B.tolist() == [True, False, True]


@given(st.integers(1, 12), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_what_a_batch_is_told_is_what_a_dense_matrix_says(count, seed):
    rng = np.random.default_rng(seed)
    drawn_NN = np.triu(rng.random((count, count)) * (rng.random((count, count)) < 0.3), 1)
    weight_NN = (drawn_NN + drawn_NN.T).astype(np.float32)
    rows_B = rng.permutation(count)[: rng.integers(1, count + 1)]
    told = Companionship(sp.csr_array(weight_NN), np.zeros(count)).among(rows_B)
    np.testing.assert_array_equal(told[0].numpy(), weight_NN[np.ix_(rows_B, rows_B)])
    np.testing.assert_array_equal(told[1].numpy(), weight_NN[rows_B].any(1))


def test_a_shop_without_pairs_is_told_apart():
    assert not companionship([], ["a", "b"])
    assert companionship([(0, 1, 1.0)], ["a", "b"])


@dataclass(frozen=True)
class StyleShop:
    """Products whose customers care for a style, which no label tells; all have a text alone."""

    style_N: np.ndarray
    examples: list[Example]

    @classmethod
    def of(cls, count: int) -> "StyleShop":
        rng = np.random.default_rng(5)
        style_N, kind_N = rng.integers(len(STYLES), size=count), rng.integers(3, size=count)
        texts = [
            f"{STYLES[style]} {KIND.classes[kind]} {rng.integers(9)}"
            for style, kind in zip(style_N, kind_N, strict=True)
        ]
        return cls(
            style_N,
            [
                Example((), buckets(text, 512), np.array([[0, kind]]))
                for text, kind in zip(texts, kind_N, strict=True)
            ],
        )

    def companionship(self, rng: np.random.Generator, *, is_noise: bool) -> Companionship:
        """Say of a tenth of the pairs of one style that they go together; with noise of any."""
        style_N = rng.permutation(self.style_N) if is_noise else self.style_N
        drawn_NN = np.triu(rng.random((len(style_N), len(style_N))) < 0.1, 1)
        weight_NN = (drawn_NN & (style_N[:, None] == style_N)).astype(np.float32)
        kind_N = np.array([example.labels[0, 1] for example in self.examples])
        return Companionship(sp.csr_array(weight_NN + weight_NN.T), kind_N)


@pytest.fixture(scope="module")
def found(tiny, cpu_device) -> dict[str, tuple[float, float]]:
    """The share of one style among the ten nearest, and the accuracy, on products never sold."""
    trained_on, never_sold = StyleShop.of(240), StyleShop.of(300).examples[240:]
    style_N = StyleShop.of(300).style_N[240:]
    config = replace(tiny, contrast_weight=1.0)
    rng = np.random.default_rng(6)
    told = {
        "nothing": None,
        "noise": trained_on.companionship(rng, is_noise=True),
        "companions": trained_on.companionship(rng, is_noise=False),
    }
    results = {}
    for name, companionship in told.items():
        model, curves = fit(
            config,
            (KIND,),
            trained_on.examples,
            never_sold,
            cpu_device,
            7,
            companionship=companionship,
        )
        assert ("contrast_loss" in curves) == (companionship is not None)
        prediction = predict(model, never_sold)
        near_NN = prediction.embedding_NE @ prediction.embedding_NE.T
        np.fill_diagonal(near_NN, -2)
        nearest_NK = np.argsort(-near_NN, axis=1, kind="stable")[:, :10]
        same = float((style_N[nearest_NK] == style_N[:, None]).mean())
        right = prediction.probability[0].argmax(1) == [e.labels[0, 1] for e in never_sold]
        results[name] = same, float(right.mean())
    return results


def test_products_never_sold_come_near_to_what_the_same_customers_buy(found):
    assert found["companions"][0] > found["nothing"][0] + 0.3


def test_pairs_that_say_nothing_bring_nothing_nearer(found):
    assert found["noise"][0] < found["nothing"][0] + 0.1


def test_the_labels_are_still_read(found):
    assert found["companions"][1] > 0.95


def test_without_companions_or_weight_the_fit_is_what_it_was(tiny, cpu_device):
    shop = StyleShop.of(60)
    rng = np.random.default_rng(1)
    weights = [
        fit(config, (KIND,), shop.examples, shop.examples, cpu_device, 7, companionship=told)[0]
        for config, told in (
            (replace(tiny, epochs=2), None),
            (replace(tiny, epochs=2), companionship([], ["a"] * 60)),
            (replace(tiny, epochs=2, contrast_weight=0), shop.companionship(rng, is_noise=False)),
        )
    ]
    plain, empty, unweighted = (model.state_dict() for model in weights)
    for name, value in plain.items():
        assert torch.equal(value, empty[name]), name
        assert torch.equal(value, unweighted[name]), name

"""Fixtures of the ranker's tests."""

from dataclasses import replace

import pytest
import torch

from tests.training.ranker import taste_shop
from training.ranker import examples
from training.ranker.config import RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.features import Catalogue, FeatureReader
from training.ranker.fitted import FittedRanker
from training.ranker.fitting import fit
from vitrine import warehouse


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Matrices this small are slower on two threads, and much slower beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def with_trees(installation) -> FittedRanker:
    """A network and trees, fitted to a few lists of the taste shop."""
    config = replace(
        RankerConfig(),
        max_groups=300,
        epochs=3,
        batch_groups=16,
        pool_size=20,
        uniform_size=20,
        likely_size=8,
        trees=5,
    )
    with warehouse.connect(installation.paths) as connection:
        reader = FeatureReader(connection, Catalogue.load())
        rows = examples.build(reader, config, taste_shop.END, seed=1)
        frame = ExampleFrame.of(rows, reader.catalogue)
        return fit(frame, reader.catalogue, config, seed=1).ranker


@pytest.fixture(scope="session")
def network(with_trees) -> FittedRanker:
    """The network alone."""
    return replace(with_trees, trees=None, trees_weight=0.0)

"""The state that is read from a warehouse ranks as the network over frames does."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.training.ranker import taste_shop
from training.ranker.features import Catalogue, FeatureReader
from training.ranker.preparation import prepared
from training.ranker.ranking import RankerScorer, ranked
from vitrine import warehouse
from vitrine.errors import BadInputError
from vitrine.interval import DAY

K = 9


@pytest.fixture(scope="module")
def reader(installation):
    with warehouse.connect(installation.paths) as connection:
        yield FeatureReader(connection, Catalogue.load())


def candidates(reader, instants):
    """Every customer, the quiet and the late ones too, with what sells in their country."""
    customers = reader.customers_known(taste_shop.END)
    lists = pd.DataFrame(
        [(customer, pd.Timestamp(instant)) for instant in instants for customer in customers],
        columns=["customer_id", "as_of"],
    )
    lists["as_of"] = lists["as_of"].astype("datetime64[us, UTC]")
    return reader.candidates(lists, reader.campaigns_on_sale(instants))


def test_lists_and_scores_are_those_of_the_network_over_frames(reader, network):
    asked = candidates(reader, [taste_shop.END])
    expected = together(ranked(RankerScorer(reader, network), asked, K))
    state = prepared(reader, network, asked)
    found = together(replace(state, customers_at_once=50).all(K))
    for own, other in zip(found[:3], expected[:3], strict=True):
        assert own.tolist() == other.tolist()
    assert found[3] == pytest.approx(expected[3], abs=1e-4)
    assert np.unique(found[0]).tolist() == list(range(len(asked.lists)))
    assert expected[3].std() > 0.1
    # Empty ones would prove nothing.
    assert all(len(block.value_YF) for block in state.blocks)
    assert len(state.near) == len(state.offers)
    assert all(near.bought["faded"].nnz for near in state.near)


def together(parts) -> list[np.ndarray]:
    """Lists, campaigns, ranks and scores of all parts' pairs."""
    return [np.concatenate(each) for each in zip(*(part.pairs() for part in parts), strict=True)]


def test_a_state_is_of_one_instant(reader, network):
    asked = candidates(reader, [taste_shop.END - DAY, taste_shop.END])
    with pytest.raises(BadInputError, match="one instant, not of 2"):
        prepared(reader, network, asked)

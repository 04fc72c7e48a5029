"""The state that is read from a warehouse ranks as the network over frames does."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.training.ranker import taste_shop
from training.ranker import examples
from training.ranker.config import RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.features import Catalogue, FeatureReader
from training.ranker.fitting import fit
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


@pytest.fixture(scope="module")
def ranker(reader):
    config = replace(
        RankerConfig(), max_groups=300, epochs=3, batch_groups=16, pool_size=20, trees=0
    )
    rows = examples.build(reader, config, taste_shop.END, seed=1)
    frame = ExampleFrame.of(rows, reader.catalogue)
    return fit(frame, reader.catalogue, config, seed=1).ranker


def candidates(reader, instants):
    """Every customer, the quiet and the late ones too, with what sells in their country."""
    customers = reader.customers_known(taste_shop.END)
    lists = pd.DataFrame(
        [(customer, pd.Timestamp(instant)) for instant in instants for customer in customers],
        columns=["customer_id", "as_of"],
    )
    lists["as_of"] = lists["as_of"].astype("datetime64[us, UTC]")
    return reader.candidates(lists, reader.campaigns_on_sale(instants))


def test_lists_and_scores_are_those_of_the_network_over_frames(reader, ranker):
    asked = candidates(reader, [taste_shop.END])
    expected = ranked(RankerScorer(reader, ranker), asked, K)
    state, found = prepared(reader, ranker, asked), []
    for part in state.all(K):
        for row, customer in enumerate(part.customer_B):
            found += [(customer, *each) for each in zip(part.campaign_BN[row], part.score_BN[row],
                                                        strict=True)]  # fmt: skip
    own = pd.DataFrame(found, columns=["list", "campaign", "score"])
    own = own[own["campaign"] >= 0].sort_values("list", kind="stable")
    assert own["list"].nunique() == len(asked.lists)
    customer_ids = asked.lists["customer_id"].to_numpy()[own["list"]]
    assert customer_ids.tolist() == expected["customer_id"].tolist()
    campaign_ids = asked.campaigns["campaign_id"].to_numpy()[own["campaign"]]
    assert campaign_ids.tolist() == expected["campaign_id"].tolist()
    assert own["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-4)
    assert expected["score"].std() > 0.1
    kinds = {block.names[0] for block in state.blocks if len(np.atleast_1d(_rows(block)))}
    assert len(kinds) == len(state.blocks)


def _rows(block) -> np.ndarray:
    """What a block holds at all: an empty one would prove nothing."""
    return block.value_YF if hasattr(block, "value_YF") else block.bought["faded"].data


def test_a_state_is_of_one_instant(reader, ranker):
    asked = candidates(reader, [taste_shop.END - DAY, taste_shop.END])
    with pytest.raises(BadInputError, match="one instant, not of 2"):
        prepared(reader, ranker, asked)

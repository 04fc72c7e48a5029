"""Prepared blocks hold what the affinity says of the same pairs, one pair at a time."""

import numpy as np
import pandas as pd
import pytest

from tests.training.ranker.test_affinity import NIGHT, history, said
from training.ranker import affinity
from training.ranker.affinity import Affinities
from vitrine.affinities import CONTENT, FEATURES, OWN

CAMPAIGNS = ["new", "d", "a", "c", "b"]
CUSTOMERS = [*(f"u{n}" for n in range(30)), "never bought", "unheard of"]


@pytest.fixture(scope="module", params=[30, 2 * affinity.MOST_ALIKE])
def known(request):
    """A shop of few customers, and one of more than are looked at for the most alike."""
    rng = np.random.default_rng(3)
    size = request.param
    rows = [
        (f"u{rng.integers(0, size)}", "abcd"[rng.integers(0, 4)], *[float(rng.integers(1, 60))] * 2)
        for _ in range(5 * size)
    ]
    return Affinities(history([*rows, ("elsewhere", "z", 5.0, 5.0)]), said_of_any).at(NIGHT)


def said_of_any(campaigns: pd.DataFrame):
    return said(campaigns.assign(campaign_id=campaigns["campaign_id"].replace({"z": "a"})))


def dense(blocks, customers: np.ndarray, campaigns: np.ndarray) -> pd.DataFrame:
    """Fill the features of all pairs in, those of both blocks."""
    told = {name for block in blocks for name in block.names}
    fills = {f.name: f.fill for f in (*FEATURES, *CONTENT) if f.name in told}
    rows = pd.DataFrame(fills, index=range(len(customers) * len(campaigns)), dtype=np.float32)
    own_block, near_block = blocks
    own = own_block.own(customers, campaigns)
    rows.loc[own.pair_X, list(own_block.names)] = own.value_YF[own.row_X]
    bought_T = np.flatnonzero(near_block.has_bought(customers))
    value_FTC = near_block.of(campaigns).features(customers[bought_T])
    pair_TC = bought_T[:, None] * len(campaigns) + np.arange(len(campaigns))
    rows.loc[pair_TC.ravel(), list(near_block.names)] = value_FTC.reshape(len(value_FTC), -1).T
    return rows


def test_blocks_hold_what_is_said_of_single_pairs(known):
    customer_ids, campaign_ids = np.array(CUSTOMERS, object), np.array(CAMPAIGNS, object)
    blocks = known.blocks(customer_ids, campaign_ids)
    assert [name for block in blocks for name in block.names] == [f.name for f in FEATURES]
    chunk, offered = np.array([31, 4, 0, 30, 17]), np.array([0, 2, 3])
    found = dense(blocks, chunk, offered)
    list_R, campaign_R = np.divmod(np.arange(15), 3)
    expected = known.rows(customer_ids[chunk], campaign_ids[offered], list_R, campaign_R)
    assert (expected[:, len(OWN) :] != 0).any(axis=0).all()
    assert found.to_numpy() == pytest.approx(expected, rel=1e-4, abs=1e-6)

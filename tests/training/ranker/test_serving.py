"""What is ranked and written is what the model makes of frames, whichever way it was computed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.training.ranker import taste_shop
from training.ranker import serving
from training.ranker.candidates import Candidates
from training.ranker.inputs import InputSample
from training.ranker.ranking import RankerScorer, ranked
from training.ranker.rankings import Naming, Rankings
from training.ranker.serving import Model
from vitrine.errors import VitrineError
from vitrine.interval import DAY

K = 9
COLUMNS = ("customer_id", "rank", "campaign_id", "product_id", "score")


@pytest.fixture
def asked(reader) -> Candidates:
    return everybody(reader)


def everybody(reader) -> Candidates:
    """All customers, and what is or within a day will be on sale in their country."""
    customers = reader.customers_known(taste_shop.END)
    campaigns = reader.campaigns_opening(taste_shop.END, within=DAY)
    return serving.candidates(reader, customers, campaigns, taste_shop.END)


def rows_over_frames(reader, ranker, asked, best_products) -> pd.DataFrame:
    """Score every pair from a row of its features, and sort."""
    list_R, campaign_R = asked.pairs()
    score_R = RankerScorer(reader, ranker).prepared(asked)(asked, list_R, campaign_R)
    rows = pd.DataFrame({"list": list_R, "campaign": campaign_R, "score": score_R.astype(float)})
    rows = rows.sort_values(["list", "score", "campaign"], ascending=[True, False, True])
    rows["rank"] = (rows.groupby("list").cumcount() + 1).astype(np.int32)
    rows = rows[rows["rank"] <= K]
    rows["customer_id"] = asked.lists["customer_id"].to_numpy()[rows["list"]]
    rows["campaign_id"] = asked.campaigns["campaign_id"].to_numpy()[rows["campaign"]]
    rows = rows.merge(best_products, how="left")
    return rows.assign(product_id=rows["product_id"].replace({np.nan: None}))[list(COLUMNS)]


@pytest.mark.parametrize("kind", ["network", "with_trees"])
def test_what_is_written_is_what_frames_give(kind, request, reader, asked, tmp_path):
    ranker, file = request.getfixturevalue(kind), tmp_path / "rows.parquet"
    model = Model(RankerScorer(reader, ranker), None, ranker)
    # One is sold out.
    best = reader.best_products(taste_shop.END).iloc[1:]
    naming = Naming.of(asked, best)
    count = naming.write(file, serving.rankings(model, reader, asked, K), COLUMNS)
    expected = rows_over_frames(reader, ranker, asked, best)
    assert count == len(expected) == K * len(asked.lists)
    assert expected["score"].std() > 0.1
    assert expected["product_id"].isna().any()
    pd.testing.assert_frame_equal(pd.read_parquet(file), expected, atol=1e-4, rtol=0)


def test_only_a_network_alone_is_streamed(reader, network, with_trees, asked):
    assert network.is_streamable
    assert not with_trees.is_streamable
    state = replace(serving.prepared(reader, network, asked), ranker=with_trees)
    with pytest.raises(ValueError, match="neither trees nor texts"):
        state.one(0, K)


def test_no_more_is_kept_than_is_on_sale(reader, network, asked):
    model = Model(RankerScorer(reader, network), None, network)
    (part,) = serving.rankings(model, reader, asked, 10_000)
    assert part.campaign_BN.shape == (len(asked.lists), asked.count_L.max())
    nobody = asked.only(np.zeros(len(asked.lists), bool))
    assert list(serving.rankings(model, reader, nobody, K)) == []


def test_a_file_of_no_rankings_has_its_columns(asked, tmp_path):
    file = tmp_path / "rows.parquet"
    assert Naming.of(asked).write(file, [], COLUMNS) == 0
    types = {field.name: str(field.type) for field in pq.read_schema(file)}
    assert types == {
        "customer_id": "string",
        "rank": "int32",
        "campaign_id": "string",
        "product_id": "string",
        "score": "double",
    }


def test_a_sample_holds_the_features_that_were_scored(reader, network, asked):
    model = Model(RankerScorer(reader, network), None, network)
    sample = InputSample(asked, K, seed=3, size=40)
    parts = [part.pairs() for part in sample.watching(serving.rankings(model, reader, asked, K))]
    rows = sample.rows(reader, network)
    list_R, campaign_R, _, score_R = (np.concatenate(each) for each in zip(*parts, strict=True))
    published = pd.DataFrame(
        {
            "customer_id": asked.lists["customer_id"].to_numpy()[list_R],
            "campaign_id": asked.campaigns["campaign_id"].to_numpy()[campaign_R],
            "score": score_R,
        }
    )
    each = np.arange(len(rows))
    rows["again"] = network.over(rows, rows)(each, each, rows)
    both = rows.merge(published, on=["customer_id", "campaign_id"])
    assert len(both) == len(rows) == 40
    assert both["again"].to_numpy() == pytest.approx(both["score"].to_numpy(), abs=1e-4)
    assert set(rows["as_of"]) == {pd.Timestamp(taste_shop.END)}
    assert set(reader.catalogue.names) <= set(rows.columns)


def test_the_same_pairs_are_drawn_however_the_rankings_come(reader, network, asked):
    model = Model(RankerScorer(reader, network), None, network)
    drawn = []
    for parts in (
        serving.rankings(model, reader, asked, K),
        ranked(model.scorer, asked, K, max_pairs=700),
    ):
        sample = InputSample(asked, K, seed=3, size=40)
        assert sum(len(part.list_B) for part in sample.watching(parts)) == len(asked.lists)
        drawn.append(sample.rows(reader, network))
    streamed, framed = drawn
    pd.testing.assert_frame_equal(streamed, framed)


def test_scores_of_other_features_are_refused(reader, network, asked):
    model = Model(RankerScorer(reader, network), None, network)
    sample = InputSample(asked, K, seed=3, size=40)
    parts = serving.rankings(model, reader, asked, K)
    for _ in sample.watching(replace(part, score_BN=part.score_BN + 0.1) for part in parts):
        pass
    with pytest.raises(VitrineError, match="40 of 40 scores are not those of the published"):
        sample.rows(reader, network)


def test_a_sample_of_rankings_that_stopped_is_refused(reader, network, asked):
    sample = InputSample(asked, K, seed=3, size=40)
    nothing = Rankings(np.empty(0, np.int64), np.empty((0, K), np.int32), np.empty((0, K)))
    assert list(sample.watching([nothing])) == [nothing]
    with pytest.raises(VitrineError, match="40 pairs were drawn, 0 were ranked"):
        sample.rows(reader, network)

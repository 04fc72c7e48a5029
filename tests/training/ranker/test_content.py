"""What embeddings say of campaigns, and that they never know more than the day that asks."""

import json
import os
from dataclasses import replace
from datetime import timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.training.ranker import planted
from tests.training.ranker.test_affinity import DAY, NIGHT, THREE, history, said
from tests.training.ranker.test_near_block import dense
from training.ranker.affinity import Affinities
from training.ranker.config import RankerConfig
from training.ranker.content import Contents
from training.ranker.dataset import ExampleFrame
from training.ranker.fitting import encoders_of, fit, scored
from vitrine.affinities import CONTENT, FEATURES
from vitrine.errors import BadInputError
from vitrine.interval import format_instant

NAMES = [f.name for f in CONTENT]
SOLD = {
    "a": ["warm", "dark"], "b": ["warm"], "c": ["cold"], "d": ["cold"], "new": ["warmer"], "e": []
}  # fmt: skip
VECTORS = {"warm": (1, 0), "warmer": (0.9, 0.1), "cold": (-1, 0), "dark": (0, 1), "light": (0, -1)}


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.execute("set TimeZone = 'UTC'; attach ':memory:' as daily")
        opened.execute("create schema daily.intermediate")
        rows = [(c, p, NIGHT - 60 * DAY) for c, products in SOLD.items() for p in products]
        # Who asks before it joined the campaign does not see it.
        offers = pd.DataFrame(
            [*rows, ("b", "light", NIGHT + DAY)],
            columns=["campaign_id", "product_id", "available_at"],
        )
        opened.register("offers", offers)
        opened.execute("create table daily.intermediate.int_campaign_products as from offers")
        yield opened


def publish(root, version, data_end, vectors, came=None):
    """Publish vectors; `came` says of which products the words and photographs came when."""
    folder = root / "versions" / f"v{version}"
    folder.mkdir(parents=True)
    rows = pd.DataFrame(
        {
            "product_id": list(vectors),
            "content_received_at": [(came or {}).get(p, NIGHT - 60 * DAY) for p in vectors],
            "embedding": [[*v] for v in vectors.values()],
        }
    ).astype({"content_received_at": "datetime64[us, UTC]"})
    rows.to_parquet(folder / "product_embeddings.parquet")
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({"data_end": format_instant(data_end), "version": version}))
    os.utime(manifest, (version, version))


def of(connection, root) -> Contents:
    found = Contents.of(connection, root)
    assert found is not None
    return found


def asked(campaigns, at):
    return pd.DataFrame({"campaign_id": campaigns, "as_of": pd.Series([at] * len(campaigns))})


def rows_of(contents, at, customers=("ann", "bob"), campaigns=("a", "b", "c", "d", "new")):
    list_R, campaign_R = np.divmod(np.arange(len(customers) * len(campaigns)), len(campaigns))
    rows = Affinities(history(THREE), said, contents).rows(
        np.array(customers, object), asked(list(campaigns), pd.Timestamp(at)), list_R, campaign_R
    )
    rows.index = pd.MultiIndex.from_product([customers, campaigns])
    return rows


def test_without_publications_there_is_no_content(connection, tmp_path):
    assert Contents.of(connection, tmp_path) is None
    assert list(rows_of(None, NIGHT).columns) == [f.name for f in FEATURES]


def test_what_sells_like_things_is_near(connection, tmp_path):
    publish(tmp_path, 1, NIGHT, VECTORS)
    rows = rows_of(of(connection, tmp_path), NIGHT)
    assert list(rows.columns)[-3:] == NAMES
    # Ann bought a and b, which are warm, and last c, which is cold.
    for name in ("near_content", "near_content_best"):
        assert rows.loc[("ann", "new"), name] > rows.loc[("bob", "d"), name] >= 0
    assert rows.loc[("ann", "new"), "near_content_last"] == 0, "her last order was of the opposite"
    assert rows.loc[("ann", "b"), "near_content_best"] < 0.999, "a sells something else beside it"


def test_a_campaign_is_the_mean_of_what_it_was_known_to_sell(connection, tmp_path):
    publish(tmp_path, 1, NIGHT, VECTORS)
    contents = of(connection, tmp_path)
    centred = np.array([*VECTORS.values()]) - np.mean([*VECTORS.values()], axis=0)
    unit = dict(zip(VECTORS, centred / np.linalg.norm(centred, axis=1, keepdims=True), strict=True))
    expected = {
        "a": unit["warm"] + unit["dark"], "b": unit["warm"], "c": unit["cold"], "e": np.zeros(2)
    }  # fmt: skip
    found = contents.directions(asked(list(expected), NIGHT))
    for direction, mean in zip(found, expected.values(), strict=True):
        assert direction == pytest.approx(mean / max(np.linalg.norm(mean), 1e-9), abs=1e-6)
    (later,) = contents.directions(asked(["b"], NIGHT + DAY))
    mean = unit["warm"] + unit["light"]
    assert later == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_a_day_never_sees_a_model_that_learnt_of_it(connection, tmp_path):
    """The newest publication is of a model that learnt until two hours into the night's day."""
    publish(tmp_path, 1, NIGHT - 10 * DAY, VECTORS)
    early_alone = of(connection, tmp_path)
    early = rows_of(early_alone, NIGHT)
    publish(tmp_path, 2, NIGHT + timedelta(hours=2), {p: v[::-1] for p, v in VECTORS.items()})
    contents = of(connection, tmp_path)
    pd.testing.assert_frame_equal(rows_of(contents, NIGHT), early)
    pd.testing.assert_frame_equal(
        rows_of(contents, NIGHT + timedelta(hours=20))[NAMES],
        rows_of(early_alone, NIGHT + timedelta(hours=20))[NAMES],
    )
    assert (rows_of(contents, NIGHT + DAY)[NAMES] != early[NAMES]).any(axis=None)
    nothing_yet = rows_of(contents, NIGHT - 11 * DAY)
    assert not nothing_yet[NAMES].to_numpy().any()
    assert nothing_yet["near_words"].any()


def test_a_day_never_sees_what_the_shop_described_later(connection, tmp_path):
    """The model learnt ten days before; its newest publication read tomorrow's catalogue."""
    then = {"warm": (1, 0), "dark": (0, 1), "cold": (-1, 0)}
    publish(tmp_path / "then", 1, NIGHT - 10 * DAY, then)
    now = {"warm": (1, 0), "dark": (0, 1), "cold": (-1, 0), "warmer": (0.9, 0.1), "light": (0, -1)}
    came = {"warmer": NIGHT + timedelta(hours=1), "light": NIGHT}
    publish(tmp_path / "now", 1, NIGHT - 10 * DAY, now, came)
    at_night, later = asked([*SOLD], NIGHT), asked([*SOLD], NIGHT + DAY)
    of_then, of_now = of(connection, tmp_path / "then"), of(connection, tmp_path / "now")
    # The mean around which they lie is that of then, too.
    np.testing.assert_array_equal(of_now.directions(at_night), of_then.directions(at_night))
    new = list(SOLD).index("new")
    assert not of_now.directions(at_night)[new].any()
    assert of_now.directions(later)[new].any()
    assert of_now.directions(asked(["a"], NIGHT - 61 * DAY)).shape == (1, 0)


def test_blocks_hold_what_is_said_of_single_pairs(connection, tmp_path):
    publish(tmp_path, 1, NIGHT, VECTORS)
    contents = of(connection, tmp_path)
    affinity = Affinities(history(THREE), said, contents).at(NIGHT)
    customers, campaigns = np.array(["ann", "bob", "nobody"], object), np.array([*SOLD], object)
    own, near = affinity.blocks(customers, campaigns)
    assert near is not None
    assert near.names[-3:] == tuple(NAMES)
    list_R, campaign_R = np.divmod(np.arange(3 * len(campaigns)), len(campaigns))
    expected = affinity.rows(customers, campaigns, list_R, campaign_R)
    found = dense((own, near), np.arange(3), np.arange(len(campaigns)))
    assert found.to_numpy() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    # A ranker of the time before embeddings gets what it knows, and no more.
    told = near.told({f.name for f in FEATURES})
    assert told.names == near.names[:-3]
    two_T = np.arange(2)
    assert (told.features(two_T) == near.features(two_T)[:-3]).all()
    assert near.told({*near.names, "more"}) is near


@pytest.mark.parametrize(
    ("share", "is_asked", "is_used"),
    [(0.0, True, False), (0.3, True, False), (0.9, True, True), (0.9, False, False)],
)
def test_content_is_learnt_from_only_where_most_examples_know_it(share, is_asked, is_used):
    """A network that has learnt nothing of a feature is misled by the first value that it has."""
    frame = ExampleFrame.of(planted.examples(20, has_pattern=True, seed=1), planted.CATALOGUE)
    is_embedded_R = frame.group_R < share * 20
    of_content = {name: is_embedded_R.astype(np.float32) for name in NAMES}
    frame = replace(frame, pairs=frame.pairs.assign(near_words=0.5, **of_content))
    catalogue = replace(planted.CATALOGUE, pair=(*planted.CATALOGUE.pair, *CONTENT))
    *_, pair = encoders_of(frame, catalogue, with_content=is_asked)
    assert pair.names == ["times_bought", *(NAMES if is_used else [])]


def test_examples_of_before_the_first_embeddings_are_learnt_from_without(tmp_path):
    """The classifier's first embeddings came between the writing of examples and the training."""
    catalogue = replace(planted.CATALOGUE, pair=(*planted.CATALOGUE.pair, *CONTENT))
    rows = planted.examples(60, has_pattern=True, seed=1)
    pq.write_table(rows, tmp_path / "examples.parquet")
    frame = ExampleFrame.read(tmp_path / "examples.parquet", catalogue)
    config = replace(RankerConfig(), epochs=3, batch_groups=8, uniform_size=20, likely_size=0)
    found = fit(frame, catalogue, config, seed=1).ranker
    assert found.pair.names == ["times_bought"]
    assert found.config == config, "so the next run is a refresh, not a challenge"
    score_R = scored(found, frame)
    embedded = frame.pairs.assign(**dict.fromkeys(NAMES, 1.0))
    assert (scored(found, replace(frame, pairs=embedded)) == score_R).all()


def test_examples_with_a_part_of_the_content_are_refused():
    catalogue = replace(planted.CATALOGUE, pair=(*planted.CATALOGUE.pair, *CONTENT))
    rows = planted.examples(2, has_pattern=True, seed=1)
    rows = rows.append_column("near_content", rows["tone"])
    with pytest.raises(BadInputError, match="lack near_content_best; write them again"):
        ExampleFrame.of(rows, catalogue)

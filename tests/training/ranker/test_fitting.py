import json
from dataclasses import asdict, replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import torch

from tests.training.ranker import planted
from training.ranker import fitting
from training.ranker.candidates import ranges
from training.ranker.config import RankerConfig
from training.ranker.dataset import Dataset, ExampleFrame
from training.ranker.encoding import Categorical, Encoder, Numeric
from training.ranker.fitted import FittedRanker, predictor
from training.ranker.fitting import Loop, fit, refuse_degenerate
from training.ranker.model import Ranker
from vitrine.errors import BadArgumentError, BadInputError, DegenerateModelError

CONFIG = replace(
    RankerConfig(),
    epochs=6,
    batch_groups=32,
    negatives=10,
    learning_rate=1e-2,
    loss="triplet",
    likely_size=6,
    trees=0,
)


def frame(groups: int, has_pattern: bool, seed: int) -> ExampleFrame:
    return ExampleFrame.of(planted.examples(groups, has_pattern, seed), planted.CATALOGUE)


def fitted(examples: ExampleFrame, config: RankerConfig = CONFIG, seed: int = 7) -> FittedRanker:
    return fit(examples, planted.CATALOGUE, config, seed=seed).ranker


def scores(ranker: FittedRanker, examples: ExampleFrame) -> np.ndarray:
    customers = ranker.customers(examples.customers)
    campaigns = ranker.campaigns(examples.campaigns)
    return ranker.scores(
        customers, campaigns, examples.group_R, examples.campaign_R, examples.pairs
    )


def area_under_curve(score_R: np.ndarray, examples: ExampleFrame) -> float:
    """Share of (purchase, negative) pairs of a group in the right order."""
    shares = []
    for group in range(len(examples.as_of_G)):
        own = examples.group_R == group
        bought, others = own & (examples.label_R == 1), own & (examples.label_R == 0)
        shares.append((score_R[bought][:, None] > score_R[others]).mean())
    return float(np.mean(shares))


@pytest.fixture(scope="module")
def pattern() -> ExampleFrame:
    return frame(400, has_pattern=True, seed=1)


@pytest.fixture(scope="module")
def later() -> ExampleFrame:
    return frame(200, has_pattern=True, seed=2)


@pytest.fixture(scope="module")
def ranker(pattern) -> FittedRanker:
    return fitted(pattern)


@pytest.mark.parametrize("loss", ["triplet", "softmax"])
def test_a_pattern_is_found(pattern, later, loss):
    found = fitted(pattern, replace(CONFIG, loss=loss))
    assert area_under_curve(scores(found, later), later) > 0.85


@pytest.mark.parametrize("loss", ["triplet", "softmax"])
def test_in_noise_nothing_is_found(loss):
    learnt, unseen = frame(400, has_pattern=False, seed=1), frame(400, has_pattern=False, seed=2)
    found = fitted(learnt, replace(CONFIG, loss=loss))
    assert abs(area_under_curve(scores(found, unseen), unseen) - 0.5) < 0.05


def test_the_same_seed_gives_the_same_scores(pattern, later, ranker):
    assert np.array_equal(scores(fitted(pattern), later), scores(ranker, later))
    assert not np.array_equal(scores(fitted(pattern, seed=8), later), scores(ranker, later))


def test_files_of_a_release_with_other_layers_are_refused_by_name(ranker, tmp_path):
    ranker.save(tmp_path / "model")
    description = tmp_path / "model" / "ranker.json"
    stored = json.loads(description.read_text())
    stored["config"]["head_width"] += 1
    description.write_text(json.dumps(stored))
    with pytest.raises(BadInputError, match="release with other layers"):
        FittedRanker.load(tmp_path / "model")


def test_saved_and_loaded_gives_the_same_scores(ranker, later, tmp_path):
    ranker.save(tmp_path / "model")
    loaded = FittedRanker.load(tmp_path / "model")
    assert np.array_equal(scores(loaded, later), scores(ranker, later))
    assert loaded.config == ranker.config


def test_a_batch_equals_its_single_rows_and_the_served_model(ranker, later, tmp_path):
    ranker.save(tmp_path / "model")
    predict = predictor(tmp_path / "model")
    rows = later.rows(40)
    together = predict(rows)["score"].to_numpy()
    single = [predict(rows.iloc[[n]])["score"].item() for n in range(len(rows))]
    assert together == pytest.approx(single, abs=1e-5)
    assert together == pytest.approx(scores(ranker, later)[:40], abs=1e-5)


def test_curves_have_a_value_an_epoch_and_fall_on_a_pattern(pattern, later):
    curves = fit(pattern, planted.CATALOGUE, CONFIG, seed=7, later=later).curves
    assert {name: len(values) for name, values in curves.items()} == {
        "train_loss": CONFIG.epochs,
        "later_loss": CONFIG.epochs,
        "likely_loss": CONFIG.epochs,
    }
    assert curves["train_loss"][-1] < curves["train_loss"][0]
    assert curves["later_loss"][-1] < 0.7 * CONFIG.margin


def test_two_networks_add_up_and_none_likely_leaves_one(pattern, later, ranker):
    alone = fitted(pattern, replace(CONFIG, likely_size=0))
    assert [len(each.network.networks) for each in (ranker, alone)] == [2, 1]
    first, second = (replace(ranker, network=Ranker(each)) for each in ranker.network.networks)
    assert np.array_equal(scores(first, later), scores(alone, later))
    added = scores(first, later) + scores(second, later)
    assert scores(ranker, later) == pytest.approx(added, abs=1e-4)
    likely = pattern.likeliest(fitting.scored(first, pattern), CONFIG.likely_size)
    data = [Dataset.of(f, *encoders(ranker), torch.device("cpu")) for f in (likely, pattern)]
    losses = [
        [Loop(each.network, d, None, CONFIG, seed=7).loss_without_training(d) for d in data]
        for each in (first, second)
    ]
    # Each is better than the other at what it learnt from.
    assert losses[1][0] < losses[0][0]
    assert losses[0][1] < losses[1][1]


def encoders(ranker: FittedRanker) -> tuple[Encoder, Encoder, Encoder]:
    return ranker.customer, ranker.campaign, ranker.pair


def test_short_lists_leave_one_network(pattern):
    found = fitted(pattern, replace(CONFIG, likely_size=11))
    assert len(found.network.networks) == 1


def test_settings_of_an_older_release_do_what_it_did_and_impossible_ones_are_refused():
    old = {
        k: v for k, v in asdict(RankerConfig()).items() if k not in ("likely_size", "uniform_size")
    }
    found = RankerConfig.of(old | {"pool_size": 50})
    assert (found.uniform_size, found.likely_size) == (50, 0)
    assert RankerConfig.of(asdict(CONFIG)) == CONFIG
    for setting in ("uniform_size", "likely_size"):
        with pytest.raises(BadArgumentError, match=f"{setting} 601 is more than the 600"):
            RankerConfig().changed([f"{setting}=601"])


def test_a_thinned_frame_keeps_every_purchase_and_few_negatives(pattern):
    thin = pattern.thinned(5, seed=1)
    bought, others = (np.bincount(thin.group_R[thin.label_R == label]) for label in (1, 0))
    assert np.array_equal(bought, np.bincount(pattern.group_R[pattern.label_R == 1]))
    assert set(others) == {5}
    again, other = pattern.thinned(5, seed=1), pattern.thinned(5, seed=2)
    assert np.array_equal(thin.campaign_R, again.campaign_R)
    assert not np.array_equal(thin.campaign_R, other.campaign_R)
    pd.testing.assert_frame_equal(pattern.thinned(100, seed=1).pairs, pattern.pairs)


def test_the_likeliest_rows_are_each_groups_highest_and_teach_something(pattern):
    score_R = np.random.default_rng(1).normal(size=len(pattern.label_R)).round(1)
    kept = pattern.likeliest(score_R, count=6)
    expected = []
    for group in range(len(pattern.as_of_G)):
        rows = np.flatnonzero(pattern.group_R == group)
        best = sorted(rows[np.argsort(-score_R[rows], kind="stable")[:6]])
        if len({pattern.label_R[row] for row in best}) == 2:
            expected += best
    assert np.array_equal(kept.pairs.to_numpy(), pattern.pairs.iloc[expected].to_numpy())
    assert np.array_equal(kept.label_R, pattern.label_R[expected])
    assert len(kept.as_of_G) == len(np.unique(pattern.group_R[expected])) < len(pattern.as_of_G)
    assert np.array_equal(np.unique(kept.group_R), np.arange(len(kept.as_of_G)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["epoch=12"], "--setting epoch: there is no such setting; there are max_groups, "),
        (["epochs"], "--setting epochs: write epochs=VALUE"),
        (["epochs=2", "epochs=3"], "--setting epochs is given twice"),
        (["epochs=many"], "--setting epochs=many: Input should be a valid integer"),
        (["learning_rate=-1"], "learning_rate must be positive, not -1.0"),
        (["weight_decay=nan"], "weight_decay must be 0 or more, not nan"),
        (["tower_width=0"], "tower_width must be positive, not 0"),
        (["head_width=1"], "head_width must be 2 or more, not 1"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_one_line(settings, said):
    with pytest.raises(BadArgumentError) as refused:
        RankerConfig().changed(settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_features_without_any_difference_raise(pattern):
    constant = planted.examples(60, has_pattern=True, seed=1).to_pandas()
    for name in ("taste", "tone", "times_bought"):
        constant[name] = 1.0
    constant["favourite_style"] = constant["style"] = "modern"
    table = planted.pa.Table.from_pandas(constant, preserve_index=False)
    with pytest.raises(DegenerateModelError, match="nothing was learnt"):
        fitted(ExampleFrame.of(table, planted.CATALOGUE))


def test_nan_and_a_loss_at_the_margin_raise():
    with pytest.raises(DegenerateModelError, match="nan"):
        refuse_degenerate([0.5, float("nan")], CONFIG)
    with pytest.raises(DegenerateModelError, match="nothing was learnt"):
        refuse_degenerate([1.0, 1.0], CONFIG)
    refuse_degenerate([1.0, 0.9], CONFIG)


def test_no_examples_are_refused(pattern):
    with pytest.raises(BadInputError):
        fitted(pattern.before(planted.START))


def test_a_frame_splits_by_time_without_losing_a_row(pattern):
    cut = planted.START + timedelta(hours=100)
    before, since = pattern.before(cut), pattern.since(cut)
    assert len(before.as_of_G) == 100
    assert len(since.as_of_G) == 300
    whole = pattern.rows(len(pattern.label_R))
    parts = [part.rows(len(part.label_R)) for part in (before, since)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_before_a_cut_is_what_had_been_received_by_then(pattern):
    """Purchases of an hour are received half an hour later: the last one's not before the cut."""
    cut = planted.START + timedelta(hours=99, minutes=30)
    assert len(pattern.before(cut).as_of_G) == 99
    assert len(pattern.since(cut).as_of_G) == 300


def test_examples_of_another_release_are_refused_with_what_to_type():
    rows = planted.examples(2, has_pattern=True, seed=1).drop_columns(["known_at"])
    with pytest.raises(BadInputError, match=r"lack known_at; .*vitrine train examples"):
        ExampleFrame.of(rows, planted.CATALOGUE)


def test_what_training_never_saw_gets_the_unknown_code_and_what_is_missing_the_fill():
    style = Categorical.fit("style", pd.Series(["modern"] * 6 + ["classic"] * 5 + ["rare"]))
    assert style.values == ("classic", "modern")
    assert style.encode(pd.Series(["modern", "rare", "new", None])).tolist() == [2, 0, 0, 0]
    tone = Numeric.fit("tone", 3.0, pd.Series([1.0, 2.0, 3.0]))
    encoded = tone.encode(pd.Series([3.0, None, float("inf")]))
    assert encoded[0] == encoded[1] == encoded[2]


def test_encoding_is_fitted_once(ranker, later):
    """The first rows alone are encoded as they are among all: no statistic of the batch enters."""
    whole = ranker.campaign.encode(later.campaigns)
    part = ranker.campaign.encode(later.campaigns.head(3))
    assert np.array_equal(whole.numeric_BF[:3], part.numeric_BF)
    assert np.array_equal(whole.codes_BK[:3], part.codes_BK)


def test_a_missing_feature_is_named(ranker, later):
    with pytest.raises(BadInputError, match="tone"):
        ranker.campaigns(later.campaigns.drop(columns="tone"))


def test_an_encoder_survives_its_json():
    rows = pd.DataFrame({"tone": [1.0, 2.0], "style": ["modern", "modern"]})
    encoder = Encoder.fit(planted.CATALOGUE.campaign, rows)
    assert Encoder.of(encoder.stored()) == encoder


def test_ranges_agree_with_a_slow_loop():
    start, count = np.array([5, 0, 9]), np.array([2, 3, 0])
    expected = [s + n for s, c in zip(start, count, strict=True) for n in range(c)]
    assert ranges(start, count).tolist() == expected


def test_settings_out_of_range_are_refused():
    with pytest.raises(BadArgumentError, match="loss"):
        RankerConfig(loss="unknown")
    with pytest.raises(BadArgumentError, match="epochs"):
        RankerConfig(epochs=0)

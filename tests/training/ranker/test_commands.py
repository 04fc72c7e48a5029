"""The commands on a warehouse that dbt built: from examples to recommendations."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.ranker import taste_shop
from tests.training.ranker.test_serving import K, everybody, rows_over_frames
from training.ranker.dataset import ExampleFrame
from training.ranker.examples import KEYS
from training.ranker.features import Catalogue
from training.ranker.fitted import FittedRanker, predictor
from training.ranker.inputs import KEPT_PAIRS
from training.registry import Registry
from vitrine.interval import DAY, format_instant
from vitrine.publish import current_version

END = format_instant(taste_shop.END)
ALL = sorted([f"c{n}" for n in range(taste_shop.CUSTOMERS)] + taste_shop.QUIET + [taste_shop.LATE])


@pytest.fixture(scope="module")
def example_file(run, installation) -> Path:
    code, printed = run("train", "examples", "--as-of", END)
    assert code == 0, printed
    (file,) = installation.paths.examples.glob("*.parquet")
    return file


@pytest.fixture(scope="module")
def examples(example_file) -> pd.DataFrame:
    return pq.ParquetFile(example_file).read().to_pandas()


@pytest.fixture(scope="module")
def trained(run, example_file) -> str:
    """What a training run printed."""
    code, printed = run("train", "ranker", "--as-of", END)
    assert code == 0, printed
    return printed


@pytest.fixture(scope="module")
def models(installation) -> Registry:
    return Registry(installation.settings, installation.paths)


def test_examples_are_on_sale_at_their_instant_and_negatives_not_bought(examples, reader):
    rows = examples
    on_sale = reader.campaigns_on_sale(sorted(set(rows["as_of"])))
    assert len(rows.merge(on_sale, on=["as_of", "campaign_id"])) == len(rows)
    bought = rows[rows["label"] == 1][["customer_id", "campaign_id", "as_of"]]
    negatives = rows[rows["label"] == 0]
    assert not len(negatives.merge(bought, on=["customer_id", "campaign_id", "as_of"]))
    assert list(rows.columns[:7]) == [
        "example_id",
        "group_id",
        "customer_id",
        "campaign_id",
        "as_of",
        "known_at",
        "label",
    ]
    assert set(rows.columns[7:]) == set(reader.catalogue.names)
    assert not rows.isna().any().any()


def test_examples_hold_every_purchase_that_was_on_sale_at_the_full_hour(examples):
    bought = examples[examples["label"] == 1]
    slow = {
        (o["customer_id"], o["campaign_id"], o["occurred_at"].replace(minute=0, second=0))
        for o in taste_shop.draw(seed=3).tables["orders"]
    }
    found = set(zip(bought["customer_id"], bought["campaign_id"], bought["as_of"], strict=True))
    assert found == slow


def test_a_hold_out_leaves_out_whoever_bought_what_was_received_after_the_cut(examples, reader):
    """The cut lies between an order and its receipt, in the order's own hour."""
    late = taste_shop.draw(seed=3).tables["orders"][500]
    cut = late["occurred_at"] + (late["received_at"] - late["occurred_at"]) / 2
    known_at: dict[tuple, datetime] = {}
    for order in taste_shop.draw(seed=3).tables["orders"]:
        hour = order["occurred_at"].replace(minute=0, second=0)
        group = order["customer_id"], hour
        known_at[group] = max(known_at.get(group, hour), order["received_at"])
    groups = examples.drop_duplicates("group_id")
    expected = [known_at[key] for key in zip(groups["customer_id"], groups["as_of"], strict=True)]
    assert groups["known_at"].tolist() == expected
    frame = ExampleFrame.of(pa.Table.from_pandas(examples), reader.catalogue).before(cut)
    assert len(frame.as_of_G) == sum(at < cut for at in known_at.values())
    assert len(frame.as_of_G) < sum(hour < cut for _, hour in known_at)


def test_examples_come_again_byte_for_byte(run, example_file):
    before = example_file.read_bytes()
    run("train", "examples", "--as-of", END)
    assert example_file.read_bytes() == before


def test_a_ranker_that_finds_the_taste_becomes_champion(trained, models):
    champion = models.champion("ranker")
    assert champion is not None
    assert champion.data.end == taste_shop.END
    assert champion.metrics["map_at_12"] > 2 * champion.metrics["popularity_14d_map_at_12"]
    assert champion.metrics["canary_peek_auc"] > 0.95
    assert champion.metrics["canary_strongest_column_auc"] < 0.95
    assert abs(champion.metrics["canary_shuffled_auc"] - 0.5) < 0.1
    assert "popularity_14d" in trained
    assert "is champion" in trained


def test_the_champion_serves_through_mlflow_alone(trained, examples, models):
    predicted = models.load(models.champion("ranker")).predict(examples.head(5))
    assert predicted["score"].nunique() > 1


def test_recommendations_have_their_columns_and_cover_everybody(trained, run, tmp_path):
    out = tmp_path / "recs.parquet"
    code, printed = run("recommend", "--as-of", END, "--k", "5", "--out", str(out))
    assert code == 0, printed
    rows = pd.read_parquet(out)
    assert list(rows.columns) == ["customer_id", "rank", "campaign_id", "product_id", "score"]
    assert sorted(set(rows["customer_id"])) == ALL
    assert (rows.groupby("customer_id")["rank"].apply(list).map(tuple) == (1, 2, 3, 4, 5)).all()
    assert not rows.duplicated(["customer_id", "campaign_id"]).any()
    assert rows.notna().all().all()
    first = rows[(rows["rank"] == 1) & rows["customer_id"].str.startswith("c")]
    favourites = [taste_shop.SECTORS[int(c[1:]) % 10] for c in first["customer_id"]]
    hits = [c.startswith(f) for c, f in zip(first["campaign_id"], favourites, strict=True)]
    assert sum(hits) / len(hits) > 0.8
    again = tmp_path / "again.parquet"
    run("recommend", "--as-of", END, "--k", "5", "--out", str(again))
    assert again.read_bytes() == out.read_bytes()


def test_a_campaign_is_shown_with_its_best_seller(reader):
    best = reader.best_products(taste_shop.END)
    sold = Counter(o["product_id"] for o in taste_shop.draw(seed=3).tables["orders"])
    campaigns = [f"{s}-{day + 3:02}" for s in taste_shop.SECTORS for day in (23, 24, 25)]
    slow = {c: min((-sold[f"{c}-{p}"], f"{c}-{p}") for p in "ab")[1] for c in campaigns}
    assert dict(zip(best["campaign_id"], best["product_id"], strict=True)) == slow


def test_a_file_of_customers_is_answered_alone(trained, run, tmp_path):
    wanted, out = tmp_path / "customers.txt", tmp_path / "recs.parquet"
    wanted.write_text("quiet1\nc3\n")
    run("recommend", "--as-of", END, "--k", "2", "--customers", str(wanted), "--out", str(out))
    assert pd.read_parquet(out)["customer_id"].tolist() == ["quiet1", "quiet1", "c3", "c3"]


def test_a_batch_ranks_as_single_customers_do(trained, run, tmp_path):
    answers = {}
    for name, ids in {"both": "c1\nc2\n", "one": "c1\n", "two": "c2\n"}.items():
        wanted, out = tmp_path / f"{name}.txt", tmp_path / f"{name}.parquet"
        wanted.write_text(ids)
        run("recommend", "--as-of", END, "--customers", str(wanted), "--out", str(out))
        answers[name] = pd.read_parquet(out)
    apart = pd.concat([answers["one"], answers["two"]], ignore_index=True)
    pd.testing.assert_frame_equal(answers["both"], apart, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as-of", "2026-03-01", "--k", "5"], "nothing was known"),
        (["--as-of", "2026-04-02", "--k", "5"], "after the published data"),
        (["--as-of", END, "--k", "0"], "at least one"),
        (["--as-of", "yesterday", "--k", "5"], "not an instant"),
    ],
)
def test_bad_arguments_exit_with_2_and_write_nothing(run, tmp_path, arguments, said):
    out = tmp_path / "recs.parquet"
    code, printed = run("recommend", *arguments, "--out", str(out))
    assert (code, out.exists()) == (2, False)
    assert said in printed


def test_an_unknown_customer_is_refused(run, tmp_path):
    wanted, out = tmp_path / "customers.txt", tmp_path / "recs.parquet"
    wanted.write_text("c1\nnobody\n")
    code, printed = run("recommend", "--as-of", END, "--customers", str(wanted), "--out", str(out))
    assert (code, out.exists()) == (2, False)
    assert "'nobody'" in printed


def test_a_past_instant_gets_a_model_that_knows_nothing_later(trained, run, models, tmp_path):
    out, past = tmp_path / "recs.parquet", taste_shop.END - 8 * DAY
    code, printed = run("recommend", "--as-of", format_instant(past), "--out", str(out))
    assert code == 0, printed
    assert "training" in printed
    trained = models.versions("ranker")[-1]
    assert trained.data.end == past
    assert models.champion("ranker").data.end == taste_shop.END
    code, printed = run("recommend", "--as-of", format_instant(past), "--out", str(out))
    assert f"version {trained.version} " in printed
    assert "training" not in printed


def test_too_short_a_history_falls_back_to_the_baseline_and_says_so(run, tmp_path):
    out, early = tmp_path / "recs.parquet", format_instant(taste_shop.START + 3 * DAY)
    code, printed = run("recommend", "--as-of", early, "--out", str(out))
    assert code == 0, printed
    assert "baseline repurchase" in printed
    assert len(pd.read_parquet(out))


def test_scores_are_published_with_a_manifest(trained, run, installation):
    code, printed = run("score", "--as-of", END)
    assert code == 0, printed
    folder = current_version(installation.paths.scores)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["model"], manifest["as_of"], manifest["data_end"]) == ("ranker", END, END)
    scores = pd.read_parquet(folder / "campaign_scores.parquet")
    assert list(scores.columns) == ["customer_id", "campaign_id", "score", "rank"]
    assert sorted(set(scores["customer_id"])) == ALL
    inputs = pd.read_parquet(folder / "scored_inputs.parquet")
    assert len(inputs) == len(inputs.drop_duplicates(["customer_id", "campaign_id"])) == KEPT_PAIRS
    assert set(inputs["as_of"]) == {pd.Timestamp(END)}
    assert set(Catalogue.load().names) <= set(inputs.columns)


def test_the_kept_inputs_give_the_published_scores(trained, run, installation, models):
    code, printed = run("score", "--as-of", END)
    assert code == 0, printed
    folder = current_version(installation.paths.scores)
    inputs = pd.read_parquet(folder / "scored_inputs.parquet")
    scores = pd.read_parquet(folder / "campaign_scores.parquet")
    inputs["again"] = predictor(models.folder(models.champion("ranker")))(inputs)["score"]
    both = inputs.merge(scores, on=["customer_id", "campaign_id"])
    assert len(both) > 0
    np.testing.assert_allclose(both["again"], both["score"], rtol=1e-4, atol=1e-5)


def test_what_is_published_is_what_the_champion_makes_of_frames(
    trained, run, installation, models, reader, tmp_path
):
    ranker = FittedRanker.load(models.folder(models.champion("ranker")))
    best = reader.best_products(taste_shop.END)
    out = tmp_path / "recs.parquet"
    code, printed = run("recommend", "--as-of", END, "--k", str(K), "--out", str(out))
    assert code == 0, printed
    expected = rows_over_frames(reader, ranker, everybody(reader), best)
    pd.testing.assert_frame_equal(pd.read_parquet(out), expected, atol=1e-4, rtol=0)
    code, printed = run("score", "--as-of", END)
    assert code == 0, printed
    scores = pd.read_parquet(current_version(installation.paths.scores) / "campaign_scores.parquet")
    first = scores[scores["rank"] <= K].reset_index(drop=True)
    columns = ["customer_id", "campaign_id", "score", "rank"]
    pd.testing.assert_frame_equal(first, expected[columns], atol=1e-4, rtol=0)
    assert len(scores) > len(first)


@pytest.fixture
def train_on(run, example_file):
    """Train on other examples than those that were written."""
    whole = example_file.read_bytes()

    def typed(rows: pd.DataFrame) -> tuple[int, str]:
        schema = pq.read_schema(example_file)
        pq.write_table(pa.Table.from_pandas(rows, schema, preserve_index=False), example_file)
        return run("train", "ranker", "--as-of", END)

    yield typed
    example_file.write_bytes(whole)


def dealt(rows: pd.DataFrame) -> np.ndarray:
    """Positions of the rows, anew at random within each group."""
    lucky = np.random.default_rng(1).random(len(rows))
    return np.lexsort((lucky, rows["group_id"]))


def test_a_planted_worse_model_is_refused(trained, train_on, examples, models):
    """Features move to any row of their group: nothing tells any more what was bought."""
    champion = models.champion("ranker")
    worse = examples.iloc[dealt(examples)].reset_index(drop=True)
    worse[list(KEYS)] = examples[list(KEYS)]
    code, printed = train_on(worse)
    assert code == 0, printed
    assert "not champion" in printed
    assert models.champion("ranker") == champion


def test_labels_that_are_not_what_was_bought_are_refused(trained, train_on, examples, models):
    before = models.versions("ranker")
    moved = examples.assign(label=examples["label"].to_numpy()[dealt(examples)])
    moved = moved.sort_values(["group_id", "label"], ascending=[True, False], kind="stable")
    code, printed = train_on(moved)
    assert (code, "next week's sales, planted" in printed) == (1, True), printed
    assert models.versions("ranker") == before


def test_nobody_meets_what_sells_abroad_alone(examples, run, reader, tmp_path):
    on_sale = reader.campaigns_on_sale(sorted(set(examples["as_of"])))
    assert on_sale["campaign_id"].str.startswith(taste_shop.ABROAD).any()
    assert not examples["campaign_id"].str.startswith(taste_shop.ABROAD).any()
    early, out = taste_shop.START + 3 * DAY, tmp_path / "recs.parquet"
    code, printed = run(
        "recommend", "--as-of", format_instant(early), "--k", "99", "--out", str(out)
    )
    assert code == 0, printed
    shown = set(pd.read_parquet(out)["campaign_id"])
    open_then = set(reader.campaigns_on_sale([early])["campaign_id"])
    assert shown == {name for name in open_then if not name.startswith(taste_shop.ABROAD)}
    assert shown < open_then

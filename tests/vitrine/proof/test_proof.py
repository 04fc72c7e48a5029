"""`vitrine prove-time` passes what is true, and names what is not."""

import re
import shutil
from collections import Counter

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tests.conftest import REPOSITORY
from tests.vitrine.proof.conftest import NIGHT, score
from vitrine.cli import vitrine
from vitrine.errors import NotPublishedError, VitrineError
from vitrine.feature_catalogue import MODELS, feature_models
from vitrine.interval import DAY
from vitrine.paths import stamp
from vitrine.proof import proof, references
from vitrine.publish import current_version
from vitrine.warehouse import published_file

SAMPLE = 24


def proven(installation):
    with proof.proven(installation, SAMPLE, lambda line: None) as outcome:
        return outcome


def run(installation, monkeypatch):
    """Run the command as a person does."""
    monkeypatch.setenv("VITRINE_HOME", str(installation.paths.home))
    return CliRunner().invoke(vitrine, ["prove-time", "--sample", str(SAMPLE)])


@pytest.fixture(scope="module")
def outcome(published):
    return proven(published)


def test_every_function_is_compared_at_instants_of_each_kind(outcome):
    compared = {(v.model, v.kind): v for v in outcome.verdicts}
    for model in feature_models():
        assert compared[model.name, "history"].row_count > SAMPLE / 2
        for kind in ("training", "scoring"):
            assert ((model.name, kind) in compared) == (model.side is not None)
        if model.side is not None:
            assert compared[model.name, "scoring"].feature_count == len(model.features)


def test_what_was_on_sale_is_compared_too(outcome):
    (verdict,) = (v for v in outcome.verdicts if v.model == "on_sale")
    assert (verdict.kind, verdict.feature_count) == ("history", 3)
    assert verdict.row_count > SAMPLE


def test_what_is_true_is_proven(outcome):
    assert outcome.differences == []
    assert 0 < max(v.largest for v in outcome.verdicts) < 1e-6


def test_each_planted_fault_is_seen(outcome):
    assert [(p.plant.name, p.plant.model) for p in outcome.planted] == [
        ("late row", "feat_customer"),
        ("future-peeking column", "feat_customer"),
        ("late row", "feat_campaign_performance"),
        ("future-peeking column", "feat_campaign_performance"),
        ("premature offer", "on_sale"),
    ]
    assert outcome.missed == []


def test_the_page_names_what_is_proven_and_what_is_not(outcome):
    page = (REPOSITORY / "docs" / "time.md").read_text()
    table = re.findall(r"^\| (`.*`) \| (yes|no)\b.*? \| (yes|no)\b", page, re.MULTILINE)
    said = {
        name: (is_drawn == "yes", is_anywhere == "yes")
        for names, is_drawn, is_anywhere in table
        for name in re.findall(r"`(\w+)`", names)
    }
    kinds = {(v.model, v.kind) for v in outcome.verdicts}
    functions = {
        file.stem for file in MODELS.glob("*/features/*.yml") if "spine: [" in file.read_text()
    }
    assert said == {
        name: ({(name, k) for k in ("training", "scoring")} <= kinds, (name, "history") in kinds)
        for name in functions
    }
    (planted,) = re.findall("The faults are planted under (.*?)[.]", page)
    assert set(re.findall(r"`(\w+)`", planted)) == {p.plant.model for p in outcome.planted}


def test_nothing_is_planted_into_what_is_published(published):
    file = published_file(published.paths, "daily")
    before = file.read_bytes()
    proven(published)
    assert file.read_bytes() == before
    assert list(published.paths.staging.glob("proof-*")) == []


def test_a_published_row_that_was_readable_too_early_is_named(copied, monkeypatch):
    spoilt = copied()
    with duckdb.connect(str(published_file(spoilt.paths, "daily"))) as connection:
        connection.execute(
            "update intermediate.int_campaign_day_ledger"
            " set available_at = available_at - interval '24 hours'"
        )
    done = run(spoilt, monkeypatch)
    assert done.exit_code == 1
    assert isinstance(done.exception, VitrineError)
    reason = str(done.exception)
    assert "values are not what was known: first campaign_" in reason
    assert "feat_campaign (history): campaign_" in done.output
    assert "says" in done.output
    assert "    not known  sale line" in done.output


def test_an_offer_that_closed_after_its_time_is_named(copied, monkeypatch):
    """Such a leak would show in no feature, only in which candidates and negatives there are."""
    spoilt = copied()
    with duckdb.connect(str(published_file(spoilt.paths, "daily"))) as connection:
        connection.execute(
            "update intermediate.int_offer_spans set until_at = until_at + interval '1 hour'"
        )
    done = run(spoilt, monkeypatch)
    assert done.exit_code == 1
    assert "values are not what was known: first is_on_sale of" in str(done.exception)
    assert "on_sale (history): is_on_sale" in done.output


def test_an_example_that_says_something_else_is_named(copied, monkeypatch):
    spoilt = copied()
    (file,) = spoilt.paths.examples.glob("*.parquet")
    rows = pq.ParquetFile(file).read()
    name = "customer_turnover_365d"
    more = pc.add(rows[name], pa.scalar(1, pa.float32()))
    pq.write_table(rows.set_column(rows.column_names.index(name), name, more), file)
    done = run(spoilt, monkeypatch)
    assert done.exit_code == 1
    assert f"first {name} of c" in str(done.exception)
    assert "feat_customer (training)" in done.output


def test_scores_computed_from_what_another_instant_knew_are_named(copied, monkeypatch):
    spoilt = copied()
    score(spoilt, NIGHT, NIGHT - DAY)
    done = run(spoilt, monkeypatch)
    assert done.exit_code == 1
    assert "values are not what was known" in str(done.exception)
    assert "(scoring)" in done.output
    assert "(history)" not in done.output


def test_what_was_proven_is_said_by_kind(published, outcome, monkeypatch):
    done = run(published, monkeypatch)
    assert done.exit_code == 0, done.output
    rows: Counter[str] = Counter()
    for verdict in outcome.verdicts:
        rows[verdict.kind] += verdict.row_count
    assert (
        f"proven of {rows['history']} of history and {rows['scoring']} of scoring and"
        f" {rows['training']} of training: no row uses"
    ) in done.output
    assert "not proven" not in done.output


def test_kinds_of_rows_that_are_not_there_are_not_proven(copied, monkeypatch):
    bare = copied()
    shutil.rmtree(bare.paths.examples)
    shutil.rmtree(bare.paths.scores)
    done = run(bare, monkeypatch)
    assert done.exit_code == 0, done.output
    assert "of history: no row uses" in done.output
    assert "not proven of training: no examples in this home; `vitrine train" in done.output
    assert "not proven of scoring: no scores in this home; `vitrine score`" in done.output


def test_scores_without_their_inputs_are_not_proven(copied, monkeypatch):
    old = copied()
    (current_version(old.paths.scores) / "scored_inputs.parquet").unlink()
    done = run(old, monkeypatch)
    assert done.exit_code == 0, done.output
    assert f"not proven of scoring: the scores {stamp(NIGHT)} by ranker keep no" in done.output


def test_no_row_at_all_is_an_error(copied):
    of_guests = copied()
    shutil.rmtree(of_guests.paths.examples)
    shutil.rmtree(of_guests.paths.scores)
    lake = of_guests.paths.lake
    for file in (*(lake / "orders").rglob("*.parquet"), *(lake / "events").rglob("*.parquet")):
        rows = pq.ParquetFile(file).read()
        place = rows.column_names.index("customer_id")
        nobody = pa.nulls(len(rows), rows.schema.field(place).type)
        pq.write_table(rows.set_column(place, "customer_id", nobody), file)
    with pytest.raises(NotPublishedError, match="nothing to prove: no row of training, scoring"):
        proven(of_guests)


def test_a_feature_without_a_reference_is_an_error(published, monkeypatch):
    honest = references.REFERENCES["feat_context"]

    def forgetful(*question):
        return {k: v for k, v in honest(*question).items() if k != "minutes_to_end"}

    monkeypatch.setitem(references.REFERENCES, "feat_context", forgetful)
    with pytest.raises(VitrineError, match="judge feat_context: no reference for minutes_to_end;"):
        proven(published)


def test_a_function_without_a_reference_is_an_error(published, monkeypatch):
    monkeypatch.delitem(references.REFERENCES, "feat_product")
    with pytest.raises(VitrineError, match="no reference for feat_product"):
        proven(published)


def test_a_shop_without_orders_is_skipped_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    monkeypatch.setenv("VITRINE_SOURCE", "fashion_products")
    done = CliRunner().invoke(vitrine, ["prove-time"])
    assert str(done.exception) == (
        "prove-time skipped: the shop fashion_products provides no orders"
    )


def test_the_same_seed_draws_the_same_rows(published, outcome):
    again = proven(published)
    assert [(v.model, v.kind, v.row_count) for v in again.verdicts] == [
        (v.model, v.kind, v.row_count) for v in outcome.verdicts
    ]
    assert [p.plant.description for p in again.planted] == [
        p.plant.description for p in outcome.planted
    ]

"""`vitrine prove-time` passes what is true, and names what is not."""

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from vitrine.cli import vitrine
from vitrine.errors import VitrineError
from vitrine.feature_catalogue import feature_models
from vitrine.proof import proof, references
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
        assert compared[model.name, "scoring"].feature_count == len(model.features)
        assert ((model.name, "training") in compared) == (model.side is not None)


def test_what_is_true_is_proven(outcome):
    assert outcome.differences == []
    assert 0 < max(v.largest for v in outcome.verdicts) < 1e-6


def test_each_planted_fault_is_seen(outcome):
    assert [(p.plant.name, p.plant.model) for p in outcome.planted] == [
        ("late row", "feat_customer"),
        ("future-peeking column", "feat_customer"),
        ("late row", "feat_campaign_performance"),
        ("future-peeking column", "feat_campaign_performance"),
    ]
    assert outcome.missed == []


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

"""The suite of training examples on two small groups."""

import pandas as pd
import pytest

from expectations import examples, gate
from vitrine import affinities
from vitrine.errors import NotPublishedError
from vitrine.feature_catalogue import ranker_features
from vitrine.installation import Installation
from vitrine.interval import parse_instant
from vitrine.paths import stamp

AS_OF = parse_instant("2026-03-10")
FEATURES = {f.name: f for f in (*ranker_features(), *affinities.CAMPAIGN, *affinities.FEATURES)}
NUMBER = next(name for name, f in FEATURES.items() if f.kind == "numeric")
WORD = next(name for name, f in FEATURES.items() if f.kind == "categorical")

FAULTY = "rows: expect_column_values_to_be_in_set(column=faulty_features"


@pytest.fixture
def installation(settings):
    return Installation(settings)


@pytest.fixture
def good():
    earlier = pd.Timestamp("2026-03-08 12:00", tz="UTC")
    keys = pd.DataFrame(
        {
            "example_id": [0, 1, 2, 3],
            "group_id": [0, 0, 1, 1],
            "customer_id": ["ann", "ann", "bob", "bob"],
            "campaign_id": ["a", "b", "b", "a"],
            "as_of": earlier,
            "known_at": earlier,
            "label": [1, 0, 1, 0],
        }
    )
    return keys.assign(**{name: feature.fill for name, feature in FEATURES.items()})


def check(installation, frame):
    file = installation.paths.examples / f"{stamp(AS_OF)}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(file)
    checks = examples.checks(installation, AS_OF)
    return gate.run("examples", checks, installation.paths.data_docs, "one")


def test_good_examples_pass_with_a_warning_of_their_number(installation, good):
    report = check(installation, good)
    assert report.of("fail") == []
    (text,) = report.of("warn")
    assert "group_count" in text


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("label", 2, "rows: expect_column_values_to_be_in_set(column=label"),
        ("label", 1, "groups: expect_column_values_to_be_between(column=negative_count"),
        ("campaign_id", "a", "rows: expect_compound_columns_to_be_unique"),
        ("customer_id", "eve", "groups: expect_column_values_to_be_between(column=customer_count"),
        (NUMBER, None, FAULTY),
        (NUMBER, float("nan"), FAULTY),
        (NUMBER, float("inf"), FAULTY),
        (NUMBER, -1e13, FAULTY),
        (WORD, "", FAULTY),
        (WORD, None, FAULTY),
        ("as_of", pd.Timestamp(AS_OF), "rows: expect_column_values_to_be_in_set(column=is_before"),
        (
            "known_at",
            pd.Timestamp(AS_OF),
            "rows: expect_column_values_to_be_in_set(column=is_known",
        ),
    ],
)
def test_each_planted_fault_stops_the_line(installation, good, column, value, named):
    if column == NUMBER:
        good[column] = good[column].astype(float)
    good.loc[1, column] = value
    failed = check(installation, good).of("fail")
    (text,) = [text for text in failed if f"examples.{named}" in text]
    assert named != FAULTY or column in text


def test_a_group_without_a_purchase_stops_the_line(installation, good):
    good.loc[0, "label"] = 0
    (text,) = check(installation, good).of("fail")
    assert "positive_count" in text
    assert "group_id=0" in text


def test_a_feature_that_is_not_there_stops_the_line(installation, good):
    failed = check(installation, good.drop(columns=NUMBER)).of("fail")
    assert any(FAULTY in text and NUMBER in text for text in failed)


def test_no_examples_stop_the_line(installation, good):
    failed = check(installation, good.head(0)).of("fail")
    assert "examples.rows: zero rows were checked" in failed


def test_examples_that_were_not_written_are_named(installation):
    with pytest.raises(NotPublishedError, match="vitrine train examples --as-of 2026-03-10"):
        examples.checks(installation, AS_OF)

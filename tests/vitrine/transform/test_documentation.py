"""The data dictionary in docs/ is what the models say today."""

import pytest

from vitrine import feature_catalogue, sources
from vitrine.interval import Interval
from vitrine.transform import documentation, publication


def test_the_committed_dictionary_is_current():
    assert documentation.DICTIONARY.read_text() == documentation.data_dictionary(), (
        "run `vitrine docs`"
    )


def test_the_dictionary_has_every_feature_with_its_fill():
    text = documentation.data_dictionary()
    for model in feature_catalogue.feature_models():
        assert f"### {model.name}('spine')" in text
        for feature in model.features:
            assert f"| `{feature.name}` |" in text
    assert "| days | 730 |" in text


def table_after(heading: str) -> list[list[str]]:
    """Cells of the first table below a heading of the dictionary."""
    parts = documentation.data_dictionary().partition(f"{heading}\n\n")[2].split("\n\n")
    (table, *_) = [part for part in parts if part.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_the_dictionary_shows_which_tables_each_shop_has():
    head, _, *rows = table_after("## What each shop provides")
    assert head == ["table", *sources.names()]
    for place, name in enumerate(sources.names(), start=1):
        has = {row[0].strip("`") for row in rows if row[place] == "yes"}
        assert has == sources.source(name).provides


@pytest.mark.parametrize("name", sources.names())
def test_the_dictionary_shows_which_features_a_shop_leaves_at_their_fill(name):
    provided = sources.source(name).provides
    _, _, *rows = table_after(f"### Features of {name}")
    models = feature_catalogue.feature_models()
    assert [row[0] for row in rows] == [f"`{model.name}`" for model in models]
    for (_, given, named), model in zip(rows, models, strict=True):
        filled = [f.name for f in model.features if not f.is_provided(provided)]
        assert given == f"{len(model.features) - len(filled)} of {len(model.features)}"
        assert named in ("all", ", ".join(f"`{f}`" for f in filled))
        assert (named == "all") == (len(filled) == len(model.features))


def test_a_shop_without_visits_has_no_features_of_them():
    rows = {row[0]: row[2] for row in table_after("### Features of online_retail")}
    assert "`customer_session_count_7d`" in rows["`feat_customer`"]
    assert "`customer_order_count_7d`" not in rows["`feat_customer`"]


def test_facts_stand_only_where_a_table_has_them():
    assert table_after("### dim_customers")[0] == ["column", "type", "meaning"]
    columns = ["column", "type", "meaning", "unit", "fill", "freshness", "needs"]
    assert table_after("### feat_customer('spine')")[0] == columns


def test_dbts_pages_are_one_file_that_stands_alone(installation, build_file):
    day = Interval.parse("2026-03-01", "2026-03-02")
    build_file("daily", day)
    publication.publish_build(installation, "daily", day)
    page = documentation.write_pages(installation).read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "One row per customer: newest description, segment and totals." in page

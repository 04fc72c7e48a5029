"""The data dictionary in docs/ is what the models say today."""

from vitrine import feature_catalogue
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


def test_dbts_pages_are_one_file_that_stands_alone(installation, build_file):
    day = Interval.parse("2026-03-01", "2026-03-02")
    build_file("daily", day)
    publication.publish_build(installation, "daily", day)
    page = documentation.write_pages(installation).read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "One row per customer: newest description, segment and totals." in page

"""The data dictionary in docs/ is what the models say today."""

from vitrine import feature_catalogue
from vitrine.transform import documentation


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

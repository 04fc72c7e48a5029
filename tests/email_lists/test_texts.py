import pytest

from email_lists.texts import TEXTS, reason, texts


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_says_everything(language):
    assert TEXTS[language].keys() == TEXTS["en"].keys()
    for name, text in TEXTS[language].items():
        assert ("{cause}" in text) == ("{cause}" in TEXTS["en"][name]), name


def test_an_unknown_language_reads_english():
    assert texts("xx") is TEXTS["en"]


def test_braces_in_a_name_are_just_braces():
    shown = {"reason": "bought_together", "cause_name": "{brand}", "brand": "b"}
    assert reason("en", shown) == "Often bought together with “{brand}”"

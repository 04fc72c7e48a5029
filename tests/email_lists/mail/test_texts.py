import re

import pytest

from email_lists.mail.texts import TEXTS, reason, subject, texts
from email_lists.slates.campaigns import CampaignReason
from email_lists.slates.candidates import Reason
from vitrine.list_policy import STRATEGIES


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_says_everything(language):
    assert TEXTS[language].keys() == TEXTS["en"].keys()
    for name, text in TEXTS[language].items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(
            re.findall(r"\{\w+\}", TEXTS["en"][name])
        ), name


def test_every_reason_and_strategy_has_words():
    reasons = {member.name.lower() for of in (Reason, CampaignReason) for member in of}
    said = {f"{strategy}_{part}" for strategy in STRATEGIES for part in ("title", "intro")}
    assert reasons | said | {f"{s}_subject" for s in STRATEGIES} <= TEXTS["en"].keys()


UNSURE = {
    "en": "today|like you|popular",
    "fr": "aujourd|du jour|comme vous|vogue|plaît",
    "de": "heute|wie sie|beliebt",
    "es": "hoy|como usted|popular",
    "it": "oggi|del giorno|come lei|amati|piace",
}
"""Of the day, of people alike, or of what many buy."""


@pytest.mark.parametrize("language", TEXTS)
def test_the_head_of_a_popular_letter_is_true_of_what_nobody_bought_yet(language):
    for part in ("title", "intro", "subject"):
        said = TEXTS[language][f"popular_{part}"]
        assert not re.search(UNSURE[language], said, re.IGNORECASE), said


def test_an_unknown_language_reads_english():
    assert texts("xx") is TEXTS["en"]


def test_braces_in_a_name_are_just_braces():
    shown = {"reason": "bought_together", "cause_name": "{brand}", "brand": "b"}
    assert reason("en", shown) == "Often bought together with “{brand}”"
    assert subject("en", "selection", "{cause}") == "{cause} and more, chosen for you"


def test_french_signs_stay_on_the_line_of_their_words():
    said = reason("fr", {"reason": "similar_to_bought", "cause_name": "mug", "brand": "b"})
    assert said == "Parce que vous avez acheté «\xa0mug\xa0»"
    assert "brand}\u202f:" in TEXTS["fr"]["new_brand"]


def test_every_reason_is_worded():
    told = {member.name.lower() for member in (*Reason, *CampaignReason)}
    assert told <= TEXTS["en"].keys()

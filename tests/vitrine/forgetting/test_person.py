"""A person is found in a text by words of their own, however many, and nobody else is touched."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.forgetting.person import REPLACEMENT, Person
from vitrine.forgetting.rows import naming, without

MARIE = Person(
    "marie",
    {
        "email_address": frozenset({"m.gil@example.org"}),
        "message_id": frozenset({"letter-0000-0001", "letter-0000-0002-b", "ab12" * 4}),
    },
)
RENE = Person("rené-1", {"email_address": frozenset({"rené@example.org", "顧客@example.org"})})
GIL = Person("m.gil", {"email_address": frozenset({"m.gil@example.org"})})
PARTS = [
    *(*MARIE.words, *RENE.words, "Marie", "RENÉ-1", "lla", "1", "letter", "gil", "example", "ren"),
    *" .-_@+é—\n",
]
MANY = Person("U0000549", {"message_id": frozenset(f"letter-{n:09}" for n in range(20_000))})


def slowly_redacted(text: str, person: Person) -> str:
    """The obvious way: at each place, one after another, the longest word that stands there."""
    cleaned, at = "", 0
    while at < len(text):
        for word in sorted(person.words, key=len, reverse=True):
            joined = r"[\w.+-]" if "@" in word else r"[^\W_]"
            alone = re.compile(rf"(?<!{joined}){re.escape(word)}(?![^\W_])", re.IGNORECASE)
            if alone.match(text, at):
                cleaned, at = cleaned + REPLACEMENT, at + len(word)
                break
        else:
            cleaned, at = cleaned + text[at], at + 1
    return cleaned


@given(st.lists(st.sampled_from(PARTS)).map("".join), st.sampled_from([MARIE, RENE, GIL]))
def test_a_text_is_cleaned_as_the_obvious_way_does_it(text, person):
    expected = slowly_redacted(text, person)
    assert person.redacted(text) == expected
    assert person.names(text) == (expected != text)
    assert naming(pa.array([text, None]), person) == ([text] if expected != text else [])


@pytest.mark.parametrize("text", ["Mariella", "rosemarie", "Émarie", "marie2"])
def test_a_longer_word_names_nobody(text):
    assert not MARIE.names(text)
    assert MARIE.redacted(text) == text


def test_a_name_is_found_as_a_page_writes_it():
    oneil = Person("O'Neil-77", {"email_address": frozenset({"o'neil&co@example.org"})})
    page = "<td>O&#39;Neil-77</td><td>o&#39;neil&amp;co@example.org</td><td>O'Neil-778</td>"
    assert oneil.names(page)
    cleaned = f"<td>{REPLACEMENT}</td><td>{REPLACEMENT}</td><td>O'Neil-778</td>"
    assert oneil.redacted(page) == cleaned


def test_of_thousands_of_letters_each_is_found_in_texts_and_columns():
    texts = [f"seen letter-{n:09}." for n in range(30_000)]
    assert sum(map(MANY.names, texts)) == 20_000
    cleaned = without(pa.table({"note": texts}), MANY)
    assert cleaned.redacted == 20_000
    assert cleaned.rows["note"].to_pylist()[19_999:20_001] == [
        f"seen {REPLACEMENT}.",
        texts[20_000],
    ]


@pytest.mark.parametrize(
    "before", ["customer ", "customer_id=", 'customer_id="', '"customer_id": "']
)
def test_a_number_is_found_after_the_word_customer_and_what_is_before_it_stays(before):
    person = Person("17850")
    assert person.redacted(f"{before}17850") == before + REPLACEMENT
    assert person.redacted(f"{before}178501 17850") == f"{before}178501 17850"


def test_words_of_signs_alone_are_looked_for_nowhere():
    person = Person("-----", {"email_address": frozenset({""})})
    assert person.redacted("----- @ customer_id=1") == "----- @ customer_id=1"

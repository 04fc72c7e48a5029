import re
from typing import Any

import jinja2
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_lists.handover.harmless import cell, each, in_letters, plain
from tests.email_lists.written import campaign, people, person, product

MARKS = ("{{", "{%", "{#", "${", "#{", "<%", "<?", "[[", "*|", "%%")
NASTY = st.text(alphabet=[*'{}%#$<>?[]*|=+-@ ab;,"\r\n\t\0\u2028\u202e＝'], max_size=12)


@given(NASTY)
def test_nothing_that_acts_is_left(text):
    found = plain(text)
    assert not any(mark in found for mark in MARKS), found
    assert found.isprintable()
    assert len(found.splitlines()) <= 1
    assert jinja2.Template(found).render() == found
    assert plain(found) == found


@pytest.mark.parametrize("mark", MARKS)
def test_each_opening_of_a_template_is_parted(mark):
    assert plain(f"a{mark}b{mark}") == f"a{' '.join(mark)}b{' '.join(mark)}"


def test_what_stays_open_after_one_space_is_parted_again():
    assert plain("{{{% %%%") == "{ { { % % % %"


@given(NASTY)
def test_no_cell_begins_a_formula(text):
    for part in re.split(r"[;,\t\r\n]", cell(text)):
        assert not re.sub(r'^[\s"]*', "", part).startswith(tuple("=+-@＝＋－＠"))
    assert cell(text).replace("'", "") == text


@pytest.mark.parametrize(
    "name", ["mug 4-2", "a=b", "naïve, “quoted” mug", "it's", "50% off", "red, 4-2; a=b", "₤5 👍🏽"]
)
def test_harmless_names_stay_as_they_are(name):
    assert (plain(name), cell(name)) == (name, name)


def test_each_text_is_treated_wherever_it_stands():
    texts = pa.array(["a", None, "b", "a"])
    assert each(str.upper, texts).to_pylist() == ["A", None, "B", "A"]


def test_every_text_of_a_letter_is_plain_and_all_else_the_same():
    shown: dict[str, Any] = {"name": "mug\r\nBcc: x@y.org", "brand": "{{7*7}}"}
    nasty = [
        person("anna", campaigns=[campaign(**shown)], products=[]),
        person("ben", campaigns=[], products=[product(1), product(2, **shown, cause_name="<%x")]),
    ]
    made: dict[str, Any] = {"name": "mug  Bcc: x@y.org", "brand": "{ {7*7}}"}
    clean = [
        person("anna", campaigns=[campaign(**made)], products=[]),
        person("ben", campaigns=[], products=[product(1), product(2, **made, cause_name="< %x")]),
    ]
    rows = people([person("zoe"), *nasty])
    assert in_letters(rows.slice(1)).equals(people(clean))
    assert in_letters(rows.slice(0, 0)).equals(rows.slice(0, 0))

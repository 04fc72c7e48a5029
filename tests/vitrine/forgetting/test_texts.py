"""Of files of records the person's go, of other texts their words; other lines keep their bytes."""

import pytest

from tests.vitrine.forgetting.shop import ADDRESS, ANN, BOB
from vitrine.forgetting import texts
from vitrine.forgetting.person import Person

PERSON = Person(ANN, {"email_address": frozenset({ADDRESS})})
HEADER = "customer_id,note\n"


def cleaned(file, text: str, person: Person = PERSON) -> str:
    file.write_text(text)
    count = texts.found(file, person)
    texts.erase(file, person)
    assert texts.found(file, person) == 0
    assert (count > 0) == (file.read_text() != text)
    return file.read_text()


@pytest.mark.parametrize("torn", ['{"customer_id": "U00', '{"n": 7, "cust', "[1, 7]", "null", ""])
@pytest.mark.parametrize("who", [ANN, "7"])
def test_half_a_line_that_a_killed_writer_left_stops_nothing(tmp_path, torn, who):
    lines = [f'{{"customer_id": "{id_}", "n": 7}}\n' for id_ in (BOB, who)]
    text = "".join([*lines, torn])
    assert cleaned(tmp_path / "book.jsonl", text, Person(who)) == lines[0] + torn


@pytest.mark.parametrize("last", [f'{BOB},5" tall\n', '",and more\n', f"{BOB},\n"])
@pytest.mark.parametrize("other", [f'{BOB},"size 1, blue"\n', f"{BOB},blue\n"])
def test_a_quote_that_nobody_closed_costs_nobody_else_a_line(tmp_path, other, last):
    text = [HEADER, f'{BOB},"torn\n', other, f"{ANN},hers\n", other, last]
    kept = [line for line in text if ANN not in line]
    assert cleaned(tmp_path / "notes.csv", "".join(text)) == "".join(kept)


def test_a_record_of_several_lines_goes_or_stays_as_one(tmp_path):
    hers, his = f'{ANN},"two\n""lines"""\n', f'{BOB},"two\n\nlines, or more"\n'
    assert cleaned(tmp_path / "notes.csv", HEADER + his + hers + his) == HEADER + his + his


def test_a_plain_id_is_found_in_its_own_cell_alone(tmp_path):
    rows = ["7,1\n", "8,7\n", '"7",1\n', "70,1"]
    assert cleaned(tmp_path / "a.csv", HEADER + "".join(rows), Person("7")) == HEADER + "8,7\n70,1"
    nobodys = "note,n\n7,8\n"
    assert cleaned(tmp_path / "b.csv", nobodys, Person("7")) == nobodys


def test_a_large_file_with_a_torn_line_is_gone_through_once(tmp_path):
    """A second per line that follows, as it once was, and this would not end."""
    line = f'{BOB},"a note of some length that is like many others, and not hers"\n'
    text = [HEADER, f'{BOB},"torn\n', *[line] * 50_000]
    assert cleaned(tmp_path / "a.csv", "".join([*text, f"{ANN},\n"])) == "".join(text)


def test_a_cell_longer_than_the_reader_takes_is_searched_too(tmp_path):
    row = f'{BOB},"{"x" * 200_000}"\n'
    assert cleaned(tmp_path / "a.csv", f"{HEADER}{row}{ANN},{row}") == HEADER + row

import json
from datetime import timedelta

import pyarrow as pa

from email_lists.mail.delivered import State, opened
from vitrine.interval import parse_instant

AT = parse_instant("2026-03-02T06:30:00Z")
LETTERS = pa.chunked_array([["m1", "m2", "m3", "m4", "m5"]])


def test_the_last_line_about_a_letter_holds(tmp_path):
    file = tmp_path / "daily" / "2026-03-02.jsonl"
    with opened(file) as book:
        assert not any(book.settled(LETTERS).to_pylist())
        for letter, *states in (
            ("m1", State.BEGUN, State.SENT),
            ("m2", State.DEFERRED, State.BEGUN),
            ("m3", State.BEGUN, State.DEFERRED),
            ("m4", State.REFUSED),
        ):
            for minute, state in enumerate(states):
                # A run that is repeated by hand may begin at an earlier instant.
                book.note(letter, "anna", state, AT - timedelta(minutes=minute))
    with opened(file) as book:
        assert book.settled(LETTERS).to_pylist() == [True, True, False, True, False]
        assert book.uncertain(LETTERS).to_pylist() == [False, True, False, False, False]


def test_half_a_line_is_ended_and_passed_over_and_one_without_an_instant_is_not(tmp_path):
    file = tmp_path / "book.jsonl"
    old = json.dumps({"message_id": "m1", "state": "sent"})
    file.write_text(f'{old}\n{{"message_id": "m2", "sta')
    with opened(file) as book:
        book.note("m3", "anna", State.SENT, AT)
    with opened(file) as book:
        assert book.settled(LETTERS).to_pylist() == [True, False, True, False, False]

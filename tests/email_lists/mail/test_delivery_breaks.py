"""A server that refuses or breaks off, a run that is killed: nobody gets a letter twice."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from email_lists.mail.delivered import opened
from tests.email_lists import killed_delivery
from tests.email_lists.mail.posted_home import (
    NAMES,
    POLICY,
    deliver,
    publish,
    to,
    write,
)
from tests.email_lists.written import SEND_AT, person, product
from vitrine.errors import MachineError
from vitrine.interval import format_instant


def test_a_line_that_begins_with_a_dot_ends_no_letter(installation, paths, office):
    paths.list_templates.mkdir()
    (paths.list_templates / "letter.txt").write_text("one\n.\n..two\n")
    deliver(installation, "daily", SEND_AT)
    text = office.messages()[0].get_body(("plain",)).get_content()
    assert text.splitlines() == ["one", ".", "..two"]
    assert len(office.taken) == 4


def test_what_the_server_refuses_is_noted_and_what_it_puts_off_is_tried_again(
    installation, paths, office
):
    office.answers = {"anna@example.org": b"550 no such box", "ben@example.org": b"451 later"}
    assert deliver(installation, "daily", SEND_AT) == {"sent": 2, "refused": 1, "deferred": 1}
    office.answers = {}
    assert deliver(installation, "daily", SEND_AT) == {"sent": 1}
    assert to(office) == ["cleo", "dora", "ben"]
    assert b"@" not in paths.delivery_book("daily", SEND_AT.date()).read_bytes()


@pytest.mark.parametrize(
    ("answer", "message"),
    [(b"421 busy", r"no letters now \(421\): .* again later"), (b"550 no", "sender.address")],
)
def test_a_server_that_takes_no_letters_says_whether_to_wait(installation, office, answer, message):
    office.to_a_sender = answer
    with pytest.raises(MachineError, match=message):
        deliver(installation, "daily", SEND_AT)
    office.to_a_sender = b"250 fine"
    assert deliver(installation, "daily", SEND_AT) == {"sent": 4}


def test_a_server_that_breaks_off_is_told_and_what_it_may_have_taken_is_not_sent_again(
    installation, office
):
    office.lets_go_after = 2
    with pytest.raises(MachineError, match="does not answer, or no more") as broken:
        deliver(installation, "daily", SEND_AT)
    assert "@" not in str(broken.value)
    assert deliver(installation, "daily", SEND_AT) == {"sent": 2, "uncertain": 1}
    assert to(office) == NAMES


def test_half_a_line_of_the_book_is_passed_over(installation, paths, office):
    deliver(installation, "daily", SEND_AT)
    book = paths.delivery_book("daily", SEND_AT.date())
    lines = book.read_bytes().splitlines(keepends=True)
    book.write_bytes(b"".join(lines[:-1]) + lines[-1][:7])
    assert deliver(installation, "daily", SEND_AT) == {"uncertain": 1}
    book.write_bytes(b"".join(lines[:-2]) + lines[-2][:7])
    office.lets_go_after = 5
    with pytest.raises(MachineError):
        deliver(installation, "daily", SEND_AT)
    assert to(office) == [*NAMES, NAMES[-1]], "half a line is none: the server had not taken it"
    assert deliver(installation, "daily", SEND_AT) == {"uncertain": 1}, "now it had"


def test_nobody_gets_a_letter_twice_or_none_when_the_run_is_killed(
    installation, paths, contract, office
):
    names = [f"c{n:02}" for n in range(30)]
    write(paths, contract, names)
    publish(paths, [person(name, products=[product(n) for n in range(7)]) for name in names])
    runs = []

    def run():
        vitrine = str(Path(sys.executable).with_name("vitrine"))
        command = [vitrine, "lists", "deliver", "--at", format_instant(SEND_AT)]
        homes = {"VITRINE_HOME": str(paths.home), "VITRINE_LANDING": str(paths.landing)}
        runs.append(subprocess.Popen(command, env=os.environ | homes, stdout=subprocess.PIPE))
        return runs[-1].communicate(timeout=60)[0].decode()

    def kill(count):
        if count in (7, 19):
            runs[-1].kill()
            runs[-1].wait()

    office.before_answering = kill
    assert [run(), run()] == ["", ""]
    assert "letters of daily: uncertain 2, sent 11" in run()
    assert to(office) == names
    assert {len(office.taken), len({mail["Message-ID"] for mail in office.messages()})} == {30}


def test_kills_around_the_books_lines_double_nobody_and_lose_what_is_uncertain_alone(
    installation, paths, contract, office
):
    names = [f"c{n:02}" for n in range(20)]
    write(paths, contract, names)
    publish(paths, [person(name) for name in names])
    # Processes start from one that has loaded what the command needs.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(killed_delivery.LOADED))
    # From the end of the first letter's text to the last line about the second.
    for moment in random.Random(25).sample(range(9, 43), 6):
        told = (str(paths.home), str(paths.landing), SEND_AT, moment)
        process = context.Process(target=killed_delivery.run, args=told)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    done = deliver(installation, "daily", SEND_AT)
    with opened(paths.delivery_book("daily", SEND_AT.date())) as book:
        ids = pa.chunked_array([[f"letter-to-{name}" for name in names]])
        uncertain = {*pa.array(names).filter(book.uncertain(ids).combine_chunks()).to_pylist()}
    assert len(to(office)) == len({*to(office)})
    lost = {*names} - {*to(office)}
    assert set() < lost < uncertain, "the server had taken some of them, and not others"
    assert len(uncertain) == done["uncertain"] < 6, (
        "before and after that moment a kill leaves none"
    )


def test_letters_go_no_faster_than_the_policy_says(installation, paths, office):
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=20))
    began = os.times().elapsed
    deliver(installation, "daily", SEND_AT)
    assert os.times().elapsed - began >= 3 / 20

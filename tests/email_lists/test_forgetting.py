"""Somebody is forgotten while letters go out, or a list is published."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from email_lists.handover import publication
from tests.email_lists.homes import AS_OF, furnish, stage
from tests.email_lists.post_office import open_office
from tests.email_lists.written import SEND_AT, person
from vitrine.installation import Installation
from vitrine.interval import format_instant

NAMES = ["anna", "ben", "cleo", "dora"]
POLICY = "delivery: {{host: localhost, port: {port}, messages_per_second: 10000}}"
VITRINE = str(Path(sys.executable).with_name("vitrine"))
DELIVER = ["lists", "deliver", "--at", format_instant(SEND_AT)]
FORGETS_AT_EXPORT = """
import subprocess, sys
forgetting = []
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".csv") and not forgetting:
        forgetting.append(None)
        command = [sys.argv[1], "forget", "anna"]
        forgetting[0] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        print(forgetting[0].stdout.readline(), end="", flush=True)
sys.addaudithook(hook)
from vitrine.cli import vitrine
vitrine(sys.argv[2:], standalone_mode=False)
print(forgetting[0].communicate()[0])
"""


@pytest.fixture
def installation(settings, paths):
    furnish(paths, [*NAMES, "ida"])
    return Installation(settings)


def started(paths, *command):
    homes = {"VITRINE_HOME": str(paths.home), "VITRINE_LANDING": str(paths.landing)}
    return subprocess.Popen(command, env=os.environ | homes, stdout=subprocess.PIPE, text=True)


def run(paths, *command):
    process = started(paths, *command)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    return said


@pytest.mark.parametrize("forgotten", ["anna", "dora"])
def test_nobody_gets_two_letters_when_somebody_is_forgotten_meanwhile(
    installation, paths, forgotten
):
    with open_office() as office:
        paths.list_policy.write_text(POLICY.format(port=office.port))
        stage(installation, [person(name) for name in NAMES])
        publication.publish(installation, "daily", AS_OF)
        forgetting = []

        def forget(count):
            if count == 2:
                process = started(paths, VITRINE, "forget", forgotten)
                forgetting.extend([process, process.stdout.readline()])

        office.before_answering = forget
        assert "sent 4" in run(paths, VITRINE, *DELIVER)
        process, first_line = forgetting
        assert "certificate: " in process.communicate(timeout=60)[0]
        assert "sent" not in run(paths, VITRINE, *DELIVER)
        assert len(office.taken) == 4
    assert first_line == "a delivery is running; the erasure goes on when it has ended\n"
    book = paths.delivery_book("daily", SEND_AT.date()).read_text()
    assert {name for name in NAMES if name in book} == {*NAMES} - {forgotten}


def test_who_is_forgotten_while_a_list_is_published_is_not_in_it(installation, paths):
    stage(installation, [person(name) for name in NAMES])
    publish = ["lists", "publish", "--list", "daily", "--as-of", format_instant(AS_OF)]
    said = run(paths, sys.executable, "-c", FORGETS_AT_EXPORT, VITRINE, *publish)
    assert "certificate: " in said
    folder = paths.published_list("daily", AS_OF.date()) / "current"
    files = sorted((folder / publication.LISTS).iterdir())
    assert {file.suffix for file in files} == {".csv", ".jsonl", ".parquet"}
    for file in files:
        assert (b"ben" in file.read_bytes(), b"anna" in file.read_bytes()) == (True, False)
    assert pq.read_table(folder / "letters.parquet")["customer_id"].to_pylist() == NAMES[1:]
    assert "a list is published; the erasure goes on when it has ended" in said

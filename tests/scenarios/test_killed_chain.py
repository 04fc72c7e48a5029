"""From the published features to the lists: killed half-way and run again, it ends the same."""

import random
import re
import shutil

import pytest

from tests.scenarios import runs

NIGHT = ["--as-of", "2026-04-08T03:30:00Z"]
CHAIN = [
    # More than one epoch, so that a kill may come between two.
    ["train", "classifier", *NIGHT, "--epochs", "2"],
    ["train", "examples", *NIGHT],
    ["train", "ranker", *NIGHT],
    ["score", *NIGHT],
    ["lists", "build", *NIGHT],
    ["lists", "publish", *NIGHT],
]
CHECKED = {
    # command: the gate behind it, which changes nothing that a reader sees
    "examples": ["check", "examples", *NIGHT],
    "build": ["check", "lists", *NIGHT],
}


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_chain_that_is_killed_again_and_again_ends_like_one_that_was_not(straight, tmp_path):
    dice = random.Random(20260408)
    killed = shutil.copytree(straight.home, tmp_path / "home", symlinks=True)
    for command in CHAIN:
        straight.run(command)
        runs.run_killed(killed, command, straight.usual_s(command), dice)
        if command[1] in CHECKED:
            straight.run(CHECKED[command[1]])
            runs.run(killed, CHECKED[command[1]])
    expected, found = runs.lists(straight.home), runs.lists(killed)
    assert len(expected) > 3
    assert runs.differing(expected, found) == set()
    assert runs.differing(runs.data(straight.home), runs.data(killed)) == set()
    address = next(
        line.split(",")[2].strip('"')
        for file in straight.home.glob("lists/daily/*/current/lists/*.csv")
        for line in file.read_text().splitlines()[1:]
    )
    # Addresses are in what the shop gave and in what the sender gets: in no log, model or page.
    places = {re.sub("/ds=.*|/versions/.*/lists/.*", "", f) for f in runs.holders(killed, address)}
    assert places == {"lake/contacts", "lists/daily/2026-04-08"}

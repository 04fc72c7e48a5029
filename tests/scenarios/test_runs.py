"""A kill that came too late is no kill."""

import random

import pytest

from tests.scenarios import runs

HELP = ["--help"]
LONG_S = 60.0


def test_a_command_that_ended_before_its_kill_was_not_killed(tmp_path):
    assert not runs.kill_midway(tmp_path, HELP, LONG_S)


def test_a_command_that_was_killed_is_told_from_one_that_ended(tmp_path):
    assert runs.kill_midway(tmp_path, HELP, 0.001)


def test_a_command_that_fails_by_itself_is_not_taken_for_killed(tmp_path):
    with pytest.raises(AssertionError, match="vitrine nothing of the kind ended with 2"):
        runs.kill_midway(tmp_path, ["nothing", "of", "the", "kind"], LONG_S)


def test_a_kill_that_comes_too_late_is_repeated_sooner(tmp_path):
    (_, first), *_, (after_s, last) = runs.run_killed(tmp_path, HELP, LONG_S, random.Random(1))
    assert first is False
    assert last is True
    assert after_s < LONG_S * 0.2


def test_a_command_that_fails_among_others_fails_them(tmp_path):
    with pytest.raises(AssertionError, match="No such command 'nothing'"):
        runs.run_in_turn(tmp_path, [["nothing"], ["land", "--help"]])

"""Aliases in MLflow and rows in the ledger say the same, also after a call that was killed."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from tests.training.test_registry import trained
from training.evaluation.gate import Decision, judge
from training.promotion import Promotion
from training.registry import ModelVersion, Registry
from vitrine import champions, lake
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.interval import Interval
from vitrine.paths import Paths
from vitrine.settings import load_settings

PASSED = Decision(True, "better")
KILLED_AT_STEP = """
import os, signal, sys
name, last = sys.argv[1], int(sys.argv[2])
steps = 0
def hook(event, arguments):
    global steps
    is_ledgers = event == "os.rename" and "/champions/" in str(arguments[0])
    is_registrys = event == "open" and str(arguments[0]).endswith("/mlflow/.lock")
    # The first step is that the decision is written down.
    if is_ledgers or (is_registrys and steps):
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
from training.promotion import Promotion
from training.registry import Registry
from vitrine.installation import Installation
installation = Installation.load()
models = Registry(installation.settings, installation.paths)
Promotion.of(models, installation.paths).roll_back(name, reason="bad")
"""


@pytest.fixture(scope="module")
def promotion(tmp_path_factory) -> Promotion:
    settings = load_settings({"VITRINE_HOME": str(tmp_path_factory.mktemp("home"))})
    paths = Paths.of(settings)
    return Promotion.of(Registry(settings, paths), paths)


@pytest.fixture
def name(request) -> str:
    """A model of the test's own."""
    return request.node.name


@pytest.fixture
def register(promotion, name, tmp_path):
    """Register a version whose data end on a day of February 2011; its bias makes it another."""

    def registered(day: int, bias: float | None = None) -> ModelVersion:
        folder: Path = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        given = trained(folder, f"2011-02-{day:02}", float(day) if bias is None else bias)
        return promotion.models.register(name, given)

    return registered


def serving(promotion, name) -> int | None:
    champion = promotion.models.champion(name)
    assert promotion.ledger.champion(name) == (champion and champion.version)
    return champion and champion.version


def verdicts(promotion, name):
    return [(e.version, e.kind, e.verdict) for e in promotion.ledger.entries(name)]


def test_champion_moves_only_through_the_gate_and_never_back_in_time(promotion, register, name):
    assert promotion.promote(register(10), PASSED).is_promoted
    refused = promotion.promote(register(12), judge("map", 0.1, 0.2, 0.3))
    assert (refused.is_promoted, refused.verdict) == (False, champions.REFUSED)
    assert promotion.promote(register(8), PASSED).verdict == champions.PASSED
    assert serving(promotion, name) == 1
    assert verdicts(promotion, name) == [
        (1, champions.FIRST, champions.PROMOTED),
        (2, champions.REFRESH, champions.REFUSED),
        (3, champions.REFRESH, champions.PASSED),
    ]
    row = promotion.ledger.entries(name)[1]
    assert "does not beat the baseline's 0.2000" in row.reason
    assert (row.metric, row.figures["version_value"], row.figures["champion_value"]) == (
        "map", 0.1, 0.3,
    )  # fmt: skip


def test_a_champion_of_a_mistyped_future_gives_way(promotion, register, name, tmp_path):
    """It was fitted as of the 20th; the newest data were received on the 9th."""
    drop = Interval.of_day(date(2011, 2, 9))
    lake.write_partition(tmp_path / "lake", "orders", drop, pa.table({"order_id": ["o"]}))
    promotion = replace(promotion, lake=tmp_path / "lake")
    promotion.promote(register(20), PASSED)
    assert promotion.promote(register(8), PASSED).verdict == champions.PASSED
    assert promotion.promote(register(10), PASSED).is_promoted
    assert serving(promotion, name) == 3


def test_newest_never_looks_past_its_instant_nor_at_refused_versions(promotion, register, name):
    decisions = (PASSED, PASSED, Decision(False, "worse"))
    for day, decision in zip((1, 8, 15), decisions, strict=True):
        promotion.promote(register(day), decision)
    models = promotion.models
    second = models.version(name, 2)
    assert models.newest(name, second.data.end) == second
    assert models.newest(name, second.data.start) is None
    assert models.newest(name, models.version(name, 3).data.end) == second


def test_a_rollback_lets_the_champion_of_before_serve(promotion, register, name):
    for day in (1, 2, 3):
        promotion.promote(register(day), PASSED)
    entry = promotion.roll_back(name, reason="it shows sofas alone")
    assert (entry.version, entry.previous_version, serving(promotion, name)) == (2, 3, 2)
    assert promotion.ledger.entries(name)[-1].reason == "it shows sofas alone"
    assert not promotion.models.version(name, 3).is_passed
    assert promotion.roll_back(name).version == 1
    with pytest.raises(BadArgumentError, match=r"no champion came before version 1 .* far: 2, 3"):
        promotion.roll_back(name)
    assert promotion.roll_back(name, to=3).version == 3
    assert promotion.models.version(name, 3).is_passed


@pytest.mark.parametrize(
    ("to", "said"),
    [
        pytest.param(1, "champion already; other champions so far: none", id="itself"),
        pytest.param(2, "never was champion", id="refused"),
        pytest.param(9, "never was champion", id="unknown"),
    ],
)
def test_a_rollback_leads_to_earlier_champions_alone(promotion, register, name, to, said):
    promotion.promote(register(1), PASSED)
    promotion.promote(register(2), Decision(False, "worse"))
    with pytest.raises(BadArgumentError, match=said):
        promotion.roll_back(name, to)
    assert serving(promotion, name) == 1


def test_before_the_first_champion_there_was_none(promotion, register, name):
    promotion.promote(register(1), PASSED)
    with pytest.raises(BadArgumentError, match=r"before version 1 of the .*: it is the first$"):
        promotion.roll_back(name)


def test_there_is_nothing_to_roll_back_where_nobody_serves(promotion, name):
    with pytest.raises(NotPublishedError, match="nothing to roll back"):
        promotion.roll_back(name)


def test_what_was_rolled_back_from_is_not_promoted_again(promotion, register, name):
    promotion.promote(register(1), PASSED)
    promotion.promote(register(2, bias=5.0), PASSED)
    promotion.roll_back(name)
    same = promotion.promote(register(2, bias=5.0), PASSED)
    assert (same.verdict, serving(promotion, name)) == (champions.REFUSED, 1)
    assert "version 2, which was rolled back from" in same.reason
    assert promotion.promote(register(3, bias=6.0), PASSED).verdict == champions.HELD


def test_a_rollback_holds_refreshes_until_somebody_chooses(promotion, register, name):
    for day in (1, 2):
        promotion.promote(register(day), PASSED)
    promotion.roll_back(name, reason="it shows sofas alone")
    held = [promotion.promote(register(day), PASSED) for day in (3, 4)]
    assert [entry.verdict for entry in held] == [champions.HELD] * 2
    assert (
        "version 2 was rolled back from (it shows sofas alone); `vitrine promote" in held[0].reason
    )
    assert serving(promotion, name) == 1
    newest = promotion.models.version(name, 4)
    assert promotion.models.newest(name, newest.data.end).version == 1
    with pytest.raises(BadArgumentError, match=r"2 .* was rolled back from, .* now: 3, 4$"):
        promotion.choose(name, 2)
    chosen = promotion.choose(name, reason="the sofas are gone")
    assert (chosen.version, chosen.previous_version, chosen.kind) == (4, 1, champions.CHOICE)
    assert promotion.models.newest(name, newest.data.end) == promotion.models.champion(name)
    assert promotion.promote(register(5), PASSED).is_promoted
    with pytest.raises(BadArgumentError, match=r"no version .* is held; .*: none"):
        promotion.choose(name)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        pytest.param(99, "does not exist", id="unknown"),
        pytest.param(1, "has served before, and `vitrine rollback .* --to 1` leads", id="served"),
        pytest.param(3, "was rolled back from, and .* --to 3`", id="rolled-back"),
        pytest.param(2, "is the champion already", id="serving"),
        pytest.param(4, "was refused \\(worse\\)", id="refused"),
        pytest.param(5, "was passed, but another champion knew newer data", id="older"),
        pytest.param(7, "was trained for a question about the past", id="past"),
    ],
)
def test_what_cannot_be_promoted_is_named_with_the_reason(promotion, register, name, number, said):
    for day in (11, 12, 13):
        promotion.promote(register(day), PASSED)
    promotion.roll_back(name)
    promotion.promote(register(14), Decision(False, "worse"))
    promotion.promote(register(10), PASSED)
    promotion.promote(register(15), PASSED)
    register(9)
    with pytest.raises(BadArgumentError, match=f"version {number} of the .* {said}.* now: 6$"):
        promotion.choose(name, number)
    assert serving(promotion, name) == 2


@pytest.mark.parametrize("by", ["challenge", "return", "alias"])
def test_who_serves_by_other_means_than_a_refresh_ends_the_hold(promotion, register, name, by):
    for day in (1, 2):
        promotion.promote(register(day), PASSED)
    promotion.roll_back(name)
    if by == "challenge":
        won = Decision(True, "better beyond chance", champions.CHALLENGE)
        assert promotion.promote(register(3), won).is_promoted
    elif by == "return":
        promotion.roll_back(name, to=2)
    else:
        promotion.models.crown(name, register(3).version)
    assert promotion.promote(register(4), PASSED).is_promoted


def test_a_second_rollback_holds_on_and_an_older_fit_is_not_held(promotion, register, name):
    for day in (11, 12, 13):
        promotion.promote(register(day), PASSED)
    promotion.roll_back(name)
    promotion.roll_back(name)
    assert promotion.promote(register(10), PASSED).verdict == champions.PASSED
    assert promotion.promote(register(14), Decision(False, "worse")).verdict == champions.REFUSED
    assert promotion.promote(register(14), PASSED).verdict == champions.HELD


@pytest.mark.parametrize(
    ("step", "is_passed", "serves"),
    [
        pytest.param(2, True, 2, id="nothing-done"),
        pytest.param(6, False, 2, id="noted"),
        pytest.param(8, False, 1, id="crowned"),
    ],
)
def test_a_killed_decision_is_carried_out_by_the_next_call(
    promotion, register, name, step, is_passed, serves
):
    for day in (1, 2):
        promotion.promote(register(day), PASSED)
    home = promotion.ledger.folder.parent
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AT_STEP, name, str(step)],
        env=os.environ | {"VITRINE_HOME": str(home)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert promotion.models.version(name, 2).is_passed is is_passed
    assert promotion.models.champion(name).version == serves
    settled = promotion.settle(name)
    assert settled is not None
    assert (settled.version, serving(promotion, name)) == (1, 1)
    assert not promotion.models.version(name, 2).is_passed
    assert verdicts(promotion, name)[2:] == [(1, champions.ROLLBACK, champions.RESTORED)]
    assert promotion.ledger.pending(name) is None


def test_an_alias_that_was_set_by_hand_is_found_and_entered(promotion, register, name):
    promotion.promote(register(1), PASSED)
    by_hand = register(2)
    promotion.models.crown(name, by_hand.version)
    promotion.promote(register(3), Decision(False, "worse"))
    assert serving(promotion, name) == 2
    found, refused = promotion.ledger.entries(name)[1:]
    assert (found.kind, found.champion_version, found.previous_version) == (champions.FOUND, 2, 1)
    assert (refused.verdict, refused.champion_version) == (champions.REFUSED, 2)
    assert promotion.roll_back(name).version == 1

"""A challenger with other settings meets the champion on the planted taste shop."""

import csv
import io

import pytest

from tests.training.ranker import taste_shop
from vitrine.interval import DAY, format_instant

END = format_instant(taste_shop.END)
WEAK = tuple(
    part
    for setting in (
        "loss=triplet",
        "epochs=1",
        "learning_rate=0.0006",
        "head_width=32",
        "dropout=0",
        "trees=0",
    )
    for part in ("--setting", setting)
)
ROWS = (
    "select version, kind, verdict, champion_version, previous_version, metric, reason,"
    " version_value, champion_value, difference, difference_low, latency_p99_ms"
    " from rpt_champion_decisions order by decided_at"
)


def asked(run, query: str) -> list[dict[str, str]]:
    code, printed = run("sql", "--csv", query)
    assert code == 0, printed
    return list(csv.DictReader(io.StringIO(printed)))


@pytest.fixture(scope="module")
def printed(run_elsewhere, elsewhere) -> list[str]:
    """A weak champion, a good challenger, then a weak one: what each command printed."""
    good = ("--challenge", "--setting", "epochs=4", "--setting", "trees=0")
    runs = (("examples",), ("ranker", *WEAK), ("ranker", *good), ("ranker", *WEAK))
    texts = []
    for arguments in runs:
        code, text = run_elsewhere("train", *arguments, "--as-of", END)
        assert code == 0, text
        texts.append(text)
        if arguments[0] == "ranker":
            # A challenge draws its own examples, whether or not any were written.
            for file in elsewhere.examples.glob("*.parquet"):
                file.unlink()
    return texts[1:]


@pytest.fixture(scope="module")
def decisions(printed, run_elsewhere):
    """What the ledger says of each."""
    return asked(run_elsewhere, ROWS)


def test_the_first_that_beats_what_is_popular_becomes_champion(decisions):
    first = decisions[0]
    assert (first["version"], first["kind"], first["verdict"]) == ("1", "first", "promoted")
    assert (first["champion_version"], first["previous_version"]) == ("1", "")
    assert float(first["latency_p99_ms"]) > 0


def test_a_better_challenger_is_promoted_with_its_interval(decisions):
    better = decisions[1]
    assert (better["kind"], better["verdict"]) == ("challenge", "promoted")
    assert (better["champion_version"], better["previous_version"]) == ("2", "1")
    assert float(better["difference_low"]) > 0
    assert better["reason"].startswith("better beyond chance: map_at_12 0.")


def test_the_ledger_names_the_settings_and_the_weeks_of_a_challenge(decisions):
    weeks = [f"{taste_shop.END - n * DAY:%Y-%m-%d}" for n in (14, 7)]
    said = decisions[1]["reason"].split("; ")
    assert said[-1] == f"weeks from {', '.join(weeks)} on"
    assert "epochs=4 instead of 1" in said[-2]
    assert "loss=softmax instead of triplet" in said[-2]
    assert "trees" not in said[-2]
    assert "settings" not in decisions[0]["reason"]


def test_a_challenge_says_what_it_fits_and_which_week_its_table_is_of(printed):
    first, better, _ = printed
    last, before = (f"{taste_shop.END - n * DAY:%Y-%m-%d}" for n in (7, 14))
    assert f"[1/2] {before}  fitting the challenger's settings" in better
    assert f"[2/2] {last}  fitting the champion's settings" in better
    assert "[1/2]" not in first
    assert f"on the week from {last} on; the row ranker is version 2:\nmodel " in better


def test_a_planted_worse_challenger_is_refused_with_the_reason(decisions):
    worse = decisions[2]
    assert (worse["version"], worse["kind"], worse["verdict"]) == ("3", "challenge", "refused")
    assert worse["champion_version"] == worse["previous_version"] == "2"
    assert float(worse["version_value"]) < float(worse["champion_value"])
    assert worse["reason"].startswith("not better beyond chance: map_at_12 0.")


def test_the_nightly_run_keeps_to_the_champions_settings(decisions, run_elsewhere):
    code, printed = run_elsewhere("train", "examples", "--as-of", END)
    assert code == 0, printed
    same = ("--setting", "epochs=4")
    code, printed = run_elsewhere("train", "ranker", "--as-of", END, *same)
    assert code == 0, printed
    assert "the champion has these very settings: a refresh, not a challenge" in printed
    newest = asked(run_elsewhere, ROWS)[-1]
    assert (newest["kind"], newest["verdict"], newest["version"]) == ("refresh", "promoted", "4")
    assert float(newest["version_value"]) == pytest.approx(float(newest["champion_value"]))


def test_the_worked_query_tells_who_served_when(decisions, run_elsewhere):
    found = asked(
        run_elsewhere,
        "select (select champion_version from rpt_champion_decisions as known"
        " where known.decided_at <= decided.decided_at"
        " order by known.decided_at desc limit 1) as version"
        " from rpt_champion_decisions as decided order by decided_at limit 3",
    )
    assert [row["version"] for row in found] == ["1", "2", "2"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [("colour=red", "colour: there is no such setting"), ("epochs", "write epochs=VALUE"),
     ("epochs=many", "epochs=many"), ("loss=unknown", "loss 'unknown' is unknown")],
)  # fmt: skip
def test_a_setting_that_there_is_not_is_refused(run_elsewhere, setting, said):
    code, printed = run_elsewhere("train", "ranker", "--as-of", END, "--setting", setting)
    assert (code, said in printed) == (2, True), printed

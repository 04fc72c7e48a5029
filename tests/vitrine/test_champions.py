"""The ledger answers who served when; a slow replay of its moves is the other opinion."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine import champions
from vitrine.champions import Entry, Ledger
from vitrine.transform import champion_table, operations
from vitrine.warehouse import connect


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    return Ledger(tmp_path / "champions")


def entry(version, verdict, before, model="ranker") -> Entry:
    after = before if verdict in (champions.REFUSED, champions.PASSED) else version
    kind = champions.ROLLBACK if verdict == champions.RESTORED else champions.REFRESH
    return Entry(model, version, kind, verdict, "because", after, before, "2026-03-01T00:00:00Z")


def decide(ledger: Ledger, *steps: tuple[int, str]) -> list[Entry]:
    """Write decisions one after another, each about the champion that the last one left."""
    made = []
    with ledger.alone():
        for version, verdict in steps:
            made.append(ledger.write_down(entry(version, verdict, ledger.champion("ranker"))))
            ledger.close(made[-1])
    return made


def test_a_decision_is_read_as_it_was_written_and_only_after_it_was_carried_out(ledger):
    given = replace(entry(4, champions.PROMOTED, 3), metric="map", figures={"difference": 0.25})
    with ledger.alone():
        dated = ledger.write_down(given)
        assert ledger.pending("ranker") == dated
        assert ledger.pending("classifier") is None
        assert ledger.entries("ranker") == []
        ledger.close(dated)
    assert ledger.pending("ranker") is None
    assert ledger.entries("ranker") == [dated]
    assert replace(dated, decided_at="") == given


def test_who_was_champion_at_an_instant(ledger):
    first, refused, second, back = decide(
        ledger, (1, champions.PROMOTED), (2, champions.REFUSED), (3, champions.PROMOTED),
        (1, champions.RESTORED),
    )  # fmt: skip
    at = {e.version: datetime.fromisoformat(e.decided_at) for e in (refused, second)}
    begun = datetime.fromisoformat(first.decided_at)
    assert ledger.champion_at("ranker", begun - timedelta(microseconds=1)) is None
    assert ledger.champion_at("ranker", begun) == 1
    assert ledger.champion_at("ranker", at[2]) == 1
    assert ledger.champion_at("ranker", at[3]) == 3
    assert ledger.champion_at("ranker", datetime.fromisoformat(back.decided_at)) == 1
    assert ledger.champion_at("classifier", datetime.now(UTC)) is None


def test_a_clock_that_is_set_back_does_not_change_the_order(ledger):
    (made,) = decide(ledger, (1, champions.PROMOTED))
    ahead = datetime.fromisoformat(made.decided_at) + timedelta(days=400)
    later = replace(entry(2, champions.PROMOTED, 1), decided_at=ahead.isoformat())
    (ledger.folder / f"{ahead:%Y%m%dT%H%M%S%f}-ranker-2.json").write_text(json.dumps(asdict(later)))
    decide(ledger, (3, champions.PROMOTED))
    assert [e.version for e in ledger.entries("ranker")] == [1, 2, 3]


def test_a_return_takes_back_what_came_after(ledger):
    decide(ledger, *((n, champions.PROMOTED) for n in (1, 2, 3)), (2, champions.RESTORED))
    assert ledger.line("ranker") == [1, 2]
    assert ledger.rolled_back("ranker") == {3}
    decide(ledger, (1, champions.RESTORED))
    assert ledger.line("ranker") == [1]
    assert ledger.rolled_back("ranker") == {2, 3}
    decide(ledger, (3, champions.RESTORED), (4, champions.PROMOTED))
    assert ledger.line("ranker") == [3, 4]
    assert ledger.rolled_back("ranker") == {1, 2}
    assert ledger.served("ranker") == {1, 2, 3, 4}


def held_by(ledger) -> int | None:
    """The version whose rollback holds."""
    holding = ledger.holding("ranker")
    return holding and holding.previous_version


def test_a_return_to_the_middle_of_two_rollbacks_still_holds(ledger):
    decide(ledger, *((n, champions.PROMOTED) for n in (1, 2, 3)))
    assert held_by(ledger) is None
    held_for = []
    for back in (2, 1, 2, 3):
        decide(ledger, (back, champions.RESTORED))
        held_for.append(held_by(ledger))
    assert held_for == [3, 2, 3, None]
    decide(ledger, (2, champions.RESTORED), (4, champions.PROMOTED))
    assert held_by(ledger) is None


@given(st.lists(st.booleans(), max_size=12))
def test_no_return_leads_to_what_was_rolled_back_from(tmp_path_factory, are_promotions):
    ledger, number = Ledger(tmp_path_factory.mktemp("ledger") / "champions"), 0
    stack: list[int] = []
    for is_promotion in are_promotions:
        if is_promotion:
            number += 1
            stack.append(number)
            decide(ledger, (number, champions.PROMOTED))
        elif len(stack) > 1:
            stack.pop()
            decide(ledger, (stack[-1], champions.RESTORED))
        assert ledger.line("ranker") == stack
        assert ledger.champion("ranker") == (stack[-1] if stack else None)


def test_the_ledger_is_a_table(paths):
    ledger = Ledger.of(paths)
    figures = {"version_value": 0.5, "difference_low": -0.25, "slice": 1.0}
    with ledger.alone():
        for given in (
            replace(entry(1, champions.PROMOTED, None), kind=champions.FIRST),
            replace(entry(2, champions.REFUSED, 1), metric="map", figures=figures),
        ):
            ledger.close(ledger.write_down(given))
    operations.publish_records(paths, keep_versions=3)
    with connect(paths, (operations.DATABASE,)) as connection:
        first, second = connection.sql("from rpt_champion_decisions").df().to_dict("records")
        comments = connection.sql(
            "select column_name, comment from duckdb_columns()"
            " where table_name = 'rpt_champion_decisions'"
        ).fetchall()
    assert comments == [(c.name, c.description) for c in champion_table.TABLE.columns]
    assert (first["kind"], first["champion_version"]) == (champions.FIRST, 1)
    written = ledger.entries("ranker")[1]
    assert second["decided_at"] == datetime.fromisoformat(written.decided_at)
    assert (second["version"], second["verdict"], second["reason"]) == (2, "refused", "because")
    assert (second["champion_version"], second["previous_version"]) == (1, 1)
    assert (second["metric"], second["version_value"], second["difference_low"]) == (
        "map", 0.5, -0.25,
    )  # fmt: skip
    assert json.loads(second["figures"]) == figures

"""The limits of a staged list, each broken alone; the list of the night before had ten letters."""

import json
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from email_lists.people import SCHEMA
from expectations.list_limits import Night, checks, fault_of
from vitrine.champions import Entry, Ledger
from vitrine.interval import format_instant, parse_instant
from vitrine.letters import LETTERS
from vitrine.list_policy import GateLimits
from vitrine.publish import new_version
from vitrine.staged_lists import StagedList

AS_OF = parse_instant("2026-03-10T03:30:00Z")
MIDNIGHT = parse_instant("2026-03-10")
USUAL = GateLimits()
MODEL = {"model": "ranker", "version": 3}
"""Promoted by the ledger below."""


def promoted(version, **said):
    return Entry(
        **{
            "model": "ranker",
            "version": version,
            "kind": "refresh",
            "verdict": "promoted",
            "reason": "it is better",
            "champion_version": version,
            "previous_version": None,
            "data_end_at": "2026-03-09T00:00:00Z",
        }
        | said
    )


LEDGER = (promoted(3),)
EXCLUSIONS = pa.schema([("customer_id", pa.string()), ("exclusion", pa.string())])


@pytest.fixture
def night(paths):
    """Stage ten letters after ten; every argument is a fault."""

    def make(letters=10, places=7, first=("k1", "k2"), before=10, until=MIDNIGHT, model=MODEL,
             last_model=MODEL, drops=(), entries=LEDGER, limits=USUAL,
             left_out=("no_consent",)):  # fmt: skip
        folder = paths.staged_list("daily", AS_OF)
        folder.mkdir(parents=True)
        people = [
            {
                "customer_id": f"c{n}",
                "campaigns": [{"rank": 1, "campaign_id": first[n % len(first)]}],
                "products": [{"position": p} for p in range(places)],
            }
            for n in range(letters)
        ]
        pq.write_table(pa.Table.from_pylist(people, schema=SCHEMA), folder / "list.parquet")
        excluded = [{"customer_id": f"x{n}", "exclusion": e} for n, e in enumerate(left_out)]
        pq.write_table(pa.Table.from_pylist(excluded, EXCLUSIONS), folder / "exclusions.parquet")
        provenance = {"known_before": format_instant(MIDNIGHT), "model": model}
        (folder / "provenance.json").write_text(json.dumps(provenance))
        if before is not None:
            last = AS_OF - timedelta(days=2)
            with new_version(paths.published_list("daily", last.date()), "v") as version:
                pq.write_table(LETTERS.empty(), version / "letters.parquet")
                # The hand-off lost four of ten: those are no change.
                told = {"staged": before, "listed": before - 4}
                manifest = {"customers": told, "model": last_model}
                (version / "manifest.json").write_text(json.dumps(manifest))
        paths.books.mkdir(parents=True)
        for start, end, files in drops:
            book = {"interval_start_at": start, "interval_end_at": end, "files": files}
            (paths.books / f"{start}-{end}.json").write_text(json.dumps(book))
        ledger = Ledger.of(paths)
        with ledger.alone():
            for entry in entries:
                ledger.close(ledger.write_down(entry))
        return Night(paths, StagedList.of(paths, "daily", AS_OF), until, limits)

    return make


def rows_of(check):
    rows = check.load()
    assert isinstance(rows, pd.DataFrame)
    return rows


def broken(night):
    """Return {limit: its row} of the limits that do not hold; by the rules' own bounds."""
    found = {}
    for check in checks(night):
        rows = rows_of(check)
        rule = check.rules[-1]
        assert rule.advice
        for row in rows.to_dict("records"):
            assert set(check.keys) <= set(row)
            if not row[rule.columns[0]] <= rule.arguments["max_value"]:
                found[check.name] = row
    return found


def test_a_usual_list_breaks_none(night):
    assert broken(night()) == {}


def test_a_first_list_has_no_size_to_be_held_against(night):
    assert broken(night(letters=1000, before=None)) == {}


@pytest.mark.parametrize("letters", [6, 14, 0])
def test_a_list_whose_size_moved_is_withheld(night, letters):
    row = broken(night(letters=letters))["size"]
    assert (row["letter_count"], row["last_letter_count"]) == (letters, 10)
    assert row["last_night"] == "2026-03-08"


def test_the_size_may_move_as_far_as_the_policy_says(night):
    assert "size" not in broken(night(letters=13))


@pytest.mark.parametrize("taken", ["cap_per_day", "hold_out"])
def test_a_list_whose_customers_caps_took_may_be_of_nobody(night, taken):
    assert broken(night(letters=0, left_out=("no_consent", taken, taken))) == {}


def test_a_list_of_nobody_for_other_reasons_is_withheld_with_their_counts(night):
    row = broken(night(letters=0, left_out=("no_consent", "no_consent", "suppressed_age")))
    assert row["nobody"]["left_out"] == "no_consent 2, suppressed_age 1"


def test_a_night_of_nobody_is_no_measure_of_the_next(night):
    assert broken(night(letters=1000, before=0)) == {}


def test_a_list_may_grow_by_more_than_it_was(night):
    limits = GateLimits(size_change=1.5)
    assert "size" not in broken(night(letters=25, limits=limits))


def test_there_is_a_bound_to_any_growth(night):
    limits = GateLimits(size_change=1.5)
    assert "size" in broken(night(letters=26, limits=limits))


def test_a_list_that_one_campaign_is_first_in_is_withheld(night):
    assert set(broken(night(first=("k1",)))) == {"dominance"}


def test_empty_places_are_counted(night):
    assert broken(night(places=5))["empty_places"]["empty_ratio"] == pytest.approx(2 / 7)


DAY = ("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z")
NEXT = ("2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z")


@pytest.mark.parametrize(
    ("given", "age"),
    [
        ({}, 3.5),
        ({"drops": [(*DAY, ["orders.csv"]), (*NEXT, ["orders.csv"])]}, 3.5),
        ({"drops": [(*DAY, ["orders.csv"]), (*NEXT, [])]}, 27.5),
        ({"drops": [("2026-03-01T00:00:00Z", DAY[0], ["x"]), (*DAY, []), (*NEXT, [])]}, 51.5),
        ({"drops": [("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", ["x"])]}, 3.5),
        ({"until": MIDNIGHT - timedelta(days=2)}, 51.5),
        ({"until": MIDNIGHT + timedelta(days=2)}, 3.5),
    ],
)
def test_features_are_as_old_as_the_newest_that_was_delivered(night, given, age):
    made = night(**given)
    [check] = [check for check in checks(made) if check.name == "features"]
    assert rows_of(check)["age_hours"].item() == age
    assert ("features" in broken(made)) == (age > 24)


@pytest.mark.parametrize(
    ("entries", "model", "last", "fault"),
    [
        ([promoted(3)], MODEL, MODEL, ""),
        ([promoted(3)], MODEL, {"model": "ranker", "version": 2}, ""),
        ([promoted(3, verdict="passed", champion_version=4)], MODEL, MODEL, ""),
        ([promoted(3, kind="found", verdict="refused")], MODEL, {}, ""),
        (
            [promoted(2), promoted(3, kind="found", previous_version=2)],
            MODEL,
            {},
            "nobody promoted",
        ),
        ([promoted(2), promoted(3, verdict="refused", champion_version=2)], MODEL, {}, "nobody"),
        ([promoted(2), promoted(3, verdict="held", champion_version=2)], MODEL, {}, "nobody"),
        ([], MODEL, MODEL, "nobody promoted it"),
        (
            [
                promoted(2),
                promoted(3, previous_version=2),
                promoted(2, kind="rollback", verdict="restored", previous_version=3),
            ],
            MODEL,
            MODEL,
            "it was rolled back from",
        ),
        ([], {"model": "repurchase", "version": None}, {}, ""),
        (
            [promoted(3)],
            {"model": "repurchase", "version": None},
            MODEL,
            "the baseline answered, and ranker 3 did before",
        ),
    ],
)
def test_a_champion_that_nobody_promoted_is_named(paths, night, entries, model, last, fault):
    made = night(entries=entries, model=model, last_model=last)
    found = fault_of(Ledger.of(paths), model, last)
    assert (found[: len(fault)], bool(found)) == (fault, bool(fault))
    assert ("champion" in broken(made)) == bool(fault)

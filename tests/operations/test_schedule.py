from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pkgutil import iter_modules
from typing import Any

import pytest

from vitrine import sources
from vitrine.errors import BadArgumentError
from vitrine.interval import DAY, QUARTER_HOUR, Interval, parse_instant
from vitrine.operations.schedule import (
    SEND_DECISION,
    WINDOWS_CLOCK,
    AssetEvent,
    build_interval,
    builds,
    macros,
    run_as_of,
    run_interval,
)


@dataclass
class Event:
    extra: dict[str, Any]


@dataclass
class Run:
    """The fields of an Airflow run that decide its interval."""

    run_after: datetime
    logical_date: datetime | None = None
    conf: dict[str, Any] | None = None
    consumed_asset_events: Iterable[AssetEvent] = ()


def at(text: str, **others: Any) -> Run:
    return Run(parse_instant(text), **others)


@pytest.mark.parametrize(
    ("tick", "step", "start", "end"),
    [
        ("2026-03-16T02:00", DAY, "2026-03-15", "2026-03-16"),
        ("2026-03-16T00:00", DAY, "2026-03-15", "2026-03-16"),
        ("2026-03-16T23:59:59", DAY, "2026-03-15", "2026-03-16"),
        ("2026-03-16T09:15", QUARTER_HOUR, "2026-03-16T09:00", "2026-03-16T09:15"),
        ("2026-03-16T09:17", QUARTER_HOUR, "2026-03-16T09:00", "2026-03-16T09:15"),
        ("2026-03-16T00:00", QUARTER_HOUR, "2026-03-15T23:45", "2026-03-16"),
    ],
)
def test_a_tick_means_the_last_whole_step_before_it(tick, step, start, end):
    assert run_interval(at(tick), step) == Interval.parse(start, end)


def test_a_scheduled_run_goes_by_its_tick_and_not_by_when_it_was_started():
    late = at("2026-03-16T05:21", logical_date=parse_instant("2026-03-16T02:00"))
    assert run_interval(late, QUARTER_HOUR) == Interval.parse(
        "2026-03-16T01:45", "2026-03-16T02:00"
    )


def test_what_a_person_says_goes_before_the_clock():
    conf = {"start": "2026-01-01", "end": "2026-02-01"}
    assert run_interval(at("2026-03-16", conf=conf), DAY) == Interval.parse(*conf.values())
    assert run_as_of(at("2026-03-16", conf={"as_of": "2026-01-02T03:30Z"})) == parse_instant(
        "2026-01-02T03:30"
    )


def test_a_form_that_was_left_empty_says_nothing():
    conf = {"start": None, "end": None}
    assert run_interval(at("2026-03-16T02:00", conf=conf), DAY) == Interval.parse(
        "2026-03-15", "2026-03-16"
    )


@pytest.mark.parametrize(
    "conf", [{"start": "2026-01-01"}, {"begin": "2026-01-01", "end": "2026-01-02"}, {"as_of": "x"}]
)
def test_half_an_interval_and_unknown_words_are_refused(conf):
    with pytest.raises(BadArgumentError):
        run_interval(at("2026-03-16", conf=conf), DAY)


def test_a_dag_without_a_step_needs_to_be_told():
    with pytest.raises(BadArgumentError, match="started by hand"):
        run_interval(at("2026-03-16"), None)


def test_of_several_asset_events_the_newest_end_decides():
    events = [Event({"end": f"2026-03-{day}T00:00:00Z"}) for day in (14, 16, 15)]
    run = at("2026-03-20T02:40", consumed_asset_events=events)
    assert run_as_of(run) == parse_instant("2026-03-16")
    assert run_as_of(run, SEND_DECISION) == parse_instant("2026-03-16T03:30")


def test_a_weekly_tick_looks_back_from_its_midnight():
    assert run_as_of(at("2026-03-15T04:00")) == parse_instant("2026-03-15")


def test_templates_write_what_the_command_line_reads():
    run = at("2026-03-16T02:00")
    written = {name: macro(run) for name, macro in macros(DAY, timedelta(hours=1)).items()}
    assert written == {
        "start": "2026-03-15T00:00:00Z",
        "end": "2026-03-16T00:00:00Z",
        "interval": "--start 2026-03-15T00:00:00Z --end 2026-03-16T00:00:00Z",
        "as_of": "2026-03-16T01:00:00Z",
        "builds": True,
        "build_interval": "--start 2026-03-15T00:00:00Z --end 2026-03-16T00:00:00Z",
        "build_end": "2026-03-16T00:00:00Z",
    }


def test_a_backfill_builds_once_and_up_to_what_was_published():
    told = {"start": "2026-01-01", "end": "2026-01-02"}
    early = at("2026-03-16", conf=told | {"build_until": "never"})
    last = at("2026-03-16", conf=told | {"build_until": "2026-03-16"})
    assert not builds(early)
    assert builds(last)
    assert run_interval(last, DAY) == Interval.parse("2026-01-01", "2026-01-02")
    assert build_interval(last, DAY) == Interval.parse("2026-01-01", "2026-03-16")


@pytest.mark.parametrize("shop", [module.name for module in iter_modules(sources.__path__)])
def test_windows_are_computed_as_often_as_the_shop_delivers(shop):
    assert sources.source(shop).delivery_step in WINDOWS_CLOCK

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.published_letters import letter, publish
from vitrine.errors import BadArgumentError, BadInputError
from vitrine.interval import Interval
from vitrine.simulator.founding import found
from vitrine.simulator.shop import shop_file

FIRST = Interval.parse("2026-03-10", "2026-03-12")
LATER = Interval.parse("2026-03-12", "2026-03-13")


def test_the_first_call_founds_and_later_calls_continue(tmp_path: Path):
    shop = found(tmp_path, FIRST, 7, 50)
    assert shop.founded_on == date(2026, 3, 10)
    assert found(tmp_path, LATER, 7, None) == shop
    assert found(tmp_path, LATER, 7, 50) == shop


def test_who_is_mailed_by_lists_stays_so(tmp_path: Path):
    lists = tmp_path / "lists"
    assert found(tmp_path, FIRST, 7, 50).lists_since is None
    assert found(tmp_path, LATER, 7, None, lists).lists_since == date(2026, 3, 12)
    last = Interval.parse("2026-03-13", "2026-03-14")
    assert found(tmp_path, last, 7, None).lists_since == date(2026, 3, 12)
    assert found(tmp_path, last, 7, None, lists).lists_since == date(2026, 3, 12)


def test_lists_do_not_take_over_within_a_day(tmp_path: Path):
    found(tmp_path, FIRST, 7, 50)
    noon = Interval.parse("2026-03-12T06:00", "2026-03-13")
    with pytest.raises(BadArgumentError, match="at a UTC midnight, before its newsletter"):
        found(tmp_path, noon, 7, None, tmp_path / "lists")


def test_what_lists_of_another_shop_would_make_of_it_is_not_kept(tmp_path: Path):
    shop, night = found(tmp_path, FIRST, 7, 50), date(2026, 3, 12)
    publish(tmp_path / "lists", night, [letter("C42", night)])
    with pytest.raises(BadInputError, match="names the customer C42"):
        found(tmp_path, LATER, 7, None, tmp_path / "lists")
    assert found(tmp_path, LATER, 7, None) == shop


def test_a_shop_of_an_earlier_version_goes_on_announcing_one_day_ahead(tmp_path: Path):
    shop = found(tmp_path, FIRST, 7, 50)
    assert found(tmp_path, LATER, 7, None).announced_days == 2
    kept = json.loads(shop_file(tmp_path).read_text())
    del kept["announced_days"]
    shop_file(tmp_path).write_text(json.dumps(kept))
    earlier = replace(shop, announced_days=1)
    assert found(tmp_path, LATER, 7, None) == earlier
    taken_over = found(tmp_path, LATER, 7, None, tmp_path / "lists")
    assert taken_over == replace(earlier, lists_since=date(2026, 3, 12))
    assert found(tmp_path, LATER, 7, None) == taken_over


@pytest.mark.parametrize(
    ("interval", "seed", "customers", "words"),
    [
        (LATER, 7, 51, "50 customers, not 51"),
        (LATER, 8, None, "seed 7, not 8"),
        (Interval.parse("2026-03-09", "2026-03-12"), 7, None, "founded on 2026-03-10"),
    ],
)
def test_another_shop_does_not_write_to_the_same_folder(
    tmp_path: Path, interval: Interval, seed: int, customers: int | None, words: str
):
    found(tmp_path, FIRST, 7, 50)
    with pytest.raises(BadArgumentError, match=words):
        found(tmp_path, interval, seed, customers)


def test_a_new_shop_starts_at_midnight(tmp_path: Path):
    with pytest.raises(BadArgumentError, match="UTC midnight"):
        found(tmp_path, Interval.parse("2026-03-10T06:00", "2026-03-12"), 7, 50)
    assert not shop_file(tmp_path).exists()


def test_a_spoilt_shop_file_is_named(tmp_path: Path):
    shop_file(tmp_path).write_text("{}")
    with pytest.raises(BadInputError, match=r"shop\.json"):
        found(tmp_path, FIRST, 7, 50)

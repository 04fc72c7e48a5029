from datetime import date
from pathlib import Path

import pytest

from vitrine.errors import BadArgumentError, BadInputError
from vitrine.interval import Interval
from vitrine.simulator.founding import found as found_flash_sale
from vitrine.simulator.retailer.founding import found
from vitrine.simulator.shop import RETAILER, kind_of_shop, shop_file

FIRST = Interval.parse("2024-09-01", "2024-11-01")
LATER = Interval.parse("2024-11-01", "2024-11-02")


def test_visits_are_recorded_for_the_last_thirty_days_and_on(tmp_path: Path):
    shop = found(tmp_path, FIRST, 7, 1_000)
    assert shop.sessions_from == date(2024, 10, 2)
    assert found(tmp_path, LATER, 7, None) == shop
    assert kind_of_shop(tmp_path) == RETAILER


def test_a_shop_of_few_days_records_all_its_visits(tmp_path: Path):
    assert found(tmp_path, LATER, 7, 1_000).sessions_from == date(2024, 11, 1)


@pytest.mark.parametrize(
    ("interval", "seed", "customers", "words"),
    [
        (LATER, 7, 1_001, "1000 customers, not 1001"),
        (LATER, 8, None, "seed 7, not 8"),
        (Interval.parse("2024-08-31", "2024-09-02"), 7, None, "founded on 2024-09-01"),
    ],
)
def test_another_shop_does_not_write_to_the_same_folder(
    tmp_path: Path, interval: Interval, seed: int, customers: int | None, words: str
):
    found(tmp_path, FIRST, 7, 1_000)
    with pytest.raises(BadArgumentError, match=words):
        found(tmp_path, interval, seed, customers)


def test_a_new_shop_starts_at_midnight(tmp_path: Path):
    with pytest.raises(BadArgumentError, match="UTC midnight"):
        found(tmp_path, Interval.parse("2024-09-01T06:00", "2024-09-03"), 7, 1_000)
    assert not shop_file(tmp_path).exists()


def test_a_flash_sale_shop_is_no_retailer_and_the_other_way_round(tmp_path: Path):
    found(tmp_path / "retailer", FIRST, 7, 1_000)
    found_flash_sale(tmp_path / "flash_sale", FIRST, 7, 1_000)
    with pytest.raises(BadInputError, match=r"shop\.json does not hold a simulated retailer"):
        found(tmp_path / "flash_sale", FIRST, 7, 1_000)
    with pytest.raises(BadInputError, match=r"shop\.json"):
        found_flash_sale(tmp_path / "retailer", FIRST, 7, 1_000)


def test_a_spoilt_shop_file_is_named(tmp_path: Path):
    shop_file(tmp_path).write_text("[]")
    with pytest.raises(BadInputError, match=r"shop\.json"):
        kind_of_shop(tmp_path)
    with pytest.raises(BadInputError, match=r"shop\.json"):
        found(tmp_path, FIRST, 7, 1_000)

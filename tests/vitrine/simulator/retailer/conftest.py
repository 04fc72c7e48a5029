"""A small retailer for all tests: two years of orders as arrays, and some days as files."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from vitrine.interval import Interval
from vitrine.simulator.retailer.shop import FULL_DAYS, Retailer
from vitrine.simulator.retailer.writing import DayBook, write_interval

FOUNDED_ON = date(2024, 9, 1)
SMALL = Retailer(7, 1_000, FOUNDED_ON, date(2024, 9, 20))
SMALL_DAYS = Interval.parse("2024-09-01", "2024-10-14")
"""Longer than goods take to come back, so that the last days need none of the first."""


@dataclass(frozen=True)
class History:
    """Two years of a retailer of 6,850 customers, a two-hundredth of the large one."""

    book: DayBook
    sales: pd.DataFrame
    back: pd.DataFrame


@pytest.fixture(scope="session")
def history() -> History:
    shop = Retailer(7, 6_850, FOUNDED_ON, date(2026, 8, 2))
    book = DayBook(shop, FULL_DAYS - 1)
    days = [book.orders.lines(day)[1] for day in range(FULL_DAYS)]
    lines = pd.concat([pd.DataFrame(day).assign(day=n) for n, day in enumerate(days)])
    return History(book, lines[lines["kind"] == 0], lines[lines["kind"] == 1])


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retailer")
    write_interval(SMALL, folder, SMALL_DAYS)
    return folder

from datetime import date, timedelta

import numpy as np

from vitrine.simulator.retailer.seasons import (
    WEEK,
    day_factors,
    department_factors,
    is_black_week,
    is_sale,
)

YEAR = [date(2025, 1, 1) + timedelta(days=n) for n in range(365)]


def test_a_day_s_demand_does_not_depend_on_where_the_count_begins():
    first = date(2025, 3, 1)
    whole = day_factors(first, 300)
    assert np.allclose(day_factors(first + timedelta(days=100), 200), whole[100:])
    assert np.isclose(WEEK.mean(), 1)


def test_december_sells_most_and_february_least():
    months = [day.month for day in YEAR]
    mean = np.bincount(months, day_factors(YEAR[0], 365)) / np.maximum(np.bincount(months), 1)
    assert 1 + mean[1:].argmax() in (11, 12)
    assert 1 + mean[1:].argmin() in (2, 3, 4)


def test_a_department_s_year_has_the_mean_one():
    factors = np.array([department_factors(day) for day in YEAR])
    assert np.allclose(factors.mean(axis=0), 1, atol=0.01)
    assert factors.max() > 2


def test_sales_and_the_black_week_are_where_they_are_every_year():
    assert [day for day in YEAR if is_black_week(day)] == [
        date(2025, 11, 22) + timedelta(days=n) for n in range(7)
    ]
    assert sum(map(is_black_week, (date(2024, 11, d) for d in range(1, 31)))) == 7
    assert is_black_week(date(2024, 11, 29))
    assert sorted({day.month for day in YEAR if is_sale(day)}) == [1, 6, 7]
    assert not is_sale(date(2025, 6, 23))
    assert is_sale(date(2025, 6, 24))

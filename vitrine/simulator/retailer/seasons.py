"""How demand follows the calendar: the week, the year, and each department's own season."""

from datetime import date, timedelta

import numpy as np

from vitrine.simulator.retailer.vocabulary import DEPARTMENTS

YEAR_DAYS = 365.25
WEEK = np.array([0.95, 0.92, 0.97, 1.02, 1.10, 1.15, 0.89])
"""Monday to Sunday."""
_PEAKS = ((172, 35, 0.25), (330, 22, 0.55), (352, 6, 0.35), (8, 12, 0.15), (265, 25, 0.15))
"""Middle and width in days, and height, of what stands out of an even year."""
_SWING_G = np.array([d.swing for d in DEPARTMENTS])
_PEAK_G = np.array([d.peak_day for d in DEPARTMENTS])


def day_factors(first: date, days: int) -> np.ndarray:
    """Return the demand of consecutive days, length `days`, around 1."""
    number = np.arange(days)
    day_of_year = (first.timetuple().tm_yday - 1 + number) % YEAR_DAYS
    factors = WEEK[(first.weekday() + number) % 7].copy()
    yearly = np.full(days, 0.82)
    for middle, width, height in _PEAKS:
        away = np.abs(day_of_year - middle)
        away = np.minimum(away, YEAR_DAYS - away)
        yearly += height * np.exp(-0.5 * (away / width) ** 2)
    return factors * yearly


def department_factors(on: date) -> np.ndarray:
    """Return each department's demand relative to its yearly mean, length G."""
    turn = 2 * np.pi * (on.timetuple().tm_yday - _PEAK_G) / YEAR_DAYS
    return np.exp(_SWING_G * np.cos(turn)) / np.i0(_SWING_G)


def is_sale(on: date) -> bool:
    """Tell whether the shop clears its season: in January, and from late June through July."""
    return on.month in (1, 7) or (on.month == 6 and on.day >= 24)


def is_black_week(on: date) -> bool:
    """Tell whether a day is one of the seven that end with the Friday after Thanksgiving."""
    first = date(on.year, 11, 1)
    thursday = first + timedelta(days=(3 - first.weekday()) % 7 + 21)
    return timedelta(days=-5) <= on - thursday <= timedelta(days=1)

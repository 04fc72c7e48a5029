"""Meteorological seasons: spring begins on the first of March, in UTC."""

from datetime import date, datetime, timedelta

from vitrine.interval import midnight

ONE = timedelta(days=1)


def season_of(day: date) -> int:
    """Number the seasons: winter 0, spring 1, summer 2, autumn 3."""
    return day.month % 12 // 3


def season_began_at(as_of: datetime) -> datetime:
    """Go back day by day to the first day of the season of an instant."""
    day = as_of.date()
    while season_of(day - ONE) == season_of(as_of.date()):
        day -= ONE
    return midnight(day)

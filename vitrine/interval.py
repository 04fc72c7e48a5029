"""Half-open UTC intervals `[start, end)`: the only way a stage is told what to work on.

No stage reads the clock. Everything that a run may touch follows from its interval.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from vitrine.errors import BadArgumentError

DAY = timedelta(days=1)
QUARTER_HOUR = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_NAMED = 3


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant as UTC; a bare date is its midnight, a naive time is UTC.

    >>> parse_instant("2011-10-24T01:00:00+01:00").isoformat()
    '2011-10-24T00:00:00+00:00'

    Raises
    ------
    BadArgumentError
        If `text` is not an ISO 8601 date or instant.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadArgumentError(
            f"'{text}' is not an instant; write it like 2011-10-24T00:00:00Z or 2011-10-24"
        ) from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def format_instant(instant: datetime) -> str:
    """Write an instant the way the command line reads it: `2011-10-24T00:00:00Z`."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def instead(asked: datetime, made: Iterable[datetime]) -> str:
    """Name what there is, in brackets, where nothing is made for the instant that was asked for.

    Three at most: those of the same day first, then the newest. Nothing where nothing was made.

    >>> instead(parse_instant("2026-03-16"), [parse_instant("2026-03-16T03:30:00Z")])
    ' (there is one as of 2026-03-16T03:30:00Z)'
    """
    known = sorted({*made}, reverse=True)
    nearest = sorted(known, key=lambda instant: instant.date() != asked.date())[:MOST_NAMED]
    named = ", ".join(map(format_instant, nearest))
    return f" (there {'is one' if len(nearest) == 1 else 'are those'} as of {named})" * bool(named)


def midnight(day: date) -> datetime:
    """Return the first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def floor(instant: datetime, step: timedelta) -> datetime:
    """Round an instant down to a multiple of `step` since the epoch.

    >>> floor(parse_instant("2011-10-24T09:14:59"), QUARTER_HOUR).isoformat()
    '2011-10-24T09:00:00+00:00'
    """
    return instant - (instant - EPOCH) % step


@dataclass(frozen=True, order=True)
class Interval:
    """The instants `start <= t < end`, both UTC.

    Raises
    ------
    BadArgumentError
        If an end lies not after its start, or an instant carries no zone.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise BadArgumentError("an interval's instants carry their time zone")
        if self.end <= self.start:
            raise BadArgumentError(
                f"the end {format_instant(self.end)} must lie after"
                f" the start {format_instant(self.start)}"
            )

    @classmethod
    def parse(cls, start: str, end: str) -> "Interval":
        """Read both ends with `parse_instant`."""
        return cls(parse_instant(start), parse_instant(end))

    @classmethod
    def of_day(cls, day: date) -> "Interval":
        """Return the whole UTC day."""
        return cls(midnight(day), midnight(day) + DAY)

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def __str__(self) -> str:
        return f"[{format_instant(self.start)}, {format_instant(self.end)})"

    def overlaps(self, other: "Interval") -> bool:
        """Tell whether the two share an instant."""
        return self.start < other.end and other.start < self.end

    def covers(self, other: "Interval") -> bool:
        """Tell whether every instant of `other` lies in this interval."""
        return self.start <= other.start and other.end <= self.end

    def days(self) -> list[date]:
        """List the UTC days that the interval touches."""
        first, last = self.start.date(), (self.end - timedelta(microseconds=1)).date()
        return [first + DAY * n for n in range((last - first).days + 1)]

    def split(self, step: timedelta) -> Iterator["Interval"]:
        """Cut the interval at the multiples of `step` since the epoch."""
        start = self.start
        while start < self.end:
            end = min(floor(start, step) + step, self.end)
            yield Interval(start, end)
            start = end

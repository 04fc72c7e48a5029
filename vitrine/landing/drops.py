"""Which drops an interval owns, and the pieces of it in which nothing was delivered."""

from collections import defaultdict
from datetime import date
from pathlib import Path

from vitrine.errors import BadArgumentError, BadInputError, StageSkipped
from vitrine.interval import DAY, EPOCH, Interval, floor, format_instant
from vitrine.sources import Drop, Source


def whole_days(interval: Interval) -> Interval:
    """Widen an interval to whole UTC days."""
    start, end = floor(interval.start, DAY), floor(interval.end, DAY)
    return Interval(start, end if end == interval.end else end + DAY)


def owned(shop: Source, landing: Path, interval: Interval) -> list[Drop]:
    """List the drops to land for `interval`, in the order of time; none for days without trade.

    Raises
    ------
    BadArgumentError
        If the interval cuts a drop in two.
    StageSkipped
        If the interval is a part of a day, and the shop delivered nothing of just that part.
    BadInputError
        If the shop never delivered anything before the interval's end.
    """
    if not landing.is_dir():
        raise BadInputError(
            f"there is no landing folder {landing}; set VITRINE_LANDING to the shop's raw files"
        )
    near = shop.drops(landing, whole_days(interval))
    _refuse_cut(interval, near)
    found = [drop for drop in near if interval.covers(drop.interval)]
    if not found:
        _require_history(shop, landing, interval)
    if not found and interval != whole_days(interval):
        raise StageSkipped(f"landing {interval} skipped: the shop delivered nothing in it")
    return found


def _refuse_cut(interval: Interval, drops: list[Drop]) -> None:
    for drop in drops:
        if not drop.interval.overlaps(interval) or interval.covers(drop.interval):
            continue
        if drop.interval.covers(interval):
            raise StageSkipped(
                f"landing {interval} skipped: the shop delivers it as a part of {drop.interval}"
            )
        raise BadArgumentError(
            f"{interval} cuts the drop {drop.interval} in two; start and end between two drops"
        )


def _require_history(shop: Source, landing: Path, interval: Interval) -> None:
    if not shop.drops(landing, Interval(EPOCH, whole_days(interval).end)):
        raise BadInputError(
            f"no {shop.name} file from before {format_instant(interval.end)} lies in {landing};"
            " set VITRINE_LANDING to the shop's raw files, or ask for a later interval"
        )


def gaps(interval: Interval, drops: list[Drop]) -> list[Interval]:
    """List the pieces of `interval` in which nothing was delivered.

    A piece is as long as that day's shortest drop, so that a drop that arrives after all replaces
    exactly its piece; a day without drops is one piece.
    """
    taken: dict[date, list[Interval]] = defaultdict(list)
    for drop in drops:
        for touched in drop.interval.days():
            taken[touched].append(drop.interval)
    pieces: list[Interval] = []
    for day in interval.split(DAY):
        near = taken[day.start.date()]
        pieces += [
            piece
            for piece in day.split(min((i.end - i.start for i in near), default=DAY))
            if not any(piece.overlaps(i) for i in near)
        ]
    return pieces

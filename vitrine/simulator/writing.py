"""Write an interval of a shop's life to its landing folder, and the truth beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from vitrine.interval import DAY, QUARTER_HOUR, Interval
from vitrine.paths import interval_stamp
from vitrine.simulator.raw_format import COLUMNS, put, write_drop
from vitrine.simulator.shop import Shop
from vitrine.simulator.simulation import Simulation
from vitrine.simulator.truth import TruthWriter

AHEAD = timedelta(hours=2)
"""How far the easternmost market's clock is ahead of UTC at most."""
STEPS = {"day": DAY, "15min": QUARTER_HOUR, "interval": DAY}
"""What `--every` may say; `interval` gives one drop per UTC day part of the interval."""


@dataclass
class Summary:
    """What was written."""

    rows: dict[str, int] = field(default_factory=dict)
    file_count: int = 0
    byte_count: int = 0
    picture_count: int = 0


def write_interval(
    shop: Shop,
    landing: Path,
    truth: Path,
    interval: Interval,
    every: timedelta = DAY,
    progress: Callable[[date], None] = lambda _: None,
    letters: pa.Table | None = None,
) -> Summary:
    """Write every drop received in `interval`; the shop must exist by its start.

    `every` cuts the drops: `DAY` or `QUARTER_HOUR`. Each table has a file for each drop, also one
    without rows, so that a missing file is a missing delivery. From `shop.lists_since` on the
    shop's mail is `letters`, of `vitrine.letters.LETTERS`' columns.
    """
    simulation = Simulation(shop, int(interval.start.timestamp()), letters)
    writer = TruthWriter(truth, simulation.people, since=interval.start.date())
    simulation.observe_with(writer.observe)
    summary = Summary()
    for part in interval.split(DAY):
        _advance(simulation, writer, part.end, progress)
        for drop in part.split(every):
            _write(simulation, landing, drop, summary)
    return summary


def _advance(
    simulation: Simulation, writer: TruthWriter, until: datetime, progress: Callable[[date], None]
) -> None:
    """Play the local days of which anything may be received before `until`."""
    last = (until + AHEAD - timedelta(seconds=1)).date()
    while simulation.next_day <= last:
        day = simulation.next_day
        progress(day)
        simulation.advance()
        writer.write(day)


def _write(simulation: Simulation, landing: Path, drop: Interval, summary: Summary) -> None:
    start, end = int(drop.start.timestamp()), int(drop.end.timestamp())
    for picture in simulation.outbox.take_pictures(end):
        put(landing / picture.path, picture.png)
        summary.picture_count += 1
    for table in COLUMNS:
        rows = simulation.outbox.take(table, start, end)
        file = landing / table / f"{interval_stamp(drop)}.csv.gz"
        summary.byte_count += write_drop(file, rows)
        summary.file_count += 1
        summary.rows[table] = summary.rows.get(table, 0) + rows.num_rows

"""What the shop still has to deliver: rows wait here until the drop of their receipt is written.

Delivery is imperfect, as a shop's is: rows come late, twice, or broken. All of that is drawn from
streams of its own, so it depends neither on how drops are cut nor on what was written before.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrine.simulator.local_time import HOUR
from vitrine.simulator.raw_format import COLUMNS, TORN, as_text

MEAN_DELAY_S = 25
LATE_SHARE = 0.012
MEDIAN_LATE_S = 20 * 60
LONGEST_LATE_S = 20 * HOUR
TOO_LATE_SHARE = 0.0005
DUPLICATE_SHARE = 0.003
MALFORMED_SHARE = 0.0003
_RECEIVED = "_received"
MALFORMATIONS = {
    "events": (("occurred_at", "31/02/2026 25:61"), ("kind", "hover"), ("event_id", "")),
    "orders": (("quantity", "two"), ("unit_price", "n/a"), ("product_id", "")),
    "email_events": (("occurred_at", "yesterday"), ("customer_id", "")),
}


@dataclass(frozen=True)
class Picture:
    """An image file to be delivered."""

    received_at: int
    path: Path
    """Relative to the landing folder."""
    png: bytes


class Outbox:
    """Rows and pictures by instant of receipt; what is received before `since` is let go."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.pictures: list[Picture] = []
        self._waiting: dict[str, list[pa.Table]] = {}

    def post(
        self, table: str, rows: dict[str, np.ndarray | pa.Array], received_N: np.ndarray, zone: str
    ) -> None:
        """Take rows of a table that are received at given instants."""
        keep = np.flatnonzero(received_N >= self.since)
        if len(keep):
            chosen = {name: _take(column, keep) for name, column in rows.items()}
            text = as_text(table, chosen | {"received_at": received_N[keep]}, zone)
            self._wait(table, text, received_N[keep])

    def post_facts(
        self,
        table: str,
        rows: dict[str, np.ndarray | pa.Array],
        draws: np.random.Generator,
        zone: str,
        is_true_N: np.ndarray | None = None,
    ) -> None:
        """Take facts, and draw for each when it is received, whether twice, and whether broken.

        What is not true is let go after the draws, so that the rest is delivered as it would be.
        """
        occurred_N = np.asarray(rows["occurred_at"])
        received_N = occurred_N + delays(draws, len(occurred_N))
        again_N = np.flatnonzero(draws.random(len(occurred_N)) < DUPLICATE_SHARE)
        pause_N = np.where(
            draws.random(len(again_N)) < 0.5, 0, draws.integers(1, 2 * HOUR, len(again_N))
        )
        all_N = np.r_[np.arange(len(occurred_N)), again_N]
        received = np.r_[received_N, received_N[again_N] + pause_N]
        is_broken = draws.random(len(all_N)) < MALFORMED_SHARE
        how = draws.integers(0, len(MALFORMATIONS[table]) + 1, len(all_N))
        is_kept = received >= self.since
        if is_true_N is not None:
            is_kept &= is_true_N[all_N]
        keep = np.flatnonzero(is_kept)
        if not len(keep):
            return
        chosen = {name: _take(column, all_N[keep]) for name, column in rows.items()}
        text = as_text(table, chosen | {"received_at": received[keep]}, zone)
        text = spoil(table, text, np.where(is_broken[keep], how[keep], -1))
        self._wait(table, text, received[keep])

    def take(self, table: str, start: int, end: int) -> pa.Table:
        """Hand over a table's rows received in `[start, end)`, in the order of receipt."""
        rows = pa.concat_tables(self._waiting.pop(table, None) or [_nothing(table)])
        received = rows[_RECEIVED].to_numpy()
        later = np.flatnonzero(received >= end)
        if len(later):
            self._waiting[table] = [rows.take(pa.array(later))]
        due = np.flatnonzero((received >= start) & (received < end))
        due = due[np.argsort(received[due], kind="stable")]
        return rows.take(pa.array(due, pa.int64())).drop_columns([_RECEIVED])

    def take_pictures(self, end: int) -> list[Picture]:
        """Hand over the pictures received before `end`."""
        due = [p for p in self.pictures if p.received_at < end]
        self.pictures = [p for p in self.pictures if p.received_at >= end]
        return due

    def _wait(self, table: str, text: pa.Table, received_N: np.ndarray) -> None:
        column = pa.array(received_N, pa.int64())
        self._waiting.setdefault(table, []).append(text.append_column(_RECEIVED, column))


def _nothing(table: str) -> pa.Table:
    columns = [pa.field(name, pa.string()) for name, _ in COLUMNS[table]]
    return pa.schema([*columns, pa.field(_RECEIVED, pa.int64())]).empty_table()


def _take(column: np.ndarray | pa.Array, rows: np.ndarray) -> np.ndarray | pa.Array:
    return column[rows] if isinstance(column, np.ndarray) else column.take(pa.array(rows))


def delays(draws: np.random.Generator, count: int) -> np.ndarray:
    """Draw seconds from occurrence to receipt: seconds mostly, hours for some, days for a few."""
    usual = 1 + draws.exponential(MEAN_DELAY_S, count)
    late = np.minimum(MEDIAN_LATE_S * np.exp(draws.normal(0, 1.3, count)), LONGEST_LATE_S)
    too_late = draws.uniform(25 * HOUR, 60 * HOUR, count)
    luck = draws.random(count)
    seconds = np.where(luck < LATE_SHARE, late, usual)
    return np.where(luck > 1 - TOO_LATE_SHARE, too_late, seconds).astype(np.int64)


def spoil(table: str, text: pa.Table, how_N: np.ndarray) -> pa.Table:
    """Spoil a field where `how_N` names a way; the way after the last tears the line."""
    for way, (name, spoilt) in enumerate(MALFORMATIONS[table]):
        place = text.column_names.index(name)
        column = pc.if_else(pa.array(how_N == way), spoilt, text[name])
        text = text.set_column(place, name, column)
    return text.append_column(TORN, pa.array(how_N == len(MALFORMATIONS[table])))

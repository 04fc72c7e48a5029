"""What happened but has not been delivered yet: late rows, repeated rows, returns on their way.

How a day's rows are delivered is drawn from a stream of that day. So it depends neither on how
drops are cut nor on the day that a run begins with.
"""

import numpy as np

from vitrine.simulator.outbox import DUPLICATE_SHARE, MALFORMATIONS, MALFORMED_SHARE, delays
from vitrine.simulator.retailer.orders import Facts

HOW = "_how"
"""The way in which a row is spoilt, an index into the table's malformations, or -1."""
LONGEST_DELAY_DAYS = 3
LONGEST_PAUSE_S = 7_200


def delivered(table: str, rows: Facts, draws: np.random.Generator) -> Facts:
    """Draw when each fact is received, whether twice, and whether broken."""
    count = len(rows["occurred_at"])
    received = rows["occurred_at"] + delays(draws, count)
    again = np.flatnonzero(draws.random(count) < DUPLICATE_SHARE)
    pause = np.where(
        draws.random(len(again)) < 0.5, 0, draws.integers(1, LONGEST_PAUSE_S, len(again))
    )
    every = np.r_[np.arange(count), again]
    how = draws.integers(0, len(MALFORMATIONS[table]) + 1, len(every))
    is_broken = draws.random(len(every)) < MALFORMED_SHARE
    return {name: column[every] for name, column in rows.items()} | {
        "received_at": np.r_[received, received[again] + pause],
        HOW: np.where(is_broken, how, -1),
    }


class Waiting:
    """Rows by instant of receipt; what is received before `since` is let go."""

    def __init__(self, since: int) -> None:
        self.since = since
        self._rows: dict[str, Facts] = {}

    def post(self, table: str, rows: Facts) -> None:
        """Take rows of a table, in the order in which they happened."""
        kept = _only(rows, rows["received_at"] >= self.since)
        waiting = self._rows.get(table)
        self._rows[table] = (
            {name: np.r_[waiting[name], kept[name]] for name in kept} if waiting else kept
        )

    def take(self, table: str, end: int) -> Facts | None:
        """Hand over the rows received before `end` in the order of receipt; None where none are."""
        rows = self._rows.get(table)
        if rows is None or not (is_due := rows["received_at"] < end).any():
            return None
        self._rows[table] = _only(rows, ~is_due)
        due = _only(rows, is_due)
        order = np.argsort(due["received_at"], kind="stable")
        return {name: column[order] for name, column in due.items()}


def _only(rows: Facts, keep: np.ndarray) -> Facts:
    return {name: column[keep] for name, column in rows.items()}

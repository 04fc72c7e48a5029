"""The book of what was handed to the mail server: one file a night and list, no addresses.

A line is written right before the server takes a letter over, and one after it has answered. So a
run that is killed between leaves a letter of which nobody knows; it is not sent again, for nobody
is to get it twice. All else that has no line is not sent.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from email_lists.frames import empty, select
from vitrine.contracts import INSTANT
from vitrine.interval import Interval, midnight

HANDED_OVER = {
    "message_id": pa.string(),
    "customer_id": pa.string(),
    "list": pa.string(),
    "night": pa.date32(),
    "handed_at": INSTANT,
}

# Half a line, of a writer that was killed, has no id that could be read.
_LINES = """
select * exclude (handed_at), handed_at::timestamptz as handed_at
from read_json(
    $files,
    format = 'newline_delimited',
    ignore_errors = true,
    filename = true,
    columns = {
        'message_id': 'varchar',
        'customer_id': 'varchar',
        'state': 'varchar',
        -- Most lines are of others, and not worth reading an instant.
        'handed_at': 'varchar'
    }
)
where message_id is not null
"""

_STATES = f"""
with lines as (
    select message_id, state, row_number() over () as line from ({_LINES})
)
select message_id, arg_max(state, line) as state from lines group by message_id order by message_id
"""

_HANDED_OVER = f"""
with attempts as (
    -- The lines of one attempt tell the same instant.
    select message_id, customer_id, filename, handed_at, list(state) as states
    from ({_LINES})
    semi join customers using (customer_id)
    where handed_at is not null
    group by all
),
final as (
    select message_id, customer_id, books.list, books.night, handed_at
    from attempts
    join books using (filename)
    where
        list_contains(states, 'begun')
        and not list_has_any(states, ['refused', 'deferred'])
)
select * from final order by message_id, handed_at
"""


class State(StrEnum):
    """What became of a letter; the last line about it holds."""

    BEGUN = "begun"
    """The server was about to take it over; without a later line nobody knows whether it did."""
    SENT = "sent"
    REFUSED = "refused"
    """For good: no such mailbox, for instance."""
    DEFERRED = "deferred"
    """For now: it may be tried again."""


@dataclass(frozen=True)
class Book:
    """The open book of one night's list; that a letter is begun is on the disk before it is."""

    file: BinaryIO
    states: pa.Table
    """message_id, state: what became of each letter before the book was opened."""

    def settled(self, message_ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Tell which letters must not be sent any more."""
        return pc.is_in(message_ids, self._ids(State.BEGUN, State.SENT, State.REFUSED))

    def uncertain(self, message_ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Tell of which letters nobody knows whether the server took them."""
        return pc.is_in(message_ids, self._ids(State.BEGUN))

    def note(self, message_id: str, customer_id: str, state: State, at: datetime) -> None:
        """Write down what is about to happen to a letter, or did."""
        line = {
            "message_id": message_id,
            "customer_id": customer_id,
            "state": state,
            "handed_at": at.isoformat(),
        }
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()
        if state == State.BEGUN:
            # Were another line lost with the machine, its letter would be one that nobody knows of.
            os.fdatasync(self.file.fileno())

    def _ids(self, *states: State) -> pa.ChunkedArray:
        is_one = pc.is_in(self.states["state"], pa.array([str(state) for state in states]))
        return self.states["message_id"].filter(is_one)


@contextmanager
def opened(file: Path) -> Iterator[Book]:
    """Open a book, or begin it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as lines:
        _end_half_a_line(lines)
        yield Book(lines, select(_STATES, {"files": [str(file)]}))


def handed_over(root: Path, near: Interval, customers: pa.Table) -> pa.Table:
    """Read which letters the mail server took, or may have taken.

    Parameters
    ----------
    root
        The books (`Paths.deliveries`).
    near
        The instants that the letters' nights begin in.
    customers
        customer_id: whose letters.

    Returns
    -------
    pyarrow.Table
        `HANDED_OVER`; one row a letter, with the instant at which it was handed over.
    """
    files = [file for file in sorted(root.glob("*/*.jsonl")) if midnight(_night(file)) in near]
    if not files:
        return empty(**HANDED_OVER)
    return select(
        _HANDED_OVER,
        {"files": [str(file) for file in files]},
        books=pa.table(
            {
                "filename": [str(file) for file in files],
                "list": [file.parent.name for file in files],
                "night": [_night(file) for file in files],
            }
        ),
        customers=customers,
    )


def _night(book: Path) -> date:
    return date.fromisoformat(book.stem)


def _end_half_a_line(file: BinaryIO) -> None:
    """End the line of a writer that was killed, so that the next one is whole."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
            file.flush()

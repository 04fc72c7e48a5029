"""Which rows the landing refuses in every shop: what came before, and what came too late.

The rules look at contract tables before they are conformed; each row still carries `_file` and
`_row`, so that a refused one can be found again.
"""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrine.contracts import TABLES, Table
from vitrine.raw_csv import FILE, ROW
from vitrine.sources import QUARANTINE_SCHEMA

DUPLICATE = "duplicate"
TOO_LATE = "too_late"
# An order or event may come again in a later drop; a catalogue row that comes again is news.
LEDGERS = frozenset(
    {"consents", "suppressions", "orders", "events", "stock_levels", "email_events"}
)
NEVER_LATE = frozenset({"email_events"})
"""Who unsubscribes, complains or cannot be reached stays so, however late that is told."""
_SEPARATOR = "\x1f"


def keys(table: Table, rows: pa.Table) -> pa.ChunkedArray:
    """Write each row's contract key as one string."""
    parts = [pc.cast(rows[name], pa.string()) for name in table.key]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, _SEPARATOR)


def refuse(
    table: Table, rows: pa.Table, seen: pa.ChunkedArray, late_after: timedelta
) -> tuple[pa.Table, pa.Table]:
    """Split one table's rows of a drop into accepted ones and quarantine rows.

    Parameters
    ----------
    rows
        The table's columns and `_file`, `_row`; of equal keys the first row stays.
    seen
        Keys of the drops received less than `late_after` before, as `keys` writes them.
    late_after
        A row of a table with `occurred_at` that was received later than this is refused, but for
        those of `NEVER_LATE`. Consents and suppressions have none: a withdrawal holds however late
        it comes.

    Raises
    ------
    ValueError
        If rows must be refused but carry no `_file` and `_row`: a fault of the source module.
    """
    key = keys(table, rows)
    again = pc.or_(_is_repeated(key), pc.is_in(key, value_set=seen))
    refused = pc.or_(again, _is_late(table, rows, late_after))
    if not pc.any(refused).as_py():
        return rows, QUARANTINE_SCHEMA.empty_table()
    reason = pc.if_else(again.filter(refused), DUPLICATE, TOO_LATE)
    return rows.filter(pc.invert(refused)), _quarantine(table, rows.filter(refused), reason)


def _is_repeated(key: pa.ChunkedArray) -> pa.Array:
    """Say which keys stood in an earlier row: numbered as they appear, those are no new highest."""
    encoded = key.combine_chunks().dictionary_encode(null_encoding="encode")
    number = encoded.indices.to_numpy(zero_copy_only=False)
    highest = np.maximum.accumulate(np.append(-1, number[:-1])) if len(number) else number
    return pa.array(number <= highest)


def _is_late(table: Table, rows: pa.Table, late_after: timedelta) -> pa.Array | pa.ChunkedArray:
    if table.name in NEVER_LATE or "occurred_at" not in rows.column_names:
        return pa.repeat(False, rows.num_rows)
    latest = pc.add(rows["occurred_at"], pa.scalar(late_after, pa.duration("us")))
    return pc.greater(rows["received_at"], latest)


def _quarantine(table: Table, refused: pa.Table, reason: pa.ChunkedArray) -> pa.Table:
    if FILE not in refused.column_names or ROW not in refused.column_names:
        raise ValueError(f"{table.name}: refused rows carry no {FILE} and {ROW}")
    # A customer's id is personal data; the ids of orders and events are not.
    detail = "" if table.key[0] == "customer_id" else table.key[0]
    return pa.Table.from_arrays(
        [
            refused[FILE].cast(pa.string()),
            refused[ROW],
            pa.repeat(table.name, refused.num_rows),
            reason,
            refused[detail] if detail else pa.repeat("", refused.num_rows),
        ],
        schema=QUARANTINE_SCHEMA,
    )


def ledger_keys(tables: Mapping[str, pa.Table]) -> dict[str, pa.ChunkedArray]:
    """Return the keys of a drop's ledgers, by table."""
    return {name: keys(TABLES[name], rows) for name, rows in tables.items() if name in LEDGERS}

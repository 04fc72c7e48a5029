"""Take one person out of an Arrow table: rows that are theirs go, texts are cleared of them.

A row is theirs if its customer is, or if it has none and one of its ids or addresses is theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vitrine.contracts import TABLES
from vitrine.forgetting.person import CUSTOMER, KINDS, Person
from vitrine.landing.rules import LEDGERS

SEPARATOR = "\x1f"
KEYS_COLUMNS = ["table", "key"]
QUARANTINE_COLUMNS = {"file", "reason", "detail"}


@dataclass(frozen=True)
class Cleaned:
    """A table without the person, and what was taken out."""

    rows: pa.Table
    removed: int = 0
    redacted: int = 0

    @property
    def found(self) -> int:
        """Rows and values that were the person's."""
        return self.removed + self.redacted


def without(rows: pa.Table, person: Person) -> Cleaned:
    """Return a table's other rows, in their order, with the same schema and values."""
    are_theirs = theirs(rows, person)
    removed = pc.sum(are_theirs).as_py() or 0
    kept = rows.filter(pc.invert(are_theirs)) if removed else rows
    redacted = 0
    # Of many small files most name nobody: that is seen of all their columns at once.
    is_named = _may_name(
        [kept[n] for n in kept.column_names if n not in (CUSTOMER, *KINDS)], person
    )
    for place, name in enumerate(kept.column_names):
        column, count = _compact(kept[name]), 0
        if name == "detail" and set(kept.column_names) >= QUARANTINE_COLUMNS:
            column, count = _blanked(column, person)
        elif is_named and name not in (CUSTOMER, *KINDS):
            column, count = _redacted(column, person)
        left_over = not removed and _is_left_over(rows[name], column, person)
        kept = kept.set_column(place, kept.schema.field(name), _compact(column))
        redacted += count + left_over
    return Cleaned(kept, removed, redacted)


def theirs(rows: pa.Table, person: Person) -> pa.ChunkedArray:
    """Say of each row whether it is the person's."""
    names = rows.column_names
    if names == KEYS_COLUMNS:
        return _are_their_keys(rows, person)
    nobody = pa.chunked_array([pa.repeat(False, rows.num_rows)])
    linked = nobody
    for kind in set(KINDS) & set(names):
        linked = pc.or_(linked, pc.is_in(_text(rows[kind]), value_set=person.sets[kind]))
    if CUSTOMER not in names:
        return linked
    customer = _text(rows[CUSTOMER])
    own = pc.fill_null(pc.equal(customer, person.customer_id), False)
    return pc.or_(own, pc.and_(pc.is_null(customer), linked))


def _are_their_keys(rows: pa.Table, person: Person) -> pa.ChunkedArray:
    """A ledger's key is written as one text, whose first part is an id of one of the kinds."""
    first = pc.list_element(pc.split_pattern(_text(rows["key"]), SEPARATOR, max_splits=1), 0)
    table, found = _text(rows["table"]), pa.chunked_array([pa.repeat(False, rows.num_rows)])
    for name in sorted(LEDGERS):
        kind = TABLES[name].key[0]
        if kind in KINDS:
            own = pc.is_in(first, value_set=person.sets[kind])
            found = pc.or_(found, pc.and_(pc.fill_null(pc.equal(table, name), False), own))
    return found


def _redacted(column: pa.ChunkedArray, person: Person) -> tuple[pa.ChunkedArray, int]:
    if not _may_name([column], person):
        return column, 0
    values = column.to_pylist()
    cleaned = [_value(value, person) for value in values]
    count = sum(a != b for a, b in zip(values, cleaned, strict=True))
    return (pa.chunked_array([pa.array(cleaned, column.type)]), count) if count else (column, 0)


def _is_left_over(column: pa.ChunkedArray, compact: pa.ChunkedArray, person: Person) -> bool:
    """Say whether a dictionary, which is written as it is, holds the person for no row at all."""
    if not pa.types.is_dictionary(column.type):
        return False
    used = pa.concat_arrays([chunk.dictionary for chunk in compact.chunks])
    unused = (c.dictionary.filter(pc.invert(pc.is_in(c.dictionary, used))) for c in column.chunks)
    values = (value for each in unused for value in each.to_pylist() if isinstance(value, str))
    return any(value == person.customer_id or person.names(value) for value in values)


def _blanked(column: pa.ChunkedArray, person: Person) -> tuple[pa.ChunkedArray, int]:
    """A refused row's detail may be the id of an order or event."""
    own = pc.is_in(column, value_set=pa.concat_arrays(list(person.sets.values())))
    return pc.if_else(own, "", column), pc.sum(own).as_py() or 0


def _value(value: Any, person: Person) -> Any:
    if isinstance(value, str):
        return person.redacted(value)
    if isinstance(value, dict):
        return {name: _value(each, person) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_value(each, person) for each in value)
    return value


def _may_name(columns: Sequence[pa.ChunkedArray], person: Person) -> bool:
    leaves = [leaf for column in columns for chunk in column.chunks for leaf in _leaves(chunk)]
    every = pa.chunked_array([leaf.cast(pa.large_string()) for leaf in leaves], pa.large_string())
    return bool(naming(every.combine_chunks(), person))


def naming(texts: pa.Array, person: Person) -> list[str]:
    """Return the different texts (string) that name the person."""
    different = texts.unique().drop_null()
    runs = pc.split_pattern_regex(different, person.between_runs)
    own = pc.is_in(pc.utf8_lower(runs.flatten()), value_set=person.run_set)
    may = pc.unique(pc.list_parent_indices(runs).filter(own))
    return [text for text in different.take(may).to_pylist() if person.names(text)]


def _leaves(array: pa.Array) -> list[pa.Array]:
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return [array]
    if pa.types.is_dictionary(kind):
        return _leaves(array.dictionary)
    if pa.types.is_struct(kind):
        return [leaf for part in array.flatten() for leaf in _leaves(part)]
    if pa.types.is_map(kind):
        return [*_leaves(array.keys), *_leaves(array.items)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _leaves(array.flatten())
    return []


def may_hold_text(kind: pa.DataType) -> bool:
    """Say whether a type is text or has text somewhere in it."""
    return bool(_leaves(pa.nulls(0, kind)))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _compact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type):
        return column
    plain = column.cast(column.type.value_type).combine_chunks()
    return pa.chunked_array([plain.dictionary_encode().cast(column.type)], column.type)

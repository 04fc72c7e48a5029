"""Take one person out of an Arrow table: rows that are theirs go, texts are cleared of them.

A row is theirs if its customer is, or if it has none and one of its ids or addresses is theirs.
"""

import re
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
    for place, name in enumerate(kept.column_names):
        column, count = _redacted(_compact(kept[name]), name, kept.column_names, person)
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


def _redacted(
    column: pa.ChunkedArray, name: str, names: list[str], person: Person
) -> tuple[pa.ChunkedArray, int]:
    if not may_hold_text(column.type):
        return column, 0
    if name == "detail" and set(names) >= QUARANTINE_COLUMNS:
        return _blanked(column, person)
    if name in (CUSTOMER, *KINDS) or not _holds(column, person.words):
        return column, 0
    values = column.to_pylist()
    cleaned = [_value(value, person) for value in values]
    count = sum(a != b for a, b in zip(values, cleaned, strict=True))
    return (pa.chunked_array([pa.array(cleaned, column.type)]), count) if count else (column, 0)


def _is_left_over(column: pa.ChunkedArray, compact: pa.ChunkedArray, person: Person) -> bool:
    """Say whether a dictionary, which is written as it is, holds the person for no row at all."""
    if not pa.types.is_dictionary(column.type):
        return False
    words = {person.customer_id, *person.words}
    return any(_holds(column, [word]) and not _holds(compact, [word]) for word in words)


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


def _holds(column: pa.ChunkedArray, words: Sequence[str]) -> bool:
    pattern = "|".join(re.escape(word) for word in words)
    leaves = (leaf for chunk in column.chunks for leaf in _leaves(chunk))
    return bool(words) and any(_any_match(leaf, pattern) for leaf in leaves)


def _any_match(texts: pa.Array, pattern: str) -> bool:
    matches = pc.match_substring_regex(texts, pattern, ignore_case=True)
    return bool(pc.any(matches).as_py())


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

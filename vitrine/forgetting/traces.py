"""Gather from the lake what identifies a customer, before anything of it is erased."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.forgetting.person import ADDRESS, CUSTOMER, KINDS, Person
from vitrine.forgetting.rows import theirs
from vitrine.paths import Paths


def known(paths: Paths, customer_id: str) -> Person:
    """Return a customer with the ids of all that they did; with none if the lake knows nobody so.

    Facts without a customer count if they share a session, an order or an address; so the lake is
    read twice.
    """
    alone = gathered(_received(paths), Person(customer_id))
    spelled, shared = _addresses(paths, alone)
    own = Person(customer_id, {**alone.ids, ADDRESS: spelled - shared}, shared)
    return own.joined(gathered(_received(paths), own))


def gathered(tables: Iterable[pa.Table], person: Person) -> Person:
    """Return the person with the ids in some contract rows that are theirs."""
    ids: dict[str, set[str]] = {kind: set() for kind in KINDS}
    guest_ids: set[str] = set()
    for rows in tables:
        kinds = set(rows.column_names) & set(KINDS)
        if kinds and CUSTOMER in rows.column_names:
            own = rows.filter(theirs(rows, person))
            guests = own.filter(pc.is_null(own[CUSTOMER]))
            for kind in kinds:
                ids[kind] |= _values(own[kind])
                guest_ids |= _values(guests[kind])
    found = {kind: frozenset(values - person.shared_addresses) for kind, values in ids.items()}
    return Person(person.customer_id, found, person.shared_addresses, frozenset(guest_ids))


def _addresses(paths: Paths, person: Person) -> tuple[frozenset[str], frozenset[str]]:
    """Return every spelling of a person's addresses, and those that another customer gave too."""
    given = person.ids[ADDRESS]
    lowered = pa.array(sorted({address.lower() for address in given}), pa.string())
    spelled, shared = {*given, *lowered.to_pylist()}, set[str]()
    for rows in _received(paths):
        if ADDRESS in rows.column_names:
            same = rows.filter(pc.is_in(pc.utf8_lower(rows[ADDRESS]), value_set=lowered))
            others = pc.fill_null(pc.not_equal(same[CUSTOMER], person.customer_id), False)
            shared |= {address.lower() for address in _values(same[ADDRESS].filter(others))}
            spelled |= _values(same[ADDRESS])
    return frozenset(spelled), frozenset(a for a in spelled if a.lower() in shared)


def _received(paths: Paths) -> Iterator[pa.Table]:
    """Yield customers, ids and addresses of all that the lake holds, file by file."""
    for name, table in TABLES.items():
        columns = [c.name for c in table.columns if c.name in (CUSTOMER, *KINDS)]
        for day in lake.days(paths.lake, name) if CUSTOMER in columns else ():
            for file in lake.partition_files(paths.partition(paths.lake, name, day)):
                yield pq.ParquetFile(file).read(columns=columns)


def _values(column: pa.ChunkedArray) -> set[Any]:
    return {value for value in column.unique().to_pylist() if value is not None}

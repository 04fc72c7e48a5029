"""Who was erased, by salted hash alone; landing asks it, so that nobody comes back with old drops.

`erasures/salt` is the key of the hashes. `erasures/begun/<hash>` marks an erasure that began: from
then on the person counts as erased. It holds `addresses`, hashes of the person's addresses, and
`received_until`: an address alone is known again only in what was received before, as its owner may
open an account anew, and then may ask not to be written to.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vitrine.forgetting.person import ADDRESS, CUSTOMER, Person
from vitrine.interval import format_instant, parse_instant
from vitrine.paths import Paths
from vitrine.publish import atomic_file
from vitrine.raw_csv import ERASED, FILE, ROW
from vitrine.sources import QUARANTINE_SCHEMA, Batch

LINKS = ("order_id", "session_id", "message_id")
"""What several rows of one person share: one without a customer belongs to those with one."""


@dataclass(frozen=True)
class Ledger:
    """The hashes of everybody who was erased, and the key that they were made with."""

    salt: bytes = b""
    hashes: frozenset[str] = frozenset()
    addresses: dict[str, datetime] = field(default_factory=dict)
    """Hash of an address: only what was received before then is meant.

    Of several persons who had it one after the other, the erasure of the last."""

    @classmethod
    def load(cls, paths: Paths) -> "Ledger":
        """Read who was erased up to now; nobody in a home where nobody ever was."""
        if not salt_file(paths).exists():
            return cls()
        begun = {
            file.name: json.loads(file.read_text())
            for file in begun_folder(paths).glob("[0-9a-f]*")
        }
        until: dict[str, datetime] = {}
        for mark in begun.values():
            for address in mark["addresses"]:
                received_until = parse_instant(mark["received_until"])
                until[address] = max(received_until, until.get(address, received_until))
        return cls(bytes.fromhex(salt_file(paths).read_text()), frozenset(begun), until)

    def hash_of(self, text: str) -> str:
        """Return the keyed BLAKE2 hash (RFC 7693) of an id, 32 hexadecimal digits."""
        return hashlib.blake2b(text.encode(), key=self.salt, digest_size=16).hexdigest()

    def are_erased(self, customer_ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Say of each id (text, null for a guest) whether that customer was erased; never null."""
        return pc.is_in(customer_ids, value_set=self.among(customer_ids.unique().to_pylist()))

    def among(self, customer_ids: Iterable[str | None]) -> pa.Array:
        """Return those of some customers who were erased."""
        known = (i for i in customer_ids if i is not None) if self.hashes else ()
        return pa.array([i for i in known if self.hash_of(i) in self.hashes], pa.string())

    def _have_erased_address(self, rows: pa.Table) -> pa.Array:
        given = zip(rows[ADDRESS].to_pylist(), rows["received_at"].to_pylist(), strict=True)
        return pa.array([self._is_erased(address, at) for address, at in given], pa.bool_())

    def _is_erased(self, address: str | None, received_at: datetime) -> bool:
        until = self.addresses.get(self.hash_of(address.lower())) if address else None
        return until is not None and received_at < until

    def without_erased(self, batch: Batch) -> Batch:
        """Return a drop without the rows of those who were erased; each is refused as `erased`.

        A row without a customer goes too if it shares a session, an order or a message with them.
        """
        if not self.hashes:
            return batch
        masks = {name: self._mask(batch, name) for name in batch.tables}
        gone = [_raw_rows(batch.tables[n].filter(mask), n) for n, mask in masks.items()]
        refused = _once(pa.concat_tables([QUARANTINE_SCHEMA.empty_table(), *gone]))
        lost = refused["file"].to_pylist()
        return replace(
            batch,
            tables={n: batch.tables[n].filter(pc.invert(mask)) for n, mask in masks.items()},
            accepted={file: n - lost.count(file) for file, n in batch.accepted.items()},
            quarantined=pa.concat_tables([batch.quarantined, refused]),
        )

    def _mask(self, batch: Batch, name: str) -> pa.ChunkedArray:
        rows = batch.tables[name]
        if CUSTOMER not in rows.column_names:
            return pa.chunked_array([pa.repeat(False, rows.num_rows)])
        erased = own = self.are_erased(rows[CUSTOMER])
        is_guest = pc.is_null(rows[CUSTOMER])
        for link in set(LINKS) & set(rows.column_names):
            shared = pc.is_in(rows[link], value_set=rows[link].filter(own).unique())
            erased = pc.or_(erased, pc.and_(is_guest, shared))
        if ADDRESS in rows.column_names:
            erased = pc.or_(erased, pc.and_(is_guest, self._have_erased_address(rows)))
        return erased


def _raw_rows(rows: pa.Table, table: str) -> pa.Table:
    text = [pa.repeat(value, rows.num_rows) for value in (table, ERASED, "")]
    if not rows.num_rows:
        return QUARANTINE_SCHEMA.empty_table()
    return pa.Table.from_arrays(
        [rows[FILE].cast(pa.string()), rows[ROW], *text], schema=QUARANTINE_SCHEMA
    )


def _once(refused: pa.Table) -> pa.Table:
    again = refused.select(["file", "row"]).to_pandas().duplicated()
    return refused.filter(pa.array(~again, pa.bool_()))


def make_salt(paths: Paths) -> None:
    """Make the key of the hashes where there is none yet."""
    if not salt_file(paths).exists():
        with atomic_file(salt_file(paths)) as path:
            path.touch(0o600)
            path.write_text(secrets.token_hex(32) + "\n")


def begin(paths: Paths, person: Person, received_until: datetime) -> None:
    """Let a customer count as erased from now on; of old rows also those with an address alone."""
    ledger = Ledger.load(paths)
    addresses = {ledger.hash_of(address.lower()) for address in person.ids[ADDRESS]}
    file = begun_folder(paths) / ledger.hash_of(person.customer_id)
    if file.exists():  # who comes back and is erased again need not have said the address again
        addresses |= set(json.loads(file.read_text())["addresses"])
    mark = {"addresses": sorted(addresses), "received_until": format_instant(received_until)}
    with atomic_file(file) as path:
        path.write_text(json.dumps(mark, indent=2) + "\n")


def salt_file(paths: Paths) -> Path:
    """Return the file of the key that hashes are made with; without it nobody is recognised."""
    return paths.erasures / "salt"


def begun_folder(paths: Paths) -> Path:
    """Return the folder with a mark, named by the hash, for everybody who counts as erased."""
    return paths.erasures / "begun"

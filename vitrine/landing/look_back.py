"""The keys that a shop delivered shortly before a drop, kept in a small file for each drop.

`keys/ds=<day>/<interval>.parquet` has columns `table` and `key`: the ledger keys that the source
read from the drop's raw files, before anything was refused. The first row names no table; its key
is a digest of those raw files. So keys depend on raw files alone, not on the order in which days
are landed, and keys of files that have changed since are read from the raw files again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from vitrine import lake
from vitrine.errors import BadInputError
from vitrine.interval import Interval
from vitrine.landing import rules
from vitrine.landing.drops import whole_days
from vitrine.paths import Paths
from vitrine.sources import Drop, Source

LedgerKeys = Mapping[str, pa.ChunkedArray]
SCHEMA = pa.schema([("table", pa.dictionary(pa.int32(), pa.string())), ("key", pa.string())])


@dataclass
class LookBack:
    """Knows the ledger keys of the drops within `reach` before each of a stretch of drops."""

    shop: Source
    paths: Paths
    reach: timedelta
    stretch: Interval
    _delivered: list[Drop] = field(default_factory=list)
    _remembered: dict[Interval, pa.Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.shop.provides & rules.LEDGERS:
            asked = Interval(self.stretch.start - self.reach, self.stretch.end)
            self._delivered = self.shop.drops(self.paths.landing, whole_days(asked))

    def remember(self, drop: Drop, tables: Mapping[str, pa.Table]) -> None:
        """Keep the keys of a drop that was just read, for this run and for later ones."""
        keys = _table(_digest(drop), rules.ledger_keys(tables))
        self._remembered[drop.interval] = keys
        lake.write_partition(self.paths.home, self.paths.keys.name, drop.interval, keys)

    def before(self, drop: Drop) -> LedgerKeys:
        """Return the keys of each ledger that were received in `reach` before the drop.

        Raises
        ------
        vitrine.errors.BadInputError
            If an earlier file that the answer depends on cannot be read.
        """
        recent = self._recent(drop)
        self._remembered = {e.interval: self._keys(e) for e in recent}
        if not recent:
            return {}
        keys = pa.concat_tables(self._remembered.values()).unify_dictionaries()
        return {
            name: keys["key"].filter(pc.equal(keys["table"], name))
            for name in sorted(self.shop.provides & rules.LEDGERS)
        }

    def _recent(self, drop: Drop) -> list[Drop]:
        """A drop that began earlier but ended within reach counts whole."""
        window = Interval(drop.interval.start - self.reach, drop.interval.start)
        return [
            d
            for d in self._delivered
            if d.interval.overlaps(window) and d.interval.end <= drop.interval.start
        ]

    def _keys(self, drop: Drop) -> pa.Table:
        if drop.interval in self._remembered:
            return self._remembered[drop.interval]
        kept = lake.find(self.paths.home, self.paths.keys.name, drop.interval)
        if kept is not None and kept["key"][0].as_py() == _digest(drop):
            return kept
        tables = self.shop.read(self.paths.landing, drop).tables
        return _table(_digest(drop), rules.ledger_keys(tables))


def _table(digest: str, keys: LedgerKeys) -> pa.Table:
    parts = [pa.table([[None], [digest]], schema=SCHEMA)]
    for name in sorted(keys):
        table = pa.repeat(name, len(keys[name])).dictionary_encode()
        parts.append(pa.table([table, keys[name]], schema=SCHEMA))
    return pa.concat_tables(parts).unify_dictionaries()


def _digest(drop: Drop) -> str:
    found = hashlib.sha256()
    for file in drop.files:
        try:
            with file.open("rb") as raw:
                found.update(hashlib.file_digest(raw, "sha256").digest())
        except OSError as error:
            raise BadInputError(
                f"{file} cannot be read ({error.strerror}); land again once it can"
            ) from error
    return found.hexdigest()

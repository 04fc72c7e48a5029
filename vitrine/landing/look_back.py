"""The keys that a shop delivered shortly before a drop, read from its raw files.

The raw files are asked, not the lake, so that the result does not depend on the order in which days
are landed. While consecutive drops are landed, each is read once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from vitrine.interval import Interval
from vitrine.landing import rules
from vitrine.landing.drops import whole_days
from vitrine.sources import Drop, Source

LedgerKeys = Mapping[str, pa.ChunkedArray]


@dataclass
class LookBack:
    """Remembers the ledger keys of the drops within `reach` before the next one."""

    shop: Source
    landing: Path
    reach: timedelta
    _remembered: dict[Interval, LedgerKeys] = field(default_factory=dict)

    def remember(self, drop: Drop, tables: Mapping[str, pa.Table]) -> None:
        """Keep the keys of a drop that was just read."""
        self._remembered[drop.interval] = rules.ledger_keys(tables)

    def before(self, drop: Drop) -> LedgerKeys:
        """Return the keys of each ledger that were received in `reach` before the drop.

        Raises
        ------
        vitrine.errors.BadInputError
            If an earlier file that the answer depends on cannot be read.
        """
        if not self.shop.provides & rules.LEDGERS:
            return {}
        recent = self._recent(drop)
        for earlier in recent:
            if earlier.interval not in self._remembered:
                self.remember(earlier, self.shop.read(self.landing, earlier).tables)
        wanted = [earlier.interval for earlier in recent]
        self._remembered = {i: self._remembered[i] for i in wanted}
        return {
            name: _concatenate(
                [self._remembered[i][name] for i in wanted if name in self._remembered[i]]
            )
            for name in self.shop.provides & rules.LEDGERS
        }

    def _recent(self, drop: Drop) -> list[Drop]:
        """A drop that began earlier but ended within reach counts whole."""
        window = Interval(drop.interval.start - self.reach, drop.interval.start)
        candidates = self.shop.drops(self.landing, whole_days(window))
        return [
            d
            for d in candidates
            if d.interval.overlaps(window) and d.interval.end <= drop.interval.start
        ]


def _concatenate(parts: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    return pa.chunked_array([c for part in parts for c in part.chunks], pa.string())

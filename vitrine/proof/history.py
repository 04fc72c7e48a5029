"""What the shop delivered, row by row, and when each row could first be read.

The lake's contract tables are read, never the deltas, the ledgers or a dbt model. Types,
duplicates, lateness and demographic clusters are as landing left them. The rule is applied to one
row at a time:

- a day feature may use a fact from the end of the UTC day of its receipt, plus the day's delay;
- a window feature from the end of the 15-minute window of its receipt, plus the intraday delay;
- what the catalogue says may be used from the instant of its receipt.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.errors import NotPublishedError
from vitrine.interval import DAY, EPOCH, QUARTER_HOUR, Interval, floor, midnight
from vitrine.paths import Paths

Row = dict[str, Any]
SALE, RETURN = ("sale",), ("return",)
VIEWS = ("campaign_view", "product_view")
UNKNOWN = "unknown"
MICROSECOND = timedelta(microseconds=1)


_BY_RECEIPT = "received_us, occurred_us, kind, order_id, line, session_id, product_id"


class Fact(NamedTuple):
    """An order line, an event, or a reaction to an e-mail (`email_opened` and the like).

    `order_id` is given for the first, `session_id` for the second.

    `day_at` and `window_at` are the first instants at which a day feature and a window feature may
    use it.
    """

    kind: str
    customer_id: str | None
    session_id: str | None
    order_id: str | None
    line: int | None
    campaign_id: str | None
    product_id: str | None
    quantity: int
    unit_price: float
    channel: str | None
    occurred_at: datetime
    received_at: datetime
    day_at: datetime
    window_at: datetime

    @property
    def occurred_on(self) -> date:
        """UTC day on which it happened."""
        return self.occurred_at.date()

    @property
    def received_on(self) -> date:
        """UTC day of its receipt."""
        return self.received_at.date()

    @property
    def window(self) -> datetime:
        """Start of the 15-minute window in which it happened."""
        return floor(self.occurred_at, QUARTER_HOUR)

    @property
    def received_window(self) -> datetime:
        """Start of the 15-minute window of its receipt."""
        return floor(self.received_at, QUARTER_HOUR)


@dataclass(frozen=True)
class Rule:
    """The availability rule of a shop: how long after its receipt a fact may be used."""

    day_delay: timedelta
    window_delay: timedelta

    def day(self, received_at: datetime) -> datetime:
        """Return the first instant at which a day feature may use what was received."""
        return floor(received_at, DAY) + DAY + self.day_delay

    def window(self, received_at: datetime) -> datetime:
        """Return the first instant at which a window feature may use what was received."""
        return floor(received_at, QUARTER_HOUR) + QUARTER_HOUR + self.window_delay


class History:
    """The raw rows received before the published data end, copied once into a private file.

    Parameters
    ----------
    file
        Where the copy is made; the caller removes it.
    ends
        `daily` and `intraday`: up to which receipt each warehouse was built.
    windows_from
        From which receipt on the intraday warehouse knows windows.
    permanent_days
        How long after a sale a campaign without an end is on sale.
    provided
        The contract tables that the shop has.
    """

    def __init__(
        self,
        paths: Paths,
        rule: Rule,
        ends: dict[str, datetime],
        windows_from: datetime,
        permanent_days: int,
        provided: Collection[str],
        file: Path,
    ) -> None:
        self.rule, self.ends = rule, ends
        self.windows_from, self.permanent_days = windows_from, permanent_days
        self.provided = frozenset(provided)
        self._paths = paths
        self._connection = duckdb.connect(str(file))
        self._connection.execute("set TimeZone = 'UTC'")
        self._connection.execute(
            _FACTS.format(
                orders=self._lake("orders"),
                events=self._lake("events"),
                reactions=self._lake("email_events"),
            )
        )
        self._facts = lru_cache(maxsize=512)(self._read_facts)
        self._index = lru_cache(maxsize=None)(self._read_index)
        self._catalogues: dict[str, dict[Any, list[Row]]] = {}

    def close(self) -> None:
        """Let go of the private copy."""
        self._connection.close()

    @property
    def span(self) -> Interval:
        """From the first receipt of a fact to the end of the daily warehouse.

        Raises
        ------
        NotPublishedError
            If there is no fact.
        """
        ((first,),) = self._connection.execute("select min(received_us) from facts").fetchall()
        if first is None:
            raise NotPublishedError("nothing to prove: the lake holds no order and no event")
        return Interval(_instant(first), self.ends["daily"])

    def facts(self, **subject: str) -> tuple[Fact, ...]:
        """Return every fact about a subject such as `customer_id='c1'`, in the order of receipt."""
        return self._facts(tuple(sorted(subject.items())))

    def of_campaigns(
        self,
        campaigns: list[str] | None,
        kinds: tuple[str, ...],
        since: datetime,
        until: datetime | None = None,
    ) -> list[Fact]:
        """Return the facts of campaigns (of all where None) that were received in a span."""
        end = until or max(self.ends.values())
        return self._read(
            "list_contains(?, kind) and received_us >= ? and received_us < ?"
            " and (? or campaign_id in (select unnest(?::varchar[])))",
            [list(kinds), *_microseconds(since, end), campaigns is None, campaigns or []],
        )

    def sample(
        self, size: int, seed: int, kinds: tuple[str, ...], received: Interval
    ) -> list[Fact]:
        """Draw facts of the given kinds by known customers; the same ones for the same seed."""
        return self._read(
            "list_contains(?, kind) and customer_id is not null and campaign_id is not null"
            " and received_us >= ? and received_us < ?",
            [list(kinds), *_microseconds(received.start, received.end), seed, size],
            order="hash(rowid + ?), rowid limit ?",
        )

    def spent(self, received: Interval) -> dict[str, Decimal]:
        """Return what each customer paid, to the cent once a day of occurrence and receipt."""
        return dict(
            self._connection.execute(_SPENT, _microseconds(received.start, received.end)).fetchall()
        )

    def busy_windows(self, since: datetime) -> dict[datetime, tuple[int, int]]:
        """Count views, and campaigns with a view or a sale, by window of receipt since then."""
        rows = self._connection.execute(_BUSY, _microseconds(since)).fetchall()
        return {_instant(start): (views, campaigns) for start, views, campaigns in rows}

    def known_daily(self, facts: Iterable[Fact], as_of: datetime) -> list[Fact]:
        """Keep the facts that a day feature may use at an instant."""
        end = self.ends["daily"]
        return [f for f in facts if f.day_at <= as_of and f.received_at < end]

    def known_intraday(self, facts: Iterable[Fact], as_of: datetime) -> list[Fact]:
        """Keep the facts that a window feature may use at an instant."""
        received = Interval(self.windows_from, self.ends["intraday"])
        return [f for f in facts if f.window_at <= as_of and f.received_at in received]

    def learnt_daily(self, facts: Iterable[Fact], as_of: datetime, days: int) -> list[Fact]:
        """Keep what became readable for day features in the last days before an instant."""
        since = as_of - days * DAY
        return [f for f in self.known_daily(facts, as_of) if f.day_at > since]

    def learnt_intraday(self, facts: Iterable[Fact], as_of: datetime, minutes: int) -> list[Fact]:
        """Keep what became readable for window features in the last minutes before an instant."""
        since = as_of - timedelta(minutes=minutes)
        return [f for f in self.known_intraday(facts, as_of) if f.window_at > since]

    def last_readable_day(self, as_of: datetime) -> datetime:
        """Return the last instant by then at which a day became readable."""
        return floor(as_of - self.rule.day_delay, DAY) + self.rule.day_delay

    def versions(self, table: str, key: Any, as_of: datetime, database: str = "daily") -> list[Row]:
        """Return what the catalogue had said about something by an instant, oldest first."""
        end = self.ends[database]
        rows = self._catalogue(table).get(key, [])
        return [r for r in rows if r["received_at"] <= as_of and r["received_at"] < end]

    def latest(self, table: str, key: Any, as_of: datetime, database: str = "daily") -> Row | None:
        """Return the newest row about something that was received at or before an instant."""
        rows = self._catalogue(table).get(key, [])
        if as_of >= self.ends[database]:
            as_of = self.ends[database] - MICROSECOND
        count = bisect_right(rows, as_of, key=lambda row: row["received_at"])
        return rows[count - 1] if count else None

    def value(self, table: str, key: Any, column: str, as_of: datetime) -> str:
        """Return one column of the newest row, or `unknown`."""
        row = self.latest(table, key, as_of)
        return UNKNOWN if row is None else row[column] or UNKNOWN

    def keys(self, table: str) -> list[Any]:
        """List everything that a catalogue table ever described, sorted."""
        return sorted(self._catalogue(table))

    def where(self, table: str, column: str, value: str) -> list[Any]:
        """List everything that some row, whenever received, describes by this value."""
        return self._index(table, column).get(value, [])

    def _read_index(self, table: str, column: str) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = defaultdict(list)
        for key, rows in sorted(self._catalogue(table).items()):
            for value in sorted({row[column] for row in rows}):
                found[value].append(key)
        return found

    def _read_facts(self, subject: tuple[tuple[str, str], ...]) -> tuple[Fact, ...]:
        condition = " and ".join(f"{column} = ?" for column, _ in subject)
        return tuple(self._read(condition, [value for _, value in subject]))

    def _read(self, condition: str, values: list[Any], order: str = _BY_RECEIPT) -> list[Fact]:
        rows = self._connection.execute(
            f"select * from facts where {condition} order by {order}", values
        ).fetchall()
        return [self._fact(row) for row in rows]

    def _fact(self, row: tuple[Any, ...]) -> Fact:
        occurred_at, received_at = _instant(row[-2]), _instant(row[-1])
        readable = self.rule.day(received_at), self.rule.window(received_at)
        return Fact._make((*row[:-2], occurred_at, received_at, *readable))

    def _catalogue(self, table: str) -> dict[Any, list[Row]]:
        """Return a catalogue table's rows by key, oldest first; read when first asked for."""
        if table not in self._catalogues:
            self._catalogues[table] = self._read_catalogue(table)
        return self._catalogues[table]

    def _read_catalogue(self, table: str) -> dict[Any, list[Row]]:
        names = [c.name for c in TABLES[table].columns]
        key = [k for k in TABLES[table].key if k != "received_at"]
        # An instant travels as a number: DuckDB's own conversion to Python takes ten times as long.
        columns = [f"epoch_us({n}) as {n}" if n.endswith("_at") else n for n in names]
        rows = self._connection.execute(
            f"select {', '.join(columns)} from read_parquet({self._lake(table)})"
            " order by received_at"
        ).fetchall()
        found: dict[Any, list[Row]] = defaultdict(list)
        for values in rows:
            row = dict(zip(names, values, strict=True))
            row |= {n: _instant(v) for n, v in row.items() if n.endswith("_at") and v is not None}
            found[row[key[0]] if len(key) == 1 else tuple(row[k] for k in key)].append(row)
        return dict(found)

    def _lake(self, table: str) -> str:
        """Write the lake's files of a table for DuckDB; the empty one gives the schema."""
        root, days = self._paths.lake, lake.days(self._paths.lake, table)
        empty = root / table / f"ds={lake.NO_DAY.isoformat()}" / "empty.parquet"
        files = [empty]
        if days:
            files += lake.files(root, table, Interval(midnight(days[0]), midnight(days[-1]) + DAY))
        return str([str(file) for file in files])


def _microseconds(*instants: datetime) -> list[int]:
    return [(instant - EPOCH) // MICROSECOND for instant in instants]


def _instant(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


_SPENT = """
with days as (
    select customer_id, round(sum(unit_price::varchar::decimal(18, 6) * quantity), 2) as paid
    from facts
    where kind = 'sale' and customer_id is not null and received_us >= ? and received_us < ?
    group by customer_id, occurred_us // 86400000000, received_us // 86400000000
)
select customer_id, sum(paid) from days group by customer_id
"""
_BUSY = f"""
select
    received_us - received_us % 900000000 as window_us,
    count(*) filter (where kind in {VIEWS}),
    count(distinct campaign_id)
from facts
where kind in {VIEWS + SALE} and campaign_id is not null and received_us >= ?
group by window_us
"""
_FACTS = """
create table facts as
select
    kind, customer_id, null::varchar as session_id, order_id, line, campaign_id, product_id,
    quantity, unit_price, channel,
    epoch_us(occurred_at) as occurred_us, epoch_us(received_at) as received_us
from read_parquet({orders}, hive_partitioning = false)
union all
select
    kind, customer_id, session_id, null, null, campaign_id, product_id,
    0, 0, null,
    epoch_us(occurred_at), epoch_us(received_at)
from read_parquet({events}, hive_partitioning = false)
union all
select
    'email_' || kind, customer_id, null, null, null, null, null,
    0, 0, null,
    epoch_us(occurred_at), epoch_us(received_at)
from (
    select * from read_parquet({reactions}, hive_partitioning = false)
    -- None is too late, so one may come again long after, and counts once.
    qualify row_number() over (partition by message_id, kind, occurred_at order by received_at) = 1
    -- Facts are drawn by their place.
    order by received_at, message_id, kind, occurred_at
)
"""

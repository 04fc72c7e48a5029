"""What the gate of the lists reads itself: a night's inputs as tables of one DuckDB connection.

Consents, suppressions, e-mail events, customers and orders come from the lake, as they were
received before the night's midnight; what is on sale comes from the warehouse, what others promise
from the published lists, what went from the books of deliveries. Nothing comes from the stage that
made the list but the list.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from expectations import frames
from vitrine import lake, letters
from vitrine.contracts import TABLES
from vitrine.forgetting.ledger import Ledger
from vitrine.interval import DAY, EPOCH, Interval, midnight
from vitrine.letters import LETTERS
from vitrine.list_policy import Holdout, ListPolicy
from vitrine.paths import Paths
from vitrine.staged_lists import EXCLUSIONS, PEOPLE, SCARCITY, StagedList

RECEIVED = ("consents", "suppressions", "email_events", "customers", "orders")
NEAR = timedelta(days=8)
"""How far from a night a letter can lie within seven local days of its letters: zones add one."""
PURPOSE = "email_marketing"

_BUILT = "select epoch_us(data_end_at) from daily.features.build_info"

ALL = "(all)"
"""In place of a product: what all of a campaign have in common."""

_BY_OFFER_AND_CAMPAIGN = f"""
select
    campaign_id,
    if(grouping(product_id) = 1, '{ALL}', product_id) as product_id,
    sum(units) as units
from (
    select campaign_id, product_id, probability as units from {{products}}
    union all
    select campaign_id, null, expected_units from {{places}} where product_id is null
)
group by grouping sets ((campaign_id, product_id), (campaign_id))
having grouping(product_id) = 1 or product_id is not null
"""

_TABLES = f"""
create temp view shown_by_others as
select unnest(products, recursive := true) from letters
where night = getvariable('night') and list <> getvariable('list_name');

create temp view shown as
select customer_id, send_at, country, unnest(products, recursive := true) from people;

create temp view campaigns as
select campaign_id, brand, country, opens_at, closes_at from daily.intermediate.int_campaigns
where available_at < getvariable('known_before')
qualify row_number() over (partition by campaign_id order by available_at desc) = 1;

create temp view products as
select product_id, brand from daily.intermediate.int_products
where available_at < getvariable('known_before')
qualify row_number() over (partition by product_id order by available_at desc) = 1;

create temp table gate_instant as
select getvariable('known_before') - interval 1 microsecond as as_of;

-- What is on sale at the midnight, and what a campaign that opens later will sell.
create temp table offers as
with on_sale as (
    select campaign_id, product_id, price::double as price, stock_left
    from daily.features.on_sale('gate_instant')
),
announced as (
    select campaign_id, product_id, price::double as price, initial_stock_count as stock_left
    from daily.intermediate.int_campaign_products
    where available_at < getvariable('known_before')
    qualify row_number() over (
        partition by campaign_id, product_id order by available_at desc
    ) = 1
),
sold as (
    from on_sale
    union all
    from announced
    semi join (from campaigns where opens_at >= getvariable('known_before')) using (campaign_id)
    anti join on_sale using (campaign_id, product_id)
)
select
    campaign_id,
    product_id,
    products.brand,
    campaigns.country,
    campaigns.opens_at,
    campaigns.closes_at,
    list(sold.price) as prices,
    max(sold.stock_left) as stock_left,
    list_has_any(getvariable('banned'), [
        'product ' || product_id, 'campaign ' || campaign_id,
        'brand ' || products.brand, 'brand ' || campaigns.brand
    ]) as is_banned
from sold
join campaigns using (campaign_id)
join products using (product_id)
group by all;

create temp view stock as
select campaign_id, product_id, stock_left from offers where not is_banned
union all
select
    campaign_id,
    '{ALL}',
    if(bool_or(stock_left is null), null, sum(greatest(stock_left, 0)))
from offers
where not is_banned
group by campaign_id;

-- Places of campaigns promise more than the letters' products do: the lists say how much.
create temp view own as
{_BY_OFFER_AND_CAMPAIGN.format(products="shown", places="scarcity")};

create temp view promised as
{_BY_OFFER_AND_CAMPAIGN.format(products="shown_by_others", places="scarcity_of_others")};
"""

# A writer that was killed leaves half a line, and lines of one attempt tell the same instant.
_HANDED_OVER = """
create temp view handed_over as
select
    message_id,
    customer_id,
    handed_at::timestamptz as handed_at,
    parse_path(filename)[-2] as list,
    parse_filename(filename, true)::date as night
from read_json(
    {files},
    format = 'newline_delimited',
    ignore_errors = true,
    filename = true,
    columns = {{
        'message_id': 'varchar',
        'customer_id': 'varchar',
        'state': 'varchar',
        'handed_at': 'varchar'
    }}
)
semi join people using (customer_id)
where message_id is not null and handed_at is not null
group by all
-- Whether the server took what was only begun nobody knows: it may have.
having bool_or(state = 'begun') and not bool_or(state in ('refused', 'deferred'))
"""

_NOTHING_HANDED_OVER = pa.schema(
    {
        "message_id": pa.string(),
        "customer_id": pa.string(),
        "handed_at": pa.timestamp("us", "UTC"),
        "list": pa.string(),
        "night": pa.date32(),
    }
).empty_table()

_NO_SCARCITY = pa.schema(
    {"campaign_id": pa.string(), "product_id": pa.string(), "expected_units": pa.float64()}
).empty_table()


@dataclass(frozen=True)
class Inputs:
    """One instant's staged list, and what it is held against."""

    paths: Paths
    staged: StagedList
    known_before: datetime
    """The midnight that the night's build ended at: nothing that came later counts."""
    warehouse: Path
    has_consents: bool
    policy: ListPolicy

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection that has everything under its plain name.

        people, shown (a row per letter and product), exclusions, scarcity: the list. consents,
        suppressions, email_events, customers, orders: the contract's tables. campaigns, products,
        offers, stock: the shop's. own, promised: expected units of this list, and of the night's
        others. letters: the published lists'. handed_over: what the mail server took, or may have.
        held_out, forgotten: customers. The policy and the instants are variables, and tables named
        after its parts. Until it is closed nobody merges the lake's tables.
        """
        spill = self.paths.staging / "gates"
        spill.mkdir(parents=True, exist_ok=True)
        with (
            ExitStack() as held,
            TemporaryDirectory(dir=spill) as folder,
            frames.connect(self.warehouse, name="daily", spill=Path(folder)) as connection,
        ):
            for name, (kind, value) in self._variables().items():
                connection.execute(f"set variable {name} = $value::{kind}", {"value": value})
            for name, file in (
                ("people", PEOPLE),
                ("exclusions", EXCLUSIONS),
                ("scarcity", SCARCITY),
            ):
                source = frames.parquet([self.staged.folder / file])
                connection.execute(f"create temp view {name} as from {source}")
            self._received(connection, held)
            self._letters(connection)
            self._handed_over(connection)
            for name, rows in (self._policy() | self._drawn).items():
                connection.register(name, rows)
            connection.execute(_TABLES)
            yield connection

    def built_until(self) -> datetime:
        """Return the instant that the published warehouse ends at."""
        with frames.connect(self.warehouse, name="daily") as connection:
            [(end,)] = connection.execute(_BUILT).fetchall()
        return EPOCH + timedelta(microseconds=end)

    def _variables(self) -> dict[str, tuple[str, Any]]:
        policy, as_of = self.policy, self.staged.as_of
        return {
            "list_name": ("varchar", self.staged.name),
            "as_of": ("timestamptz", as_of),
            "night": ("date", as_of.date()),
            "near_from": ("timestamptz", self._near.start),
            "near_until": ("timestamptz", self._near.end),
            "known_before": ("timestamptz", self.known_before),
            "purpose": ("varchar", PURPOSE),
            "quiet_from": ("time", policy.send_times.quiet_from),
            "quiet_until": ("time", policy.send_times.quiet_until),
            "minimum_age": ("int", policy.suppress.minimum_age),
            "per_day": ("int", policy.caps.per_day),
            "per_week": ("int", policy.caps.per_week),
            "stock_factor": ("double", policy.allocation.stock_factor),
            "banned": ("varchar[]", self._banned()),
        }

    def _policy(self) -> dict[str, pa.Table]:
        suppress, caps = self.policy.suppress, self.policy.caps.by_strategy
        return {
            "suppressed_customers": pa.table(
                {"customer_id": pa.array(suppress.customers, pa.string())}
            ),
            "suppressed_countries": pa.table(
                {"country": pa.array(suppress.countries, pa.string())}
            ),
            "strategy_caps": pa.table(
                {
                    "strategy": pa.array(caps, pa.string()),
                    "per_day": pa.array([cap.per_day for cap in caps.values()], pa.int64()),
                    "per_week": pa.array([cap.per_week for cap in caps.values()], pa.int64()),
                }
            ),
        }

    def _banned(self) -> list[str]:
        night = self.staged.as_of.date()
        bans = (each for each in self.policy.overrides_on(night) if each.action == "ban")
        named = (
            {"brand": o.brand, "product": o.product, "campaign": o.campaign}.items() for o in bans
        )
        return [f"{kind} {name}" for ban in named for kind, name in ban if name is not None]

    def _received(self, connection: duckdb.DuckDBPyConnection, held: ExitStack) -> None:
        """Show the contract's tables as they were received before the midnight, and hold them."""
        for table in RECEIVED:
            files = held.enter_context(lake.held(self.paths.lake, table))
            known = [f for f in files if lake.file_interval(f).end <= self.known_before]
            _show(connection, table, known, TABLES[table].empty())

    def _letters(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Show what the published lists near the night promise, this one's letters among them."""
        near = [e for e in letters.published(self.paths.lists) if midnight(e.night) in self._near]
        others = [
            each.folder / SCARCITY
            for each in near
            if each.night == self.staged.as_of.date() and each.list_name != self.staged.name
        ]
        _show(connection, "letters", [each.letters for each in near], LETTERS.empty())
        _show(connection, "scarcity_of_others", [f for f in others if f.exists()], _NO_SCARCITY)

    def _handed_over(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Show what the books of the nights near say that the mail server took of these people."""
        books = sorted(self.paths.deliveries.glob("*/*.jsonl"))
        near = [b for b in books if midnight(date.fromisoformat(b.stem)) in self._near]
        if near:
            connection.execute(_HANDED_OVER.format(files=frames.paths(near)))
        else:
            connection.register("handed_over", _NOTHING_HANDED_OVER)

    @property
    def _near(self) -> Interval:
        """When a letter, or a night, can count for a cap of this night's letters."""
        night = midnight(self.staged.as_of.date())
        return Interval(night - NEAR, night + NEAR + DAY)

    @cached_property
    def _drawn(self) -> dict[str, pa.Table]:
        """Say who of the list is held out, and who was forgotten: both are told by hashes."""
        rows = pq.read_table(self.staged.folder / PEOPLE, columns=["customer_id"])
        ids = rows.drop_null()["customer_id"].to_pylist()
        forgotten = Ledger.load(self.paths).among(ids)
        return {
            "held_out": pa.table({"customer_id": held_out(ids, self.policy.holdout)}),
            "forgotten": pa.table({"customer_id": forgotten}),
        }


def _show(
    connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path], empty: pa.Table
) -> None:
    if files:
        connection.execute(f"create temp view {name} as from {frames.parquet(files)}")
    else:
        connection.register(name, empty)


def held_out(customer_ids: Iterable[str], holdout: Holdout) -> pa.Array:
    """Return those of some customers whom the global control draws.

    The draw, in [0, 1), is the first 53 bits of BLAKE2b (RFC 7693; 8 bytes) over
    `hold_out:<name>`, a null byte and the id; whoever draws less than the share is held out.
    """
    ids, begun = list(customer_ids), f"hold_out:{holdout.name}\0".encode()
    digests = [hashlib.blake2b(begun + i.encode(), digest_size=8).digest() for i in ids]
    drawn = (np.frombuffer(b"".join(digests), ">u8") >> np.uint64(11)) * 2.0**-53
    return pa.array(ids, pa.string()).filter(pa.array(drawn < holdout.share))

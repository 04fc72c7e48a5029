"""One night's list: from what is known as of the run to one row per person."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import dataset

from email_lists import people
from email_lists.audience.arms import draws, message_ids
from email_lists.audience.eligibility import Who, decisions
from email_lists.frames import select
from email_lists.slates import (
    campaign_places,
    campaigns,
    offers,
    popularity,
    promises,
    sales,
    shelves,
    slate,
)
from email_lists.slates.assortment import NOWHERE, positions
from email_lists.slates.calibration import UNFITTED, Calibration
from email_lists.slates.campaign_places import CampaignPlaces, Chances, Stock
from email_lists.slates.campaigns import Ranked
from email_lists.slates.shelves import Shelves
from email_lists.slates.similarity import ProductVectors
from email_lists.slates.strategies import Strategies
from vitrine.contracts import INSTANT
from vitrine.list_policy import ListPolicy, Override

ACTIVITY_DAYS = 90
Say = Callable[[int, int], None]


@dataclass(frozen=True)
class Trade:
    """What is sold and was sold; each table holds what the night's build knew.

    `as_of` is the instant that the list is made for; what reached the shop after the midnight that
    the build ended at is left out of it.
    """

    as_of: datetime
    campaigns: pa.Table
    """campaign_id, brand, sector, sub_sector, country, opens_at, closes_at."""
    supply: pa.Table
    """campaign_id, product_id, price, stock_left: on sale now, or opening later."""
    products: pa.Table
    """product_id, name, brand, sector, sub_sector, and unit_cost where it is known."""
    sales: pa.Table
    """One row per sale line: order_id, customer_id (null: guest), demographic_cluster, product_id,
    unit_count, occurred_at."""
    vectors: ProductVectors


@dataclass(frozen=True)
class Known(Trade):
    """Everything that a list is made of, as the night's build knew it."""

    who: Who
    """Customers, consents, suppressions, opens and letters."""
    scores: pa.Table | dataset.Dataset
    """customer_id, campaign_id, score; read in batches."""
    calibration: Calibration = UNFITTED
    """What a score means: the chance of a purchase, as the shop's own last week told."""
    campaign_calibration: Calibration = UNFITTED
    """How probable a purchase in a campaign is, as `campaign_places.Chances` asks."""
    promised: pa.Table = field(default_factory=lambda: promises.NOTHING)
    """list, campaign_id, product_id, expected_units: the night's published lists."""
    seed: int = 7
    provenance: dict[str, Any] = field(default_factory=dict)
    """What the manifest says about the model, the vectors and the shop."""

    @property
    def customers(self) -> pa.Table:
        """All who are known."""
        return self.who.customers


@dataclass(frozen=True)
class Composition:
    """What `build` stages and `publish` hands over; without addresses."""

    people: pa.Table
    """One row per eligible customer, campaigns and products nested; see `vitrine.letters`."""
    exclusions: pa.Table
    """`staged.LEFT_OUT`: one row per customer who is not written to."""
    scarcity: pa.Table
    """campaign_id, product_id, stock_left, expected_units, scarcity: what limited stock is for.

    Without a product_id and a scarcity: what the places of a campaign whose stock is known promise
    beyond those of its products.
    """

    @cached_property
    def products(self) -> pa.Table:
        """The long form: one row per customer and position."""
        return people.unnested(self.people)


_ELIGIBLE = """
select customers.*, decided.* exclude (customer_id, segment, exclusion, assigned), decided.segment
from (select customer_id, country, language, timezone, demographic_cluster from customers)
    as customers
join decided using (customer_id)
where exclusion is null
order by customer_id
"""

_EXCLUDED = """
select decided.customer_id, exclusion, assigned, send_at, country, timezone, strategy
from decided
join customers using (customer_id)
where exclusion is not null
order by decided.customer_id
"""

_NOT_BANNED = """
select supply.*
from supply
join products using (product_id)
join campaigns using (campaign_id)
where not list_contains($products, product_id)
    and not list_contains($campaigns, campaign_id)
    and not list_contains($brands, products.brand)
    and not list_contains($brands, campaigns.brand)
order by campaign_id, product_id
"""

_SELLING = """
with assortments as (
    select campaign_id, count(distinct product_id) as product_count, min(product_id) as product_id
    from supply
    group by all
)
select
    campaigns.*,
    if(product_count = 1, products.name, campaigns.brand) as name
from campaigns
join assortments using (campaign_id)
join products using (product_id)
order by campaign_id
"""

_ACTIVITY = """
select customer_id, count(*)::float as line_count
from sales
where occurred_at >= $since and customer_id is not null
group by all
"""


_NO_SCARCITY = pa.schema(
    {
        "campaign_id": pa.string(),
        "product_id": pa.string(),
        "stock_left": pa.int64(),
        "expected_units": pa.float64(),
        "scarcity": pa.float64(),
    }
).empty_table()


def compose(
    known: Known, policy: ListPolicy, list_name: str, say: Say = lambda done, of: None
) -> Composition:
    """Decide who is written to and what each person is shown.

    `say` is told now and then for how many customers, of how many, candidates were looked up.
    """
    decided = decisions(known.who, policy, list_name)
    customers = eligible(known, decided)
    excluded = select(_EXCLUDED, decided=decided, customers=known.customers)
    if not customers.num_rows:
        return Composition(people.SCHEMA.empty_table(), excluded, _NO_SCARCITY)
    made = prepare(known, customers, policy, list_name)
    filled = made.shelves
    slates = slate.choose(filled, made.rules, say)
    # Products' places promise first: they say which piece. Campaigns share what is left.
    stock = Stock.of(
        supply=made.supply,
        campaigns=made.night.campaigns,
        assortment=filled.assortment,
        slates=slates,
        promised=made.rules.promised,
        factor=policy.allocation.stock_factor,
    )
    placed = _campaign_places(known, made, slates, stock)
    ids = customers["customer_id"].to_pylist()
    columns = {
        "message_id": message_ids(list_name, known.as_of.date(), ids),
        "has_history": pa.array(filled.history.has_any_N),
        "campaigns": people.campaigns(placed.ranked, made.night.campaigns),
        "products": people.products(
            slates, filled.assortment, _bought_today(known, customers, filled, slates)
        ),
    }
    rows = {
        name: columns[name] if name in columns else customers[name] for name in people.SCHEMA.names
    }
    return Composition(
        pa.table(rows, schema=people.SCHEMA), excluded, _scarcity(made, slates, stock, placed)
    )


@dataclass(frozen=True)
class Prepared:
    """What the slates of some customers are chosen from, and by."""

    night: shelves.Night
    shelves: Shelves
    rules: slate.Rules
    supply: pa.Table
    """`allowed` of what is known."""

    @cached_property
    def units_CK(self) -> np.ndarray:
        """Count what campaigns sold: see `popularity.campaign_units`."""
        return popularity.campaign_units(
            self.shelves.sold,
            self.shelves.assortment,
            self.night.open_offers,
            self.night.campaigns["campaign_id"],
        )


def eligible(known: Known, decided: pa.Table) -> pa.Table:
    """Return whom `eligibility.decisions` lets through, with what is known of them."""
    return select(_ELIGIBLE, customers=known.customers, decided=decided)


def prepare(known: Known, customers: pa.Table, policy: ListPolicy, list_name: str) -> Prepared:
    """Fill the shelves for some eligible customers; none's depend on the others'."""
    overrides = policy.overrides_on(known.as_of.date())
    bans = [override for override in overrides if override.action == "ban"]
    pins = [override for override in overrides if override.action == "pin"]
    supply = allowed(known, bans)
    made = night(known, known.customers, customers, supply, pins, bans)
    ids = customers["customer_id"].to_pylist()
    rules = slate.Rules(
        policy=policy,
        strategies=Strategies.of(customers["strategy"].to_pylist()),
        calibration=known.calibration,
        activity_N=activity(known.sales, customers["customer_id"], known.as_of),
        draw_N=draws(f"exploration:{list_name}:{known.as_of.date()}", ids),
        seed=known.seed,
        promised=promises.by_others(known.promised, list_name),
    )
    return Prepared(made, shelves.fill(made), rules, supply)


def activity(lines: pa.Table, customer_ids: pa.ChunkedArray, as_of: datetime) -> np.ndarray:
    """Count each customer's sale lines of the last 90 days: float32 [N]."""
    counted = select(_ACTIVITY, {"since": as_of - timedelta(days=ACTIVITY_DAYS)}, sales=lines)
    count_N = np.zeros(len(customer_ids), np.float32)
    place = positions(counted["customer_id"], customer_ids)
    count_N[place[place != NOWHERE]] = counted["line_count"].to_numpy()[place != NOWHERE]
    return count_N


def _selling(known: pa.Table, supply: pa.Table, products: pa.Table) -> pa.Table:
    """Return the campaigns that have something to sell, by id, with a `name` to show.

    A campaign of one product has that product's name, as in a shop without campaigns; else it is
    the brand's.
    """
    return select(_SELLING, campaigns=known, supply=supply, products=products)


def night(
    trade: Trade,
    everybody: pa.Table,
    customers: pa.Table,
    supply: pa.Table,
    pins: Sequence[Override] = (),
    bans: Sequence[Override] = (),
) -> shelves.Night:
    """Find what each market can buy.

    Parameters
    ----------
    everybody
        customer_id, country: of all who are known.
    customers
        Those whose shelves are filled: customer_id, country, demographic_cluster, send_at.
    supply
        `allowed` of the trade.
    """
    placed = offers.with_markets(customers, trade.campaigns)
    return shelves.Night(
        as_of=trade.as_of,
        customers=placed,
        everybody=everybody,
        campaigns=_selling(trade.campaigns, supply, trade.products),
        open_offers=offers.open_offers(placed, trade.campaigns, supply),
        products=trade.products,
        sales=trade.sales,
        vectors=trade.vectors,
        pins=pins,
        bans=bans,
    )


def allowed(trade: Trade, bans: Sequence[Override] = ()) -> pa.Table:
    """Return the supply of the products and campaigns that are known, without what is banned.

    Banned are products, campaigns, and brands of either.
    """
    banned = {
        "products": [ban.product for ban in bans if ban.product],
        "campaigns": [ban.campaign for ban in bans if ban.campaign],
        "brands": [ban.brand for ban in bans if ban.brand],
    }
    return select(
        _NOT_BANNED,
        banned,
        supply=trade.supply,
        products=trade.products,
        campaigns=trade.campaigns,
    )


def ranked_campaigns(known: Known, made: Prepared) -> Ranked:
    """Rank each customer's campaigns as if there were enough of all."""
    night, filled = made.night, made.shelves
    openings = campaigns.Openings.of(night.customers, night.open_offers, night.campaigns)
    popular_GT, is_liked_GT = campaigns.popular_campaigns(
        openings, filled.groups, made.units_CK, night.campaigns, campaign_places.CONSIDERED
    )
    return campaigns.ranked_campaigns(
        customers=night.customers,
        campaigns=night.campaigns,
        openings=openings,
        scores=_batches(known.scores),
        popular_GT=popular_GT,
        is_liked_GT=is_liked_GT,
        groups=filled.groups,
        is_early_N=made.rules.strategies.is_early_N,
        pins=night.pins,
        size=campaign_places.CONSIDERED,
    )


def _campaign_places(
    known: Known, made: Prepared, slates: slate.Slates, stock: Stock
) -> CampaignPlaces:
    chances = Chances.of(
        made.shelves,
        known.campaign_calibration,
        made.rules.activity_N,
        made.units_CK,
        made.night.campaigns,
    )
    ranked = ranked_campaigns(known, made)
    chance_NT = chances.apply(ranked.campaign_NT)
    return campaign_places.limited(ranked, chance_NT, slates, stock, known.seed)


def _batches(scores: pa.Table | dataset.Dataset) -> Iterable[pa.RecordBatch]:
    columns = ["customer_id", "campaign_id", "score"]
    if isinstance(scores, pa.Table):
        return list(scores.select(columns).to_batches())
    batches: Iterable[pa.RecordBatch] = scores.to_batches(columns=columns)
    return batches


def _bought_today(
    known: Known, customers: pa.Table, filled: Shelves, slates: slate.Slates
) -> np.ndarray:
    """Count who bought each shown product on the day that its letter is read: int32 [N, K].

    0 where too few did, or where the letter goes out on another local day than the list is made on.
    """
    zones = sorted({*customers["timezone"].to_pylist()})
    midnights = pa.table(
        {
            "timezone": pa.array(zones, pa.string()),
            "midnight": pa.array([_midnight(known.as_of, zone) for zone in zones], INSTANT),
        }
    )
    counted = sales.bought_today(known.sales, midnights, known.as_of)
    zone_N = positions(customers["timezone"], pa.array(zones, pa.string()))
    count_ZP = np.zeros((len(zones), filled.assortment.products.num_rows), np.int32)
    product = positions(counted["product_id"], filled.assortment.products["product_id"])
    is_known = product != NOWHERE
    zone = positions(counted["timezone"], pa.array(zones, pa.string()))[is_known]
    count_ZP[zone, product[is_known]] = counted["buyer_count"].to_numpy()[is_known]
    today_Z = pa.array([known.as_of.astimezone(ZoneInfo(zone)).date() for zone in zones])
    is_today_N = pc.equal(customers["local_day"], today_Z.take(pa.array(zone_N))).to_numpy()
    count_NK = count_ZP[zone_N[:, None], slates.product_NK]
    is_told_NK = is_today_N[:, None] & (slates.product_NK != NOWHERE)
    return np.where(is_told_NK, count_NK, 0)


def _midnight(instant: datetime, timezone: str) -> datetime:
    """Return the beginning of the local day that an instant falls on."""
    zone = ZoneInfo(timezone)
    return datetime.combine(instant.astimezone(zone).date(), time(), zone)


def _scarcity(
    made: Prepared, slates: slate.Slates, stock: Stock, placed: CampaignPlaces
) -> pa.Table:
    """Lay out what offers, and then campaigns whose stock is known, are for."""
    offers, campaigns = made.shelves.assortment.offers, made.night.campaigns
    is_known_K = ~np.isnan(stock.left_K)
    of_offers = offers.select(["campaign_id", "product_id", "stock_left"])
    of_campaigns = {
        "campaign_id": campaigns["campaign_id"].filter(pa.array(is_known_K)),
        "product_id": pa.nulls(int(is_known_K.sum()), pa.string()),
        "stock_left": pa.array(stock.left_K[is_known_K].astype(np.int64)),
    }
    rows = pa.concat_tables([of_offers, pa.table(of_campaigns)])
    expected = np.concatenate([slates.expected_O, placed.expected_K[is_known_K]])
    rows = rows.append_column("expected_units", pa.array(expected.astype(np.float64)))
    prices = pa.array(slates.scarcity_O.astype(np.float64))
    none = pa.nulls(rows.num_rows - len(prices), pa.float64())
    return rows.append_column("scarcity", pa.chunked_array([prices, none]))

"""The rows of each raw table as columns, from what happened; pure functions.

Columns carry the names of `raw_format.COLUMNS`: ids and words as arrow text, instants as int64
seconds, amounts as float64, counts as int64. `received_at` is added by the outbox.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from vitrine.simulator.campaigns import Campaign
from vitrine.simulator.catalogue import Product
from vitrine.simulator.population import Population
from vitrine.simulator.raw_format import numbered
from vitrine.simulator.shop import MARKETS, Market
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import KINDS, Events, Requests, Sessions
from vitrine.simulator.vocabulary import DEVICES, GROUPS, SUB_SECTORS

Rows = dict[str, np.ndarray | pa.Array]

GIVEN_GENDERS = ("F", "M", "X")
"""How the shop writes `population.GENDERS`."""


def text(values: Iterable[str | None]) -> pa.Array:
    """Return an arrow text array, also of no values."""
    return pa.array(list(values), pa.string())


def same(value: str, count: int) -> pa.Array:
    """Return a word `count` times."""
    return text([value] * count)


def chosen(words: Iterable[str], number_N: np.ndarray, is_missing_N: np.ndarray) -> pa.Array:
    """Look numbers up in a list of words; null where missing."""
    return text(words).take(pa.array(number_N, pa.int64(), mask=is_missing_N))


def taken(rows: Rows, place_N: np.ndarray) -> Rows:
    """Return the rows at some places."""
    places = pa.array(place_N, pa.int64())
    return {
        name: column[place_N] if isinstance(column, np.ndarray) else column.take(places)
        for name, column in rows.items()
    }


def campaign(sale: Campaign, brand: str, market: Market) -> Rows:
    """Return the one row of a campaign."""
    sub = SUB_SECTORS[sale.sub_sector]
    return {
        "campaign_id": text([sale.id]),
        "brand": text([brand]),
        "sector": text([sub.sector]),
        "sub_sector": text([sub.name]),
        "country": text([market.country]),
        "timezone": text([market.timezone]),
        "opens_at": np.array([sale.opens_at]),
        "closes_at": np.array([sale.closes_at]),
    }


def campaign_products(sale: Campaign) -> Rows:
    """Return what a campaign sells, at which price, and how much of it there is."""
    return {
        "campaign_id": same(sale.id, len(sale.products)),
        "product_id": text(p.id for p in sale.products),
        "price": sale.price_P,
        "initial_stock": sale.initial_P,
    }


def products(made: list[Product], brand_names: tuple[str, ...]) -> Rows:
    """Return the descriptions of products, with the labels that are given."""
    subs = [SUB_SECTORS[p.sub_sector] for p in made]
    return {
        "product_id": text(p.id for p in made),
        "name": text(p.name for p in made),
        "description": text(p.description for p in made),
        "brand": text(brand_names[p.brand] for p in made),
        "sector": text(s.sector for s in subs),
        "sub_sector": text(s.name for s in subs),
        "colour": text(p.colour if p.is_colour_given else None for p in made),
        "audience": text(p.audience for p in made),
        "life_stage": text(p.life_stage for p in made),
        "unit_cost": np.array([p.unit_cost for p in made]),
        "list_price": np.array([p.list_price for p in made]),
        "attributes": text(_attributes(p.labels) for p in made),
    }


def _attributes(labels: dict[str, str]) -> str:
    return "|".join(f"{task}={'+'.join(label.split('|'))}" for task, label in labels.items())


def customers(people: Population, who: np.ndarray) -> Rows:
    """Return the descriptions of customers, as far as they gave them."""
    market, always = people.market_N[who], np.zeros(len(who), bool)
    no_year, no_group = ~people.is_birth_year_given_N[who], ~people.is_group_given_N[who]
    return {
        "customer_id": people.ids_of(who),
        "signed_up_at": people.signed_up_at_N[who],
        "birth_year": pa.array(people.birth_year_N[who], mask=no_year),
        "gender": chosen(GIVEN_GENDERS, people.gender_N[who], ~people.is_gender_given_N[who]),
        "socio_professional_group": chosen(GROUPS, people.group_N[who], no_group),
        "country": chosen((m.country for m in MARKETS), market, always),
        "postal_code": numbered("", people.postcode_N[who], 5),
        "language": chosen((m.language for m in MARKETS), market, always),
        "timezone": chosen((m.timezone for m in MARKETS), market, always),
    }


def contacts(people: Population, who: np.ndarray) -> Rows:
    """Return the addresses of customers."""
    return {
        "customer_id": people.ids_of(who),
        "email_address": people.addresses.take(pa.array(who, pa.int64())),
    }


def consents(
    people: Population,
    who: np.ndarray,
    purpose: str,
    is_granted: bool,
    changed_at: np.ndarray,
    source: str,
) -> Rows:
    """Return one change of consent for each of some customers."""
    stem = f"{'G' if is_granted else 'W'}{purpose[0].upper()}"
    return {
        "consent_id": text(
            f"{stem}{w:07d}{at}" for w, at in zip(who.tolist(), changed_at.tolist(), strict=True)
        ),
        "customer_id": people.ids_of(who),
        "purpose": same(purpose, len(who)),
        "is_granted": same("yes" if is_granted else "no", len(who)),
        "changed_at": changed_at,
        "source": same(source, len(who)),
    }


def suppressions(people: Population, who: np.ndarray, reason: str, at: np.ndarray) -> Rows:
    """Return one suppression for each of some customers."""
    return {
        "suppression_id": text(f"X{w:07d}{reason[0].upper()}" for w in who.tolist()),
        "customer_id": people.ids_of(who),
        "email_address": pa.nulls(len(who), pa.string()),
        "reason": same(reason, len(who)),
        "suppressed_at": at,
    }


def stock_levels(on_sale: list[Campaign], country: str, at: int) -> Rows:
    """Return what is left of each product of some campaigns at an instant."""
    ids = [p.id for sale in on_sale for p in sale.products]
    return {
        "product_id": text(ids),
        "location": same(f"warehouse-{country}", len(ids)),
        "quantity": np.concatenate([sale.left_P for sale in on_sale]),
        "occurred_at": np.full(len(ids), at),
    }


def events(people: Population, offer: Offer, sessions: Sessions, seen: Events, stem: str) -> Rows:
    """Return the events of a market's day `by_time`; their ids begin with `stem`."""
    order = seen.by_time()
    session, position = seen.session_E[order], seen.position_E[order]
    campaign_E = seen.campaign_E[order]
    nowhere = np.zeros(len(order), bool)
    return {
        "event_id": numbered(f"E{stem}", np.arange(len(order)), 7),
        "customer_id": people.ids_of(
            sessions.customer_S[session], is_missing=sessions.is_anonymous_S[session]
        ),
        "session_id": numbered(f"S{stem}", session, 6),
        "kind": chosen(KINDS, seen.kind_E[order], nowhere),
        "campaign_id": chosen((c.id for c in offer.campaigns), campaign_E, campaign_E < 0),
        "product_id": _product_ids(offer, campaign_E, seen.product_E[order]),
        "position": pa.array(position, mask=position < 0),
        "device": chosen(DEVICES, sessions.device_S[session], nowhere),
        "occurred_at": seen.at_E[order],
    }


def sales(people: Population, offer: Offer, sessions: Sessions, sold: Requests, stem: str) -> Rows:
    """Return the order lines of a market's day; the lines of a session are one order.

    They are in the order of `Requests.by_time`.
    """
    order = sold.by_time()
    session, campaign_R = sold.session_R[order], sold.campaign_R[order]
    product_R, place = sold.product_R[order], np.arange(len(order))
    is_first = np.isin(place, np.unique(session, return_index=True)[1])
    first = np.maximum.accumulate(np.where(is_first, place, 0))
    prices = (
        offer.campaigns[j].price_P[p]
        for j, p in zip(campaign_R.tolist(), product_R.tolist(), strict=True)
    )
    on_phone = sessions.device_S[session] == DEVICES.index("phone")
    nowhere = np.zeros(len(order), bool)
    return {
        "order_id": numbered(f"O{stem}", np.cumsum(is_first) - 1, 6),
        "line": place - first + 1,
        "customer_id": people.ids_of(sessions.customer_S[session]),
        "product_id": _product_ids(offer, campaign_R, product_R),
        "campaign_id": chosen((c.id for c in offer.campaigns), campaign_R, nowhere),
        "quantity": sold.quantity_R[order],
        "unit_price": np.fromiter(prices, np.float64, len(order)),
        "channel": chosen(("web", "app"), on_phone.astype(np.int64), nowhere),
        "kind": same("sale", len(order)),
        "occurred_at": sold.at_R[order],
    }


def returns(sold: Rows, place_N: np.ndarray, at_N: np.ndarray, stem: str) -> Rows:
    """Return some lines of `sold` as returns, each an order of its own."""
    return taken(sold, place_N) | {
        "order_id": numbered(f"R{stem}", np.arange(len(place_N)), 6),
        "line": np.ones(len(place_N), np.int64),
        "kind": same("return", len(place_N)),
        "occurred_at": at_N,
    }


def email_events(
    people: Population,
    message_M: pa.Array,
    customer_M: np.ndarray,
    reactions: dict[str, np.ndarray],
) -> Rows:
    """Return what became of letters, kind by kind; instants of length M, -1 for never."""
    place_N = np.concatenate([np.flatnonzero(at_M >= 0) for at_M in reactions.values()])
    return {
        "message_id": message_M.take(pa.array(place_N, pa.int64())),
        "customer_id": people.ids_of(customer_M[place_N]),
        "kind": text(kind for kind, at_M in reactions.items() for _ in range((at_M >= 0).sum())),
        "occurred_at": np.concatenate([at_M[at_M >= 0] for at_M in reactions.values()]),
    }


def _product_ids(offer: Offer, campaign_N: np.ndarray, product_N: np.ndarray) -> pa.Array:
    """Look up the ids of the campaigns' n-th products; null where `product_N` is -1."""
    first_J = np.cumsum([0] + [len(c.products) for c in offer.campaigns])
    ids = [p.id for c in offer.campaigns for p in c.products]
    return chosen(ids, np.maximum(first_J[campaign_N] + product_N, 0), product_N < 0)

"""The rows of a list: each person's campaigns and products, nested, with names in place of numbers.

Shape legend: N people, T campaigns of a person, K products of a person, I items of all people.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from email_lists.slates.assortment import NOWHERE, Assortment
from email_lists.slates.campaigns import CampaignReason, Ranked
from email_lists.slates.candidates import Reason, Slot
from email_lists.slates.slate import Slates
from vitrine.contracts import INSTANT

_TEXT = pa.string()

CAMPAIGN = pa.struct(
    {
        "rank": pa.int32(),
        "campaign_id": _TEXT,
        "name": _TEXT,
        "brand": _TEXT,
        "sector": _TEXT,
        "opens_at": INSTANT,
        "closes_at": INSTANT,
        "score": pa.float64(),
        "reason": _TEXT,
    }
)
"""`score` is the champion's, null where popularity decided; `closes_at` is null for a permanent
one."""

PRODUCT = pa.struct(
    {
        "position": pa.int32(),
        "slot": _TEXT,
        "product_id": _TEXT,
        "campaign_id": _TEXT,
        "name": _TEXT,
        "brand": _TEXT,
        "price": pa.float64(),
        "reason": _TEXT,
        "cause_product_id": _TEXT,
        "cause_name": _TEXT,
        "probability": pa.float64(),
        "propensity": pa.float64(),
        "bought_today_count": pa.int32(),
    }
)
"""`price` in shop currency; `probability`: the chance that this person buys it; `propensity`: the
chance with which it got its place; `bought_today_count`: null where there is nothing to tell."""

SCHEMA = pa.schema(
    {
        "customer_id": _TEXT,
        "message_id": _TEXT,
        "consent_id": _TEXT,
        "country": _TEXT,
        "language": _TEXT,
        "timezone": _TEXT,
        "send_at": INSTANT,
        "local_day": pa.date32(),
        "segment": _TEXT,
        "strategy": _TEXT,
        "arm": _TEXT,
        "arm_propensity": pa.float64(),
        "has_history": pa.bool_(),
        "campaigns": pa.list_(CAMPAIGN),
        "products": pa.list_(PRODUCT),
    }
)
"""The state wanted: one row per person, ordered by customer_id."""


def campaigns(ranked: Ranked, known: pa.Table) -> pa.Array:
    """Nest campaigns, a list of `CAMPAIGN` per person.

    `known` holds the campaigns' columns and `name`, in the order of the positions.
    """
    is_there_NT = ranked.campaign_NT != NOWHERE
    place = pa.array(ranked.campaign_NT[is_there_NT])
    score = ranked.score_NT[is_there_NT]
    columns = {name: known[name].take(place) for name in ("campaign_id", "name", "brand", "sector")}
    columns |= {name: known[name].take(place) for name in ("opens_at", "closes_at")}
    columns["score"] = pa.array(score, pa.float64(), mask=np.isnan(score))
    columns["reason"] = _words(ranked.reason_NT[is_there_NT], CampaignReason)
    return _nested(is_there_NT, CAMPAIGN, columns)


def products(slates: Slates, assortment: Assortment, bought_today_NK: np.ndarray) -> pa.Array:
    """Nest products, a list of `PRODUCT` per person.

    `bought_today_NK` is int32, 0 where there is nothing to tell.
    """
    is_there_NK = slates.product_NK != NOWHERE
    of = pa.array(slates.product_NK[is_there_NK])
    offer = pa.array(slates.offer_NK[is_there_NK])
    cause_I = slates.cause_NK[is_there_NK]
    cause = pa.array(cause_I, mask=cause_I == NOWHERE)
    today_I = bought_today_NK[is_there_NK]
    known = assortment.products
    columns = {
        "slot": _words(slates.slot_NK[is_there_NK], Slot),
        "product_id": known["product_id"].take(of),
        "campaign_id": assortment.offers["campaign_id"].take(offer),
        "name": known["name"].take(of),
        "brand": known["brand"].take(of),
        "price": assortment.offers["price"].take(offer),
        "reason": _words(slates.reason_NK[is_there_NK], Reason),
        "cause_product_id": known["product_id"].take(cause),
        "cause_name": known["name"].take(cause),
        "probability": pa.array(slates.probability_NK[is_there_NK].astype(np.float64)),
        "propensity": pa.array(slates.propensity_NK[is_there_NK].astype(np.float64)),
        "bought_today_count": pa.array(today_I.astype(np.int32), mask=today_I == 0),
    }
    return _nested(is_there_NK, PRODUCT, columns)


def _words(code_I: np.ndarray, of: type[Slot] | type[Reason] | type[CampaignReason]) -> pa.Array:
    """Name codes: the members' names in lower case."""
    names = pa.array([member.name.lower() for member in of], _TEXT)
    return names.take(pa.array(code_I.astype(np.int32)))


def _nested(
    is_there: np.ndarray, item: pa.StructType, columns: Mapping[str, pa.Array | pa.ChunkedArray]
) -> pa.ListArray:
    """Gather items, given row by row, into a list per row; the first field is the place, from 1."""
    place_I = np.broadcast_to(np.arange(1, is_there.shape[1] + 1, dtype=np.int32), is_there.shape)
    arrays = {item[0].name: pa.array(place_I[is_there])} | {
        name: column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        for name, column in columns.items()
    }
    items = pa.StructArray.from_arrays([arrays[f.name] for f in item], fields=list(item))
    offsets = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items)


def unnested(people: pa.Table) -> pa.Table:
    """Lay the products of a list out, one row per customer and position."""
    lists = people["products"].combine_chunks()
    rows = pc.list_parent_indices(lists)
    items = pc.list_flatten(lists)
    return pa.table(
        {"customer_id": people["customer_id"].take(rows)}
        | {field.name: items.field(field.name) for field in items.type}
    )

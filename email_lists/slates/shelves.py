"""The shelves, and how they are filled: one night's small tables that candidates are looked up in.

Shape legend: as `email_lists.slates.candidates`; T places among the popular, F places of a pin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from email_lists.frames import select
from email_lists.slates import offers, sales
from email_lists.slates.assortment import NOWHERE, Assortment, Labels, positions
from email_lists.slates.history import NEWEST, History
from email_lists.slates.popularity import Groups, Lately, Popular, Sold
from email_lists.slates.similarity import ProductVectors, neighbours
from vitrine.list_policy import Override

BRAND_LIMIT = 2
"""Products of one brand in a slate."""
LEAST_IN_REGION = 3
"""Units sold in a country on the last day that make a product popular there."""
KINDS_KEPT = 8
"""Kinds of product that go with a kind."""
PARTNERS_KEPT = 12
PINNED_KEPT = 12
"""Products kept per group and pin: who bought the best of a brand lately gets the next."""
DOUBT = 10.0
"""Baskets without the partner that every pair is charged with: a pair seen thrice proves little."""

_OPENED = "select product_id, max(opens_at) as opened_at from offers group by product_id"


@dataclass(frozen=True)
class Partners:
    """What goes with an item: the best first, -1 where there is no more; score 0 there."""

    item_AK: np.ndarray
    score_AK: np.ndarray


@dataclass(frozen=True)
class Shelves:
    """The night's tables that candidates are looked up in."""

    assortment: Assortment
    groups: Groups
    history: History
    sold: Sold
    popular: Popular
    market_N: np.ndarray
    """int32, from 0."""
    region_M: np.ndarray
    """int32: markets that differ in their hour alone share their neighbours."""
    anchor_P: np.ndarray
    """int32 position of a product among the anchors, -1 for one that nobody bought lately."""
    similar_R: tuple[Partners, ...]
    """Per region: products that are like an anchor, and their cosine."""
    together: Partners
    """Products on sale that are bought together with an anchor, and the rule's confidence."""
    kinds: Partners
    """Kinds that are bought together with a kind; A is the kinds here."""
    sector_share_GS: np.ndarray
    """float64: the sectors' shares of what a group's cluster bought lately, smoothed; adds to 1."""
    brand_share_GX: np.ndarray
    """float64: a brand's share of what was bought of its own sector."""
    is_sold_in_cluster_GT: np.ndarray
    """bool, beside `popular.product_GT`."""
    is_sold_in_region_GT: np.ndarray
    """bool: sold on the last day known in the group's country, and not just once."""
    brand_limit: int | None
    """None in a shop with one brand, which has none: it would show two products."""
    pinned_GQF: np.ndarray
    """int32: the products of each pin (Q) for a group, the best first, -1 where there are no more:
    a customer gets the first that may be shown."""
    is_banned_P: np.ndarray
    """bool: neither shown nor, to whoever bought it, named."""


@dataclass(frozen=True)
class Night:
    """What the shelves are filled from; see `composition.Known`."""

    as_of: datetime
    customers: pa.Table
    """Those written to, by customer_id: market, market_country, country, demographic_cluster."""
    everybody: pa.Table
    """customer_id and country of all who are known: what sells does not depend on who is asked."""
    campaigns: pa.Table
    """Those that have something to sell, by campaign_id, with `name`."""
    open_offers: pa.Table
    products: pa.Table
    sales: pa.Table
    vectors: ProductVectors
    pins: Sequence[Override]
    bans: Sequence[Override] = ()


def fill(night: Night) -> Shelves:
    """Make the tables of a night."""
    on_sale = offers.one_per_product(night.open_offers)
    market_count = pc.max(night.customers["market"]).as_py()
    assortment = Assortment.of(on_sale, night.products, market_count)
    groups = Groups.of(night.customers)
    sold = Sold.of(sales.units_sold(night.sales, night.as_of), groups.clusters, assortment.products)
    regions = _Regions.of(night.customers)
    lately = _lately(night, assortment, groups)
    opened_P = _opened(night.open_offers, assortment)
    popular = Popular.of(assortment, groups, sold, lately, opened_P)
    again = pa.array(sales.repeated(night.sales), pa.string())
    is_repeated_P = positions(assortment.products["product_id"], again) != NOWHERE
    history = History.of(
        night.sales,
        night.customers["customer_id"],
        assortment.products,
        assortment.article_P,
        is_repeated_P,
        night.as_of,
    )
    anchor_P, anchors = _anchors(history, assortment)
    return Shelves(
        assortment=assortment,
        groups=groups,
        history=history,
        sold=sold,
        popular=popular,
        market_N=night.customers["market"].to_numpy().astype(np.int32) - 1,
        region_M=regions.region_M,
        anchor_P=anchor_P,
        similar_R=_similar(night.vectors, assortment, anchors, regions, is_repeated_P),
        together=_together(night, assortment, anchor_P, len(anchors)),
        kinds=_kinds(night, assortment.kind),
        sector_share_GS=_shares(sold, assortment.sector)[groups.cluster_G],
        brand_share_GX=_shares_in_sector(sold, assortment)[groups.cluster_G],
        is_sold_in_cluster_GT=_taken(sold.units_CP, groups.cluster_G, popular.product_GT) > 0,
        is_sold_in_region_GT=_taken(lately.units_RP, lately.country_G, popular.product_GT)
        >= LEAST_IN_REGION,
        brand_limit=BRAND_LIMIT if _brand_count(assortment) > 1 else None,
        pinned_GQF=_pinned(night.pins, assortment, groups, popular),
        is_banned_P=_banned(night.bans, assortment.products),
    )


def _banned(bans: Sequence[Override], products: pa.Table) -> np.ndarray:
    """Tell which products are banned, or of a brand that is: bool [P]."""
    ids = pa.array([ban.product for ban in bans if ban.product], pa.string())
    brands = pa.array([ban.brand for ban in bans if ban.brand], pa.string())
    by_id, by_brand = pc.is_in(products["product_id"], ids), pc.is_in(products["brand"], brands)
    return np.asarray(pc.or_(by_id, by_brand))


def _brand_count(assortment: Assortment) -> int:
    return int(np.unique(assortment.brand.code_P[assortment.product_O]).size)


def _opened(open_offers: pa.Table, assortment: Assortment) -> np.ndarray:
    """Return when a product's newest campaign opened: int64 microseconds, 0 where not on sale."""
    opened = select(_OPENED, offers=open_offers)
    opened_P = np.zeros(assortment.products.num_rows, np.int64)
    product = positions(opened["product_id"], assortment.products["product_id"])
    opened_P[product] = opened["opened_at"].cast(pa.int64()).to_numpy()
    return opened_P


def _anchors(history: History, assortment: Assortment) -> tuple[np.ndarray, np.ndarray]:
    """Number the products among anybody's newest purchases: `anchor_P` and the products."""
    place = np.arange(history.product_I.size) - history.start_N1[history.customer_I]
    anchors = np.unique(history.product_I[place < NEWEST])
    anchor_P = np.full(assortment.products.num_rows, NOWHERE, np.int32)
    anchor_P[anchors] = np.arange(anchors.size)
    return anchor_P, anchors


@dataclass(frozen=True)
class _Regions:
    """The countries of the markets: those that differ in their hour alone are one region."""

    region_M: np.ndarray
    """int32 positions in `countries`."""
    countries: pa.Array

    @classmethod
    def of(cls, customers: pa.Table) -> "_Regions":
        """Take customers with market (from 1, without gaps) and market_country."""
        sql = "select distinct market, market_country from customers order by market"
        words = select(sql, customers=customers)["market_country"]
        countries = pa.array(sorted({*words.to_pylist()}), pa.string())
        return cls(positions(words, countries), countries)


def _similar(
    vectors: ProductVectors,
    assortment: Assortment,
    anchors: np.ndarray,
    regions: _Regions,
    is_repeated_P: np.ndarray,
) -> tuple[Partners, ...]:
    """Look up neighbours within each region, so that a small one is not crowded out.

    A product that people buy again and again is its own first neighbour.
    """
    own_A1 = np.where(is_repeated_P[anchors], anchors, NOWHERE).astype(np.int32)[:, None]
    likeness_A1 = (own_A1 != NOWHERE).astype(np.float32)
    ids = np.array(assortment.products["product_id"].to_pylist(), object)
    found = []
    for region in range(len(regions.countries)):
        is_sold_MP = assortment.offer_MP[regions.region_M == region] != NOWHERE
        there = np.flatnonzero(is_sold_MP.any(axis=0))
        place_AK, similarity_AK = neighbours(vectors, list(ids[anchors]), list(ids[there]))
        item_AK = np.full(place_AK.shape, NOWHERE, np.int32)
        item_AK[place_AK != NOWHERE] = there[place_AK[place_AK != NOWHERE]]
        item_AK = np.hstack([own_A1, item_AK])
        similarity_AK = np.hstack([likeness_A1, similarity_AK])
        found.append(Partners(_closed(item_AK, NOWHERE), _closed(similarity_AK, 0)))
    return tuple(found)


def _together(night: Night, assortment: Assortment, anchor_P: np.ndarray, count: int) -> Partners:
    """Find what is bought together with the anchors, among what is on sale anywhere."""
    lines = "select order_id, product_id as item, occurred_at from sales"
    pairs = sales.co_purchases(
        select(lines, sales=night.sales),
        night.as_of,
        PARTNERS_KEPT,
        select("select product_id as item from offers", offers=assortment.offers),
    )
    known = assortment.products["product_id"]
    anchor = anchor_P[positions(pairs["item"], known)]
    return _partners(anchor, positions(pairs["other_item"], known), pairs, count, PARTNERS_KEPT)


def _kinds(night: Night, kind: Labels) -> Partners:
    """Find which kinds are bought together with a kind."""
    lines = """
    select order_id, sub_sector as item, occurred_at from sales join products using (product_id)
    """
    pairs = sales.co_purchases(
        select(lines, sales=night.sales, products=night.products), night.as_of, KINDS_KEPT
    )
    names = pa.array(kind.names, pa.string())
    item, other = positions(pairs["item"], names), positions(pairs["other_item"], names)
    return _partners(item, other, pairs, len(kind.names), KINDS_KEPT)


def _partners(
    item: np.ndarray, other: np.ndarray, pairs: pa.Table, count: int, kept: int
) -> Partners:
    """Lay pairs out by their first item, which `item` numbers; those without a number are left out.

    The score is the confidence as if the first item had been in ten baskets more.
    """
    baskets = pairs["basket_count"].to_numpy()
    score = baskets / (pairs["item_basket_count"].to_numpy() + DOUBT)
    keep = np.flatnonzero(item != NOWHERE)
    keep = keep[np.lexsort((other[keep], -score[keep], item[keep]))]
    row = item[keep]
    place = np.arange(row.size) - np.searchsorted(row, row)
    item_AK = np.full((count, kept), NOWHERE, np.int32)
    score_AK = np.zeros((count, kept), np.float32)
    item_AK[row, place], score_AK[row, place] = other[keep], score[keep]
    return Partners(_closed(item_AK, NOWHERE), _closed(score_AK, 0))


def _closed(table_AK: np.ndarray, nothing: float) -> np.ndarray:
    """Add a last row of nothing: index -1 finds it."""
    return np.vstack([table_AK, np.full((1, table_AK.shape[1]), nothing, table_AK.dtype)])


def _shares(sold: Sold, labels: Labels) -> np.ndarray:
    """Return each cluster's shares of what it bought by label, one unit of everybody's added."""
    units_CL = np.zeros((len(sold.units_CP), len(labels.names)))
    everybody_L = np.bincount(labels.code_P, sold.units_P + 1.0, len(labels.names))
    for c, units_P in enumerate(sold.units_CP):
        units_CL[c] = np.bincount(labels.code_P, units_P, len(labels.names))
    smoothed_CL = units_CL + everybody_L / everybody_L.sum()
    return smoothed_CL / smoothed_CL.sum(axis=1, keepdims=True)


def _shares_in_sector(sold: Sold, assortment: Assortment) -> np.ndarray:
    """Return each brand's share within the sector that most of its products are of."""
    share_CX = _shares(sold, assortment.brand)
    brand, sector = assortment.brand, assortment.sector
    count_XS = np.zeros((len(brand.names), len(sector.names)), np.int64)
    np.add.at(count_XS, (brand.code_P, sector.code_P), 1)
    sector_X = count_XS.argmax(axis=1)
    total_CS = np.zeros((len(share_CX), len(sector.names)))
    np.add.at(total_CS.T, sector_X, share_CX.T)
    within_CX: np.ndarray = share_CX / total_CS[:, sector_X]
    return within_CX


def _taken(value_CP: np.ndarray, row_G: np.ndarray, product_GT: np.ndarray) -> np.ndarray:
    """Look up a value of each group's products; 0 where there is no product."""
    taken_GT: np.ndarray = value_CP[row_G[:, None], product_GT]
    return np.where(product_GT == NOWHERE, 0, taken_GT)


def _lately(night: Night, assortment: Assortment, groups: Groups) -> Lately:
    """Sum up what customers of each group's country bought on the last day."""
    sold = sales.sold_on_last_day(night.sales, night.everybody)
    units_RP = np.zeros((len(groups.countries), assortment.products.num_rows), np.int64)
    country = positions(sold["country"], groups.countries)
    product = positions(sold["product_id"], assortment.products["product_id"])
    is_ours = (country != NOWHERE) & (product != NOWHERE)
    units_RP[country[is_ours], product[is_ours]] = sold["unit_count"].to_numpy()[is_ours]
    return Lately(groups.country_G, units_RP)


def _pinned(
    pins: Sequence[Override], assortment: Assortment, groups: Groups, popular: Popular
) -> np.ndarray:
    """Find each group's products for each pin, the best first; -1 where there are no more."""
    pinned_GQF = np.full((len(groups.market_G), len(pins), PINNED_KEPT), NOWHERE, np.int32)
    for q, pin in enumerate(pins):
        is_meant_P = _is_meant(pin, assortment)
        for g, market in enumerate(groups.market_G):
            there = np.concatenate([popular.product_GT[g], assortment.products_of(market)])
            meant = there[is_meant_P[there] & (there != NOWHERE)]
            best = list(dict.fromkeys(meant.tolist()))[:PINNED_KEPT]
            pinned_GQF[g, q, : len(best)] = best
    return pinned_GQF


def _is_meant(pin: Override, assortment: Assortment) -> np.ndarray:
    """Tell which products a pin speaks of: bool [P]."""
    is_meant_P = np.zeros(assortment.products.num_rows, bool)
    if pin.campaign is not None:
        is_of = pc.equal(assortment.offers["campaign_id"], pin.campaign).to_numpy()
        is_meant_P[assortment.product_O[is_of]] = True
    else:
        column, wanted = ("brand", pin.brand) if pin.brand else ("product_id", pin.product)
        is_meant_P = pc.equal(assortment.products[column], wanted).to_numpy()
    return is_meant_P
